"""Sizes, tables, JSON: laws of what is printed."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cas.cli import durations, table, text
from cas.cli.console import encode

COLUMNS = [
    table.Column("NAME", floor=20),
    table.Column("SIZE", table.Align.RIGHT),
    table.Column("FILES", table.Align.RIGHT, is_droppable=True),
    table.Column("TAGS", floor=8, hides_when_empty=True),
]

cells = st.text(max_size=60)
rows = st.lists(
    st.tuples(cells, st.text("0123456789", max_size=9), st.text("0123456789", max_size=9), cells), max_size=8
)


@given(rows, st.integers(60, 200))
def test_a_table_fits_the_terminal(values: list[tuple[str, str, str, str]], width: int) -> None:
    """A line that wraps makes a table unreadable, whatever the names in it."""
    arranged = table.layout(COLUMNS, values, cells=width)

    for line in (arranged.head, *arranged.lines):
        assert text.width(line) <= width


@given(rows, st.integers(30, 200))
def test_what_may_be_copied_is_never_cut(values: list[tuple[str, str, str, str]], width: int) -> None:
    """Half of a path or of a URL is of no use; what does not fit beside it stands below it."""
    name, size, files, tags = COLUMNS
    kept = [
        replace(name, overlong=table.Overlong.KEPT),
        size,
        files,
        replace(tags, overlong=table.Overlong.WRAPPED),
    ]

    arranged = table.layout(kept, values, cells=width)

    shown = "\n".join(arranged.lines)
    for row in values:
        assert text.printable(row[0]).strip() in shown
        assert all(word in shown for word in text.printable(row[3]).split(" "))


def test_a_row_that_does_not_fit_goes_on_below() -> None:
    """Every value stays in its column, under its title."""
    columns = [
        table.Column("NAME", floor=8, overlong=table.Overlong.KEPT),
        table.Column("SIZE", table.Align.RIGHT),
        table.Column("FOUND", floor=12, overlong=table.Overlong.WRAPPED),
    ]

    rows = [("a/very/long/name", "9", "not what came here"), ("short", "10", "well")]

    arranged = table.layout(columns, rows, cells=28)

    assert arranged.head == "NAME   SIZE  FOUND"
    assert arranged.lines == (
        "a/very/long/name",
        "          9  not what came",
        "             here",
        "short    10  well",
    )


@given(rows)
def test_a_table_in_a_pipe_is_whole(values: list[tuple[str, str, str, str]]) -> None:
    """What a script reads is never cut."""
    arranged = table.layout(COLUMNS, values, cells=None)

    for line, row in zip(arranged.lines, values, strict=True):
        for value in row:
            assert text.printable(value).strip() in line


@given(st.text())
def test_printable_text_is_one_line(value: str) -> None:
    """A file name must not start a line of its own or send escapes to the terminal."""
    shown = text.printable(value)

    assert len(shown.splitlines()) <= 1
    assert not re.search(r"[\x00-\x1f\x7f-\x9f]", shown)


@given(st.integers(0, 2**64))
def test_sizes_are_short_and_have_a_unit(count: int) -> None:
    """A size never takes more than the ten cells that columns reserve."""
    shown = text.size(count)

    assert re.fullmatch(r"\d{1,4}(\.\d)? ([KMGTPE]i)?B", shown) or count >= 1023 * 2**60
    assert len(shown) <= 10


@given(st.recursive(st.text() | st.integers() | st.none(), lambda inner: st.dictionaries(st.text(), inner)))
def test_json_of_any_text_can_be_read_back(value: object) -> None:
    """File names may hold bytes that are no UTF-8; the JSON must stay JSON."""
    assert json.loads(encode(value).decode("utf-8")) == value


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("30m", timedelta(minutes=30)),
        ("12h", timedelta(hours=12)),
        ("14d", timedelta(days=14)),
        ("2w", timedelta(days=14)),
        ("999999999w", timedelta(days=365_000)),
    ],
)
def test_durations(typed: str, meant: timedelta) -> None:
    """The units of the documentation, and no overflow however far back."""
    assert meant == durations.parse(typed)


@pytest.mark.parametrize("typed", ["", "14", "d", "-1d", "1.5h", "1 d", "1y", "\u0661d\n"])
def test_what_is_no_duration(typed: str) -> None:
    """Guessing here would delete data."""
    assert durations.parse(typed) is None
