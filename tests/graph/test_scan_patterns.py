"""Paths with placeholders: what they match, and what they stand for."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cas.errors import ReadOnlyError
from cas.graph.patterns import Field, PathPattern, Pattern, PatternError
from tests import processes
from tests.children import become_nobody

if TYPE_CHECKING:
    from collections.abc import Mapping

FILES = (
    "data/ru/2023.pbf",
    "data/ru/2024.pbf",
    "data/fi/2024.pbf",
    "data/fi/readme.txt",
    "data/fi/.hidden.pbf",
    "data/fi/2024.pbf.d/part",
    "data/ru-fi-ru.txt",
    "data/ru-fi-no.txt",
    "data/a{b}.txt",
    ".cas/config",
    "top.txt",
)


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A directory with a few files."""
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def found(base: Path, pattern: str) -> dict[str, Mapping[str, str | int]]:
    return {match.path: match.values for match in PathPattern.parse(pattern).matches(base)}


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        ("data/{region}/{year}.pbf", {
            "data/ru/2023.pbf": {"region": "ru", "year": "2023"},
            "data/ru/2024.pbf": {"region": "ru", "year": "2024"},
            "data/fi/2024.pbf": {"region": "fi", "year": "2024"},
        }),
        ("data/fi/{year:int}.pbf", {"data/fi/2024.pbf": {"year": 2024}}),
        ("data/{name}.{ending}", {
            "data/ru-fi-ru.txt": {"name": "ru-fi-ru", "ending": "txt"},
            "data/ru-fi-no.txt": {"name": "ru-fi-no", "ending": "txt"},
            "data/a{b}.txt": {"name": "a{b}", "ending": "txt"},
        }),
        ("data/{a}-{b}-{a}.txt", {"data/ru-fi-ru.txt": {"a": "ru", "b": "fi"}}),
        ("data/{a}-{rest}.txt", {
            "data/ru-fi-ru.txt": {"a": "ru", "rest": "fi-ru"},
            "data/ru-fi-no.txt": {"a": "ru", "rest": "fi-no"},
        }),
        ("data/{x}{{b}}.txt", {"data/a{b}.txt": {"x": "a"}}),
        ("./data//fi/readme.txt", {"data/fi/readme.txt": {}}),
        ("{top}.txt", {"top.txt": {"top": "top"}}),
        ("{folder}/config", {}),
        (".cas/{file}", {".cas/config": {"file": "config"}}),
        ("data/fi/.{name}.pbf", {"data/fi/.hidden.pbf": {"name": "hidden"}}),
        ("data/{region}", {f"data/{name}": {"region": name} for name in (
            "ru", "fi", "ru-fi-ru.txt", "ru-fi-no.txt", "a{b}.txt"
        )}),
        ("data/{region}/{year}.pbf/x", {}),
        ("nowhere/{x}/y", {}),
        ("top.txt/{x}", {}),
        ("data/{year:int}.txt", {}),
    ],
)  # fmt: skip
def test_what_matches(base: Path, pattern: str, matches: dict[str, dict[str, str | int]]) -> None:
    """A placeholder stays within one component, takes as little as it can, and never a leading dot."""
    assert matches == found(base, pattern)


def test_an_absolute_pattern_leaves_the_base(base: Path) -> None:
    """Its matches are absolute, too."""
    pattern = f"{base}/data/fi/{{year}}.pbf"

    assert {f"{base}/data/fi/2024.pbf": {"year": "2024"}} == found(Path("/nonexistent"), pattern)


def test_one_placeholder_agrees_with_itself_over_components(tmp_path: Path) -> None:
    """Even if the first split that comes to mind does not."""
    for name in ("x-y-z/y-z", "x-y-z/z", "x-y-z/q"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()

    assert {
        "x-y-z/y-z": {"a": "x", "b": "y-z"},
        "x-y-z/z": {"a": "x-y", "b": "z"},
    } == found(tmp_path, "{a}-{b}/{b}")


@given(st.lists(st.text("ab1", min_size=1, max_size=4), min_size=3, max_size=3), st.sampled_from("/-_."))
def test_what_was_put_in_comes_out(values: list[str], separator: str) -> None:
    """Where no value holds the separator, a path gives back the values that it was written with."""
    pattern = PathPattern.parse(separator.join(["{a}", "{b}", "{c}"]))
    expected = dict(zip("abc", values, strict=True))

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, pattern.expand(expected))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()

        assert [expected] == [match.values for match in pattern.matches(Path(folder))]


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("data/{}", "'{}' does not begin with a placeholder"),
        ("data/{0}", "'{0}' does not begin"),
        ("data/{a.b}", "'{a.b}' does not begin"),
        ("data/{a:03d}", "'{a:03d}' does not begin"),
        ("data/{a", "'{a' does not begin"),
        ("data/a}", "'}' does not begin"),
        ("../{a}", "'..' leads out"),
        ("data/../{a}", "'..' leads out"),
        ("data/*.txt", "'*' has no meaning"),
        ("data/{a}{b}", "where {a} ends and {b} begins"),
        ("data/{a}/{a:int}", "{a} is a number in one place"),
        ("{a}-{b}-{c}-{d}-{e}", "at most 4 placeholders"),
        ("data/", "does not end with the name"),
        ("data/.", "does not end with the name"),
        ("a\0b", "no NUL"),
    ],
)
def test_what_is_no_pattern(text: str, rule: str) -> None:
    """The message says what is wrong, before anything is looked for."""
    with pytest.raises(PatternError) as caught:
        PathPattern.parse(text)

    assert rule in str(caught.value)


def test_a_pattern_can_be_filled_in() -> None:
    """As the name of a resource is."""
    pattern = Pattern.parse("maps/{region}/{{x}}-{year}")

    assert "maps/ru/{x}-2024" == pattern.expand({"region": "ru", "year": 2024})
    assert [Field("region"), Field("year")] == pattern.fields
    assert ["maps/", ""] == [pattern.prefix, Pattern.parse("{a}b").prefix]


def look_as_nobody(base: str) -> None:
    """Search where one may not."""
    become_nobody()
    try:
        list(PathPattern.parse("data/{x}/{y}").matches(Path(base)))
    except ReadOnlyError as error:
        processes.say(error.code, error.what)


def test_a_directory_that_may_not_be_read_is_an_error(public: Path) -> None:
    """Not a match less: nothing is skipped in silence."""
    closed = public / "data" / "closed"
    closed.mkdir(parents=True)
    closed.chmod(0o300)

    assert f"permission-denied cannot read '{closed}'\n" == processes.printed(look_as_nobody, public)
