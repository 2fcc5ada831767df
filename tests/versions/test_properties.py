"""Property values: what is accepted, in which form it is kept, and what is refused with which words."""

from __future__ import annotations

import json
import math
from collections import OrderedDict
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cas.errors import InvalidError, NotFoundError
from cas.testing import strategies
from cas.versions.properties import canonical, check_properties, parse_assignment, read_properties_file
from cas.versions.values import MAX_DEPTH, fingerprint

if TYPE_CHECKING:
    from pathlib import Path

    from cas.versions.values import JSON


class Colour(StrEnum):
    RED = "red"


class Level(IntEnum):
    HIGH = 3


@given(strategies.properties())
def test_checking_twice_changes_nothing(properties: dict[str, JSON]) -> None:
    """The stored form is a fixed point; otherwise a version would change when it is committed again."""
    assert properties == check_properties(properties)


@given(strategies.json_values(), strategies.json_values())
def test_canonical_text_tells_values_apart(a: JSON, b: JSON) -> None:
    """Equal text means one value, types included; a version id rests on that."""
    same_text = canonical(a) == canonical(b)

    assert same_text == (repr(_sorted(a)) == repr(_sorted(b)))


@given(strategies.json_values())
def test_canonical_text_is_json_of_the_value(value: JSON) -> None:
    """Anybody's JSON parser reads back what was meant."""
    assert value == check_properties({"x": json.loads(canonical(value), parse_int=float)})["x"]


@pytest.mark.parametrize(
    ("given_value", "kept"),
    [
        (1.0, 1),
        (-0.0, 0),
        (float(2**53), 2**53),
        (2.0**54, 2.0**54),
        (0.5, 0.5),
        (True, True),
        ((1, (2,)), [1, [2]]),
        (OrderedDict(a=1), {"a": 1}),
        (Colour.RED, "red"),
        (Level.HIGH, 3),
        (-(2**53), -(2**53)),
    ],
)
def test_each_value_has_one_form(given_value: object, kept: JSON) -> None:
    """RFC 8785 writes 1 and 1.0 alike, so they are one value: the integer is kept."""
    checked = check_properties({"x": given_value})["x"]

    assert kept == checked
    assert type(kept) is type(checked)


def test_one_and_one_point_zero_are_the_same_text() -> None:
    """This is RFC 8785's doing and documented; `True` and `"1"` stay apart."""
    texts = [canonical(check_properties({"x": value})["x"]) for value in (1, 1.0, True, "1")]

    assert texts == [b"1", b"1", b"true", b'"1"']


@pytest.mark.parametrize(
    ("properties", "what", "why"),
    [
        ({"a": math.nan}, "'a'", "JSON has no nan"),
        ({"a": {"b": [0, -math.inf]}}, "'a.b[1]'", "JSON has no -inf"),
        ({"a": b"x"}, "'a'", "bytes is not a JSON value"),
        ({"a": {1}}, "'a'", "set is not a JSON value"),
        ({"a": object}, "'a'", "type is not a JSON value"),
        ({"a": {1: 2}}, "'a'", "the key 1 is int, and keys are strings"),
        ({1: 2}, "these properties", "the key 1 is int, and keys are strings"),
        ({"a": 2**53 + 1}, "'a'", "9007199254740993 is beyond ±2^53"),
        ({"a": [-(2**53) - 1]}, "'a[0]'", "is beyond ±2^53"),
        ({"a": "\ud800"}, "'a'", r"'\ud800' is not valid Unicode"),
        ({"\udc80": 1}, r"'\udc80'", "is not valid Unicode"),
    ],
)
def test_what_json_cannot_say_is_refused_by_name(properties: dict[str, object], what: str, why: str) -> None:
    """The message names the place inside the value and the rule."""
    with pytest.raises(InvalidError) as caught:
        check_properties(properties)

    assert caught.value.code == "bad-property"
    assert what in caught.value.what
    assert why in str(caught.value.why)


