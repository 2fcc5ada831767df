"""Tables of plain text that fit the terminal.

A table never wraps. On a terminal that is too narrow, first the columns marked as droppable go, last
one first; then the columns marked as flexible are clipped, the widest first. Into a pipe everything is
written in full.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from cas.cli.render import text

if TYPE_CHECKING:
    from collections.abc import Sequence

GAP = "  "
_NARROWEST = 8


class Align(StrEnum):
    """Where the text of a column stands."""

    LEFT = "left"
    RIGHT = "right"


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its title and how it gives way."""

    title: str
    align: Align = Align.LEFT
    is_flexible: bool = False
    """May be clipped, down to 8 cells."""

    is_droppable: bool = False
    """May be left out altogether."""


@dataclass(frozen=True, slots=True)
class Table:
    """A head line and the lines below it, not coloured yet."""

    head: str
    lines: tuple[str, ...]


def layout(columns: Sequence[Column], rows: Sequence[Sequence[str]], *, cells: int | None) -> Table:
    """Arrange `rows` under `columns` in at most `cells` cells; None is as wide as it takes."""
    cleaned = [[text.printable(value) for value in row] for row in rows]
    chosen = list(range(len(columns)))
    widths = [
        max([text.width(column.title), *(text.width(row[place]) for row in cleaned)])
        for place, column in enumerate(columns)
    ]
    if cells is not None:
        chosen = _drop(columns, widths, chosen, cells)
        _shrink(columns, widths, chosen, cells)
    titles = [column.title for column in columns]
    return Table(
        _line(columns, widths, chosen, titles),
        tuple(_line(columns, widths, chosen, row) for row in cleaned),
    )


def _total(widths: Sequence[int], chosen: Sequence[int]) -> int:
    return sum(widths[place] for place in chosen) + len(GAP) * (len(chosen) - 1)


def _least(columns: Sequence[Column], widths: Sequence[int]) -> list[int]:
    return [
        min(cells, _NARROWEST * 2) if column.is_flexible else cells
        for column, cells in zip(columns, widths, strict=True)
    ]


def _drop(columns: Sequence[Column], widths: Sequence[int], chosen: list[int], cells: int) -> list[int]:
    least = _least(columns, widths)
    for place in reversed(chosen):
        if _total(least, chosen) <= cells:
            break
        if columns[place].is_droppable:
            chosen = [other for other in chosen if other != place]
    return chosen


def _shrink(columns: Sequence[Column], widths: list[int], chosen: Sequence[int], cells: int) -> None:
    while (over := _total(widths, chosen) - cells) > 0:
        flexible = [place for place in chosen if columns[place].is_flexible and widths[place] > _NARROWEST]
        if not flexible:
            return
        widest = max(flexible, key=lambda place: widths[place])
        others = [widths[place] for place in flexible if place != widest]
        # Down to the next widest at most, so that equals give way together.
        floor = max([_NARROWEST, *(other for other in others if other < widths[widest])])
        widths[widest] = max(widths[widest] - over, floor) if floor < widths[widest] else widths[widest] - 1


def _line(
    columns: Sequence[Column], widths: Sequence[int], chosen: Sequence[int], values: Sequence[str]
) -> str:
    parts = []
    for place in chosen:
        value = text.clip(values[place], widths[place])
        padding = " " * (widths[place] - text.width(value))
        parts.append(padding + value if columns[place].align is Align.RIGHT else value + padding)
    return GAP.join(parts).rstrip()
