"""The short way to canonical JSON: the same bytes as the long one, or none."""

from __future__ import annotations

from collections import OrderedDict
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cas.errors import InvalidError
from cas.testing import strategies
from cas.versions.identity import version_id
from cas.versions.plain import canonical_of_plain
from cas.versions.properties import canonical, check_properties
from cas.versions.values import MAX_INTEGER

if TYPE_CHECKING:
    from cas.ids import VersionId
    from cas.versions.values import JSON


class Colour(StrEnum):
    RED = "red"


class Level(IntEnum):
    HIGH = 3


# Where two ways to write a number, or to sort keys, part: exponents, fractions of nothing, surrogate pairs.
NUMBERS = st.floats(1e-8, 1e-3) | st.floats(2.0**40, 2.0**70) | st.floats(-10, 10)
KEYS = st.text(st.sampled_from('a"\\\n\x1f\x7fé\ud7ff\ue000\uffff\U00010000\U0010ffff'), max_size=3)


@given(strategies.properties())
def test_it_writes_what_the_long_way_writes(properties: dict[str, JSON]) -> None:
    """Version ids rest on RFC 8785; which code wrote it must not show."""
    assert canonical_of_plain(properties) in {None, canonical(properties)}


@given(st.dictionaries(KEYS, NUMBERS.flatmap(lambda number: st.sampled_from([number, -number])), max_size=5))
@example({"\uffff": 1, "\U00010000": 2})
@example({"": 1e-6, "a": 9007199254740991.5, "b": 1e-4, "c": 123456789012345.6})
def test_hard_numbers_and_keys_are_no_exception(properties: dict[str, float]) -> None:
    """Writers of JSON disagree about exponents, and UTF-8 and UTF-16 about order."""
    assert canonical_of_plain(properties) in {None, canonical(check_properties(properties))}


@pytest.mark.parametrize(
    "properties",
    [
        {"region": "ru", "rows": -(2**53), "is_final": True, "parent": None, "rate": 0.25, "язык": "русский"},
        {"list": [1, "a", [None, {"b": {"a": [False]}}]], "empty": {}, "": [], '"\\\n\x00\x1f\x7f': "\u2028"},
        {},
    ],
)
def test_what_people_write_is_plain(properties: dict[str, JSON]) -> None:
    """If it were not, the short way would be right and of no use."""
    assert canonical_of_plain(properties) == canonical(properties)


class Text(str):
    __slots__ = ()


@pytest.mark.parametrize(
    "value",
    [
        1.0,
        1e-5,
        2.0**60,
        float("nan"),
        float("inf"),
        MAX_INTEGER + 1,
        -MAX_INTEGER - 1,
        "\ud800",
        {"\ud800": 1},
        {1: 2},
        {Colour.RED: 1},
        Colour.RED,
        Level.HIGH,
        Text("plain"),
        (1, 2),
        b"x",
        {1},
        OrderedDict(a=1.0),
        {"\uffff": 1, "\U00010000": 2},
    ],
)
def test_what_needs_a_check_is_not_plain(value: object) -> None:
    """However deep it is; the long way then checks it, and refuses it or not."""
    for wrapped in (value, [value], {"a": [{"b": value}]}):
        assert canonical_of_plain({"a": wrapped}) is None


def test_nesting_is_left_to_the_long_way() -> None:
    """A list in itself has no end, and the long way has the words for that."""
    endless: list[object] = []
    endless.append(endless)

    assert canonical_of_plain({"a": endless}) is None
    with pytest.raises(InvalidError, match="nested more than"):
        version_id({"a": endless}, {})


@given(strategies.properties(), strategies.inputs())
def test_both_ways_lead_to_one_version(properties: dict[str, JSON], inputs: dict[str, VersionId]) -> None:
    """A float without fraction sends it all the long way; the integer it equals may go the short one."""
    assert version_id({**properties, "n": 1}, inputs) == version_id({**properties, "n": 1.0}, inputs)
