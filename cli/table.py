"""Tables of plain text that fit the terminal.

On a terminal that is too narrow, first the columns marked as droppable go, from the left; then the flexible
ones give way, from the right, because the first column says what a line is about. How they do it depends on
what is in them: a remark is cut, a sentence is wrapped, and what somebody may want to copy is never touched.
Into a pipe every row is one line, in full.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from cas.cli import text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

GAP = "  "


class Align(StrEnum):
    """Where the text of a column stands."""

    LEFT = "left"
    RIGHT = "right"


class Overlong(StrEnum):
    """What becomes of a value that is too long for its column."""

    CUT = "cut"
    """Its end is left out."""
    KEPT = "kept"
    """It stays whole, and the rest of its row goes on in the next line: names, paths, URLs."""
    WRAPPED = "wrapped"
    """It goes on in the next line, below its beginning; for the last column."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its title and how it gives way."""

    title: str
    align: Align = Align.LEFT
    floor: int | None = None
    """May be narrowed to this many cells; None is never narrowed."""

    overlong: Overlong = Overlong.CUT
    """What becomes of values that are too long for it then."""

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
        _fit(columns, widths, chosen, cells=cells, rows=cleaned)
    titles = [column.title for column in columns]
    return Table(
        next(_lines(columns, widths, chosen, titles)),
        tuple(line for row in cleaned for line in _lines(columns, widths, chosen, row)),
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


def _fit(
    columns: Sequence[Column],
    widths: list[int],
    chosen: Sequence[int],
    *,
    cells: int,
    rows: Sequence[Sequence[str]],
) -> None:
    """Narrow columns; one whose longest values do not fit all the same needs room for the others only."""
    wished = widths.copy()
    _shrink(columns, widths, chosen, cells)
    for place in chosen:
        if columns[place].overlong is Overlong.KEPT:
            fitting = [size for row in rows if (size := text.width(row[place])) <= widths[place]]
            widths[place] = max([text.width(columns[place].title), *fitting])
        else:
            widths[place] = wished[place]
    _shrink(columns, widths, chosen, cells)


def _lines(
    columns: Sequence[Column], widths: Sequence[int], chosen: Sequence[int], values: Sequence[str]
) -> Iterator[str]:
    """Write one row; it takes several lines only where a value does not fit and must not be cut."""
    line, start = "", 0
    for place in chosen:
        for value in _fitted(columns[place], values[place], widths[place]):
            is_free = not line or text.width(line) + len(GAP) <= start
            if not is_free:
                yield line.rstrip()
                line = ""
            line += " " * (start - text.width(line)) + value
        start += widths[place] + len(GAP)
    yield line.rstrip()


def _fitted(column: Column, value: str, cells: int) -> list[str]:
    """Fit a value into so many cells, or into several lines of them."""
    match column.overlong:
        case Overlong.CUT:
            value = text.clip(value, cells)
        case Overlong.WRAPPED:
            return text.wrapped(value, cells)
        case Overlong.KEPT:
            pass
    is_right = column.align is Align.RIGHT and value
    return [" " * (cells - text.width(value)) + value if is_right else value] if value else []
