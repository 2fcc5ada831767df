"""The dependencies that are declared are those that are imported."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]

IMPORT_NAMES = {"pyyaml": "yaml", "backports.zstd": "backports"}
"""Distributions whose module has another name."""


def imported() -> set[str]:
    """Top-level names that the shipped code imports, the standard library and `cas` left out."""
    names = set()
    for folder in ("cas", "cli", "hooks"):
        for path in (ROOT / folder).rglob("*.py"):
            if "testing" in path.parts:
                continue  # cas.testing is for people who have the test extra
            for node in ast.walk(ast.parse(path.read_bytes())):
                if isinstance(node, ast.Import):
                    names |= {alias.name.partition(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and node.module:
                    names.add(node.module.partition(".")[0])
    # compression is in the standard library from 3.14; _typeshed is there for type checkers only
    return names - set(sys.stdlib_module_names) - {"cas", "compression", "_typeshed"}


def test_declared_dependencies_are_the_imported_ones() -> None:
    """One that is missing fails on a fresh machine only; one too many is installed for nothing."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    names = [re.split(r"[^A-Za-z0-9._-]", line)[0].lower() for line in project["dependencies"]]

    assert {IMPORT_NAMES.get(name, name) for name in names} == imported()