def test_nesting_has_a_limit() -> None:
    """A value that refers to itself, or was made to break parsers, must not end in a RecursionError."""
    endless: list[object] = []
    endless.append(endless)

    with pytest.raises(InvalidError, match=f"more than {MAX_DEPTH} deep"):
        check_properties({"a": endless})


@given(strategies.properties(min_size=1))
def test_fingerprints_depend_on_key_and_value(properties: dict[str, JSON]) -> None:
    """They are the keys of the table of properties: two properties must not share one."""
    prints = {fingerprint(key, value) for key, value in properties.items()}

    assert len(properties) == len(prints)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("region=ru", ("region", "ru")),
        ("empty=", ("empty", "")),
        ("eq=a=b", ("eq", "a=b")),
        ("year=2016", ("year", "2016")),
        ("year:=2016", ("year", 2016)),
        ("scale:=1.0", ("scale", 1)),
        ('list:=[1, "a", null]', ("list", [1, "a", None])),
        (" spaced = x ", (" spaced ", " x ")),
    ],
)
def test_assignments(text: str, expected: tuple[str, JSON]) -> None:
    """Text after `=` is taken as it is, JSON after `:=` is parsed."""
    assert expected == parse_assignment(text)


@pytest.mark.parametrize(
    ("text", "code", "why"),
    [
        ("region", "bad-assignment", "key=text or key:=json"),
        ("=x", "bad-assignment", "key=text or key:=json"),
        (":=1", "bad-assignment", "key=text or key:=json"),
        ("a:=", "bad-json", "is not JSON"),
        ("a:=ru", "bad-json", "'ru' is not JSON"),
        ("a:=1 2", "bad-json", "' 2' follows the JSON"),
        ('a:={"b":1,"b":2}', "bad-json", "the key 'b' is there twice"),
        ("a:=NaN", "bad-json", "JSON has no NaN"),
        ("a:=[-Infinity]", "bad-json", "JSON has no -Infinity"),
        ("a:=1e999", "bad-property", "JSON has no inf"),
        ("a:=9007199254740993", "bad-property", "beyond ±2^53"),
        ("a:=" + "[" * 100_000, "bad-json", ""),
    ],
)
def test_bad_assignments_are_refused(text: str, code: str, why: str) -> None:
    """A property that was misread would be a wrong version, for ever."""
    with pytest.raises(InvalidError) as caught:
        parse_assignment(text)

    assert code == caught.value.code
    assert why in str(caught.value.why)


def read(tmp_path: Path, text: str) -> dict[str, JSON]:
    path = tmp_path / "properties.yaml"
    path.write_text(text, encoding="utf-8")
    return read_properties_file(path)


def test_a_property_file(tmp_path: Path) -> None:
    """Everything JSON can say, in YAML's clothes."""
    text = """
# how this data set was made
region: ru
year: 2016
scale: -0.5
done: true
missing: null
also_missing: ~
quoted: '2016-01-01'
no_number: "012"
folded: >-
  two
  lines
list: [1, two, {three: 3}]
nested:
  - a: {}
    b: []
ключ: значение
"""
    expected: dict[str, JSON] = {
        "region": "ru",
        "year": 2016,
        "scale": -0.5,
        "done": True,
        "missing": None,
        "also_missing": None,
        "quoted": "2016-01-01",
        "no_number": "012",
        "folded": "two lines",
        "list": [1, "two", {"three": 3}],
        "nested": [{"a": {}, "b": []}],
        "ключ": "значение",
    }

    assert expected == read(tmp_path, text)


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "---\n"])
def test_an_empty_property_file_has_no_properties(tmp_path: Path, text: str) -> None:
    """A file of comments is a mapping that nobody has filled in yet."""
    assert read(tmp_path, text) == {}


PRINTABLE = st.characters(exclude_categories=["C", "Zl", "Zp"])


@given(
    value=st.dictionaries(
        st.text(PRINTABLE, max_size=5), st.text(PRINTABLE, max_size=20) | st.integers(-100, 100), max_size=3
    )
)
def test_json_is_yaml(tmp_path_factory: pytest.TempPathFactory, value: dict[str, JSON]) -> None:
    """Whoever writes the file with a JSON library must get the same properties back."""
    path = tmp_path_factory.mktemp("json") / "properties.yaml"
    path.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")

    assert value == read_properties_file(path)


