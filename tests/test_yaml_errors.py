"""Files that are no YAML: what is wrong is said as the file shows it, and never as the grammar has it."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from cas.yaml_errors import explained
from cas.yaml_values import BadValueError, Value

LOADERS: list[Any] = [yaml.CSafeLoader, yaml.SafeLoader]


def explanation(loader: type[yaml.SafeLoader], text: bytes) -> tuple[str, str | None]:
    """Return what is said of a text that is no YAML."""
    with pytest.raises(yaml.YAMLError) as caught:
        yaml.compose(text, loader)
    return explained(caught.value, text)


@pytest.mark.parametrize("loader", LOADERS)
@pytest.mark.parametrize(
    ("text", "why", "advice"),
    [
        (b"a: b: c\n", "line 1, column 5: a ':' too many", "quotes"),
        (b"name: x\n dst_path: y\n", "line 2, column 10: a ':' too many", "alike"),
        (b"a:\n\tb: 1\n", "line 2, column 1: a tab: 'b: 1'", "blanks"),
        (b"a: @x\n", "line 1, column 4: nothing may begin with '@': 'a: @x'", "quotes"),
        (b'a: "x\nb: 1\n', "line 1, column 4: a quote that is not closed: 'a: \"x'", "close"),
        (b"b: 1\na: [1, 2\n", "line 2, column 4: a bracket that is not closed", "before line 3"),
        (b"- a\nb: 1\n", "line 2, column 1: it is no item of the list that begins on line 1", "'- '"),
        (b"a: 1\nb\n", "line 2, column 1: no ':' behind a key: 'b'", "KEY: VALUE"),
        (b"a:\n  b: 1\n c: 2\n", "line 3, column 2: it is indented otherwise than the keys", "alike"),
        (b"a: 1\n\xe9t\xe9: 1\n", "line 2: it is not UTF-8 (byte 6)", "UTF-8"),
        (b"a: 1\nb: \x01\n", "line 2: a character that no text has, number 1", "remove"),
    ],
)
def test_what_is_wrong_is_said_of_its_line(
    loader: type[yaml.SafeLoader], text: bytes, why: str, advice: str
) -> None:
    """With libyaml or without; and what to do about it."""
    found, hint = explanation(loader, text)

    assert found.startswith(why)
    assert hint is not None
    assert advice in hint


@pytest.mark.parametrize("loader", LOADERS)
def test_a_long_line_is_not_quoted(loader: type[yaml.SafeLoader]) -> None:
    """Whoever hides what is secret in a URL has to see all of it."""
    found, _ = explanation(loader, b'a: "https://ann:%s@host/\n' % (b"x" * 200))

    assert "line 1, column 4: a quote that is not closed" == found


@pytest.mark.parametrize("loader", LOADERS)
def test_what_is_not_explained_stays_as_it_is(loader: type[yaml.SafeLoader]) -> None:
    """The parser's words are better than none."""
    found, hint = explanation(loader, b"a: *x\n")

    assert (True, None) == (found.startswith("line 1, column 4: found undefined alias"), hint)


def test_a_date_that_no_calendar_has_is_an_error_as_others_are() -> None:
    """Python's dates raise what YAML's parser does not."""
    with pytest.raises(BadValueError, match="month must be in"):
        Value.parse(b"a: 2026-13-45\n")
