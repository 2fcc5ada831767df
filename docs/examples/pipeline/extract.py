#!/usr/bin/env python3
"""Write the documentation strings of each module in a list to a file of its own.

Usage: extract.py LIST DIRECTORY
"""

import importlib
import inspect
import sys
from pathlib import Path


def docstrings(module_name: str) -> list[str]:
    """Collect the documentation of a module and of what is public in it."""
    module = importlib.import_module(module_name)
    public = [value for name, value in sorted(vars(module).items()) if not name.startswith("_")]
    documented = [value for value in public if inspect.isclass(value) or inspect.isroutine(value)]
    found = (inspect.getdoc(one) for one in (module, *documented))
    return [text for text in found if text]


def main(names: Path, directory: Path) -> None:
    """Write one file for each name."""
    directory.mkdir()
    for name in names.read_text(encoding="utf-8").split():
        (directory / f"{name}.txt").write_text("\n\n".join(docstrings(name)) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
