"""Labels and values, one below the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cas.cli import text
from cas.cli.console import Paint

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cas.cli.console import Console

_LABEL_CELLS: Final = 11


def show(console: Console, pairs: Sequence[tuple[str, str]], *, indent: str) -> None:
    """Write pairs, the values in one column; lines of a value stay lines."""
    cells = max(_LABEL_CELLS - len(indent), *(text.width(text.printable(label)) for label, _ in pairs))
    for label, value in pairs:
        shown = text.printable(label)
        padding = " " * (cells - text.width(shown))
        first, *others = [text.printable(line) for line in value.splitlines()] or [""]
        console.line(f"{indent}{console.paint(shown, Paint.FAINT)}{padding}  {first}")
        console.lines(f"{indent}{' ' * cells}  {other}" for other in others)
