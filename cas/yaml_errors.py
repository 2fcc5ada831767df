"""What is wrong with a file that is no YAML, said for those who wrote the file and not the parser.

The parser says what it expected by the grammar. Its commonest messages, in the words of libyaml and in those
of PyYAML's own parser, are given here in terms of what stands in the line. What is not among them stays as it
is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import yaml

if TYPE_CHECKING:
    from collections.abc import Callable

_LONGEST: Final = 120
"""Characters of a line that is quoted. Of a longer one nothing is: a password may hide in half a URL."""


class Explanation(NamedTuple):
    """What is wrong, with its line and column, and what to do about it."""

    why: str
    hint: str | None


def explained(error: yaml.YAMLError, text: bytes) -> Explanation:
    """Explain what the parser says of the file with this `text`."""
    if isinstance(error, yaml.reader.ReaderError):
        return _unreadable(error, text)
    if not isinstance(error, yaml.MarkedYAMLError):
        return Explanation(" ".join(str(error).split()), None)
    mark = error.problem_mark or error.context_mark
    lines = text.decode("utf-8", "replace").splitlines()
    said = " ".join(filter(None, (error.context, error.problem)))
    for fragment, explain in _EXPLANATIONS:
        if mark is not None and fragment in said:
            return explain(_Place(mark.line, mark.column, lines, error.context_mark))
    return Explanation(f"line {mark.line + 1}, column {mark.column + 1}: {said}" if mark else said, None)


class _Place(NamedTuple):
    """Where the parser stopped."""

    line: int
    column: int
    lines: list[str]
    begun: yaml.Mark | None
    """Where that began in which it stopped."""

    def says(self, what: str, hint: str) -> Explanation:
        return Explanation(f"line {self.line + 1}, column {self.column + 1}: {what}", hint)

    @property
    def quoted(self) -> str:
        """The line, behind a colon, if it is there and short."""
        found = self.lines[self.line].strip() if self.line < len(self.lines) else ""
        return f": {found!r}" if 0 < len(found) <= _LONGEST else ""

    @property
    def beginning(self) -> _Place:
        """Where that began in which it stopped; a file has its errors there, and not at its end."""
        if self.begun is None:
            return self
        return _Place(self.begun.line, self.begun.column, self.lines, None)


def _second_colon(place: _Place) -> Explanation:
    return place.says(
        f"a ':' too many, or an indentation that fits nothing above{place.quoted}",
        "indent the keys of one mapping alike, and put quotes around a value that holds ': '",
    )


def _bad_start(place: _Place) -> Explanation:
    line = place.lines[place.line] if place.line < len(place.lines) else ""
    character = line[place.column : place.column + 1]
    if character == "\t":
        return place.says(f"a tab{place.quoted}", "indent with blanks")
    return place.says(f"nothing may begin with {character!r}{place.quoted}", "put quotes around it")


def _open_quote(place: _Place) -> Explanation:
    begun = place.beginning
    return begun.says(f"a quote that is not closed{begun.quoted}", "close it on the same line")


def _open_bracket(place: _Place) -> Explanation:
    begun = place.beginning
    return begun.says(
        f"a bracket that is not closed, or no ',' between what it holds{begun.quoted}",
        f"look at what is before line {place.line + 1}, column {place.column + 1}",
    )


def _no_dash(place: _Place) -> Explanation:
    return place.says(
        f"it is no item of the list that begins on line {place.beginning.line + 1}{place.quoted}",
        "begin it with '- ', or indent it as what it belongs to",
    )


def _no_colon(place: _Place) -> Explanation:
    begun = place.beginning
    return begun.says(f"no ':' behind a key{begun.quoted}", "write KEY: VALUE")


def _other_key(place: _Place) -> Explanation:
    return place.says(
        f"it is indented otherwise than the keys from line {place.beginning.line + 1} on{place.quoted}",
        "indent the keys of one mapping alike",
    )


_EXPLANATIONS: Final[tuple[tuple[str, Callable[[_Place], Explanation]], ...]] = (
    ("mapping values are not allowed", _second_colon),
    ("cannot start any token", _bad_start),
    ("scanning a quoted scalar", _open_quote),
    ("parsing a flow", _open_bracket),
    ("parsing a block collection", _no_dash),
    ("expected <block end>, but found '?'", _no_dash),
    ("parsing a block mapping", _other_key),
    ("could not find expected ':'", _no_colon),
)


def _unreadable(error: yaml.reader.ReaderError, text: bytes) -> Explanation:
    """Explain bytes that are no text, or that YAML does not take for text."""
    line = text.count(b"\n", 0, error.position) + 1
    try:
        text.decode("utf-8")
    except UnicodeDecodeError as found:
        line = text.count(b"\n", 0, found.start) + 1
        return Explanation(f"line {line}: it is not UTF-8 (byte {found.start + 1})", "save it as UTF-8")
    return Explanation(f"line {line}: a character that no text has, number {error.character}", "remove it")
