"""Tables of plain text that fit the terminal.

A table never wraps. On a terminal that is too narrow, first the columns marked as droppable go, from the
left; then the flexible ones are clipped, from the right, because the first column says what a line is
about. Into a pipe everything is written in full.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from cas.cli.render import text

if TYPE_CHECKING:
    from collections.abc import Sequence

GAP = "  "


class Align(StrEnum):
    """Where the text of a column stands."""

    LEFT = "left"
    RIGHT = "right"


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its title and how it gives way."""

    title: str
    align: Align = Align.LEFT
    floor: int | None = None
    """May be clipped down to this many cells; None is never clipped."""

    tail: int = 0
    """Cells at the end that survive clipping: the id of `name@id`."""

    is_droppable: bool = False
    """May be left out altogether."""

    hides_when_empty: bool = False
    """Is left out when no row has anything in it."""


@dataclass(frozen=True, slots=True)
class Table:
    """A head line and the lines below it, not coloured yet."""

    head: str
    lines: tuple[str, ...]


def layout(columns: Sequence[Column], rows: Sequence[Sequence[str]], *, cells: int | None) -> Table:
    """Arrange `rows` under `columns` in at most `cells` cells; None is as wide as it takes."""
    cleaned = [[text.printable(value) for value in row] for row in rows]
    widths = [
        max([text.width(column.title), *(text.width(row[place]) for row in cleaned)])
        for place, column in enumerate(columns)
    ]
    chosen = [
        place
        for place, column in enumerate(columns)
        if not column.hides_when_empty or any(row[place] for row in cleaned)
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


def _drop(columns: Sequence[Column], widths: Sequence[int], chosen: list[int], cells: int) -> list[int]:
    least = [
        cells if column.floor is None else min(cells, column.floor)
        for column, cells in zip(columns, widths, strict=True)
    ]
    for place in list(chosen):
        if columns[place].is_droppable and _total(least, chosen) > cells:
            chosen = [other for other in chosen if other != place]
    return chosen


def _shrink(columns: Sequence[Column], widths: list[int], chosen: Sequence[int], cells: int) -> None:
    for place in reversed(chosen):
        floor = columns[place].floor
        over = _total(widths, chosen) - cells
        if floor is not None and over > 0:
            widths[place] = min(widths[place], max(widths[place] - over, floor))


def _line(
    columns: Sequence[Column], widths: Sequence[int], chosen: Sequence[int], values: Sequence[str]
) -> str:
    parts = []
    for place in chosen:
        column = columns[place]
        value = text.clip(values[place], widths[place], tail=column.tail)
        padding = " " * (widths[place] - text.width(value))
        parts.append(padding + value if column.align is Align.RIGHT else value + padding)
    return GAP.join(parts).rstrip()