@pytest.mark.parametrize(
    ("text", "why", "hint"),
    [
        ("a: 2016-01-01", "line 1, column 4: 2016-01-01 is a date, and JSON has none", "'2016-01-01'"),
        ("a: 2016-01-01 10:00:00", "is a date", "quote it"),
        ("a: &x 1\nb: *x", "line 1, column 4: anchors and aliases", "write the value out"),
        ("b: *x", "alias", None),
        ("a: !!python/object:os.system x", "the tag", "remove it"),
        ("a: !!str 1", "the tag 'tag:yaml.org,2002:str'", "remove it"),
        ("a: 1\nb: 2\na: 3", "line 3, column 1: the key 'a' is there twice", None),
        ("a: {b: 1, b: 2}", "the key 'b' is there twice", None),
        ("1: a", "the key 1 is int", "quote it"),
        ("yes: a", "disagree about what yes means", "quote it: 'yes'"),
        ("[1]: a", "the key [1] is list", "quote it"),
        ("a: no", "disagree about what no means", "quote it: 'no'"),
        ("a: Off", "disagree about what Off means", "quote it: 'Off'"),
        ("a: 012", "disagree about what 012 means", "quote it"),
        ("a: 1_000", "disagree", "quote it"),
        ("a: 1:30", "disagree", "quote it"),
        ("a: 0x1F", "disagree", "quote it"),
        ("a: 1e3", "disagree", "quote it"),
        ("a: .nan", "JSON has no .nan", "quote it"),
        ("a: -.inf", "JSON has no -.inf", "quote it"),
        ("a: 9007199254740993", "beyond ±2^53", None),
        ("a: NaN", "disagree about what NaN means", "quote it: 'NaN'"),
        ("a: [Infinity]", "disagree about what Infinity means", "quote it"),
        ("{a: -Infinity}", "disagree about what -Infinity means", "quote it"),
        ("<<: {a: 1}", "disagree about what << means", "quote it"),
        ("- a", "line 1, column 1: it is not a mapping", None),
        ("just text", "it is not a mapping", None),
        ("a: 1\n---\nb: 2", "second document", None),
        ("a: [", "", None),
        ("a: \x01", "", None),
        ("a: " + "[" * 200, "more than 64 deep", None),
    ],
)
def test_what_yaml_readers_disagree_about_is_refused(
    tmp_path: Path, text: str, why: str, hint: str | None
) -> None:
    """A silent guess would be a version nobody meant; the message says where and what to do."""
    with pytest.raises(InvalidError) as caught:
        read(tmp_path, text)

    assert why in str(caught.value.why)
    if hint is not None:
        assert hint in str(caught.value.hint)


def test_a_bomb_of_aliases_is_refused_at_once(tmp_path: Path) -> None:
    """Nine lines of YAML can mean a billion values; nothing may be expanded before it is refused."""
    levels = ["a0: &a0 [x, x]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]

    with pytest.raises(InvalidError, match="anchors and aliases"):
        read(tmp_path, "\n".join(levels))


def test_a_huge_or_missing_file_is_refused(tmp_path: Path) -> None:
    """Somebody who gives the data instead of its properties should hear so at once."""
    path = tmp_path / "data.yaml"
    path.write_bytes(b"a: " + b"x" * (1 << 20))

    with pytest.raises(InvalidError, match="larger than"):
        read_properties_file(path)
    with pytest.raises(NotFoundError, match=r"no\.yaml"):
        read_properties_file(tmp_path / "no.yaml")


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    """Bytes that are no UTF-8 are the parser's error, told in our words."""
    path = tmp_path / "properties.yaml"
    path.write_bytes(b"a: \xff\xfe\xfa")

    with pytest.raises(InvalidError, match="cannot read properties"):
        read_properties_file(path)


def _sorted(value: JSON) -> JSON:
    match value:
        case dict():
            return {key: _sorted(value[key]) for key in sorted(value)}
        case list():
            return [_sorted(item) for item in value]
    return value
