"""Pages of `docs/` that are written from the code: writing them, and checking that they are current."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from cas.cli.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def main(words: Sequence[str], render: Callable[[], str], *, module: str, page: str) -> int:
    """Write the file that `words` name, or with `--check` fail if that would change it.

    Args:
        words: The words of the command line.
        render: Gives the text of the page; the same wherever it is called.
        module: What the user has run with `python -m`, for messages.
        page: Where the page is usually, for messages.
    """
    is_check = "--check" in words
    files = [Path(word) for word in words if word != "--check"]
    if len(files) != 1:
        print(f"usage: python -m {module} [--check] {page}", file=sys.stderr)
        return ExitCode.USAGE
    wanted = render()
    if is_check:
        if files[0].read_text(encoding="utf-8") == wanted:
            return ExitCode.DONE
        print(f"{files[0]} is stale: run python -m {module} {files[0]}", file=sys.stderr)
        return ExitCode.FAILED
    files[0].write_text(wanted, encoding="utf-8")
    return ExitCode.DONE


def table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Write a table in Markdown; nothing at all when there are no rows."""
    lines = [titles, ["---"] * len(titles), *rows] if rows else []
    return "".join(f"| {' | '.join(value.strip() for value in line)} |\n" for line in lines)


def escaped(told: str) -> str:
    """Fit text into a cell of a table."""
    return " ".join(told.split()).replace("|", "\\|")
