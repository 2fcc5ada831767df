"""Paths with placeholders: `data/{region}/{year:int}.pbf`, matched against the files that are there.

A placeholder stands for some characters of one component of the path, at least one and as few as will do;
`{year:int}` for digits, which are read as a number. Where it comes again it stands for the same text. `{{`
and `}}` are the characters themselves. As in a shell, a component that begins with a placeholder does not
match what begins with a dot; `.cas` and what editors leave behind are never meant.

The tree is walked component by component, and only where the pattern leads; then the whole path is matched,
because only that knows what a placeholder stands for where it comes again.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final, Self

from cas import fs

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_TOKEN: Final = re.compile(r"\{\{|\}\}|\{([^\W\d]\w*)(:int)?\}|[{}]|[^{}]+", re.ASCII)


_MOST_FIELDS: Final = 4
"""In one component of a path: each one more makes it 255 times as long to refuse a name that nearly fits."""


@dataclass(frozen=True, slots=True)
class Field:
    """A placeholder."""

    name: str
    is_number: bool = False

    @property
    def expression(self) -> str:
        """The regular expression of what it may stand for."""
        return "[0-9]+" if self.is_number else "[^/]+?"


class PatternError(ValueError):
    """The rule that a pattern breaks; the caller knows where the pattern stands."""


@dataclass(frozen=True)
class Pattern:
    """Text with placeholders: the name of a resource."""

    text: str
    parts: tuple[str | Field, ...]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read it.

        Raises:
            PatternError: A brace is alone, or what is between two is no name of a property.
        """
        parts: list[str | Field] = []
        for match in _TOKEN.finditer(text):
            token, name, number = match[0], match[1], match[2]
            if name is not None:
                parts.append(Field(name, number is not None))
            elif token in {"{", "}"}:
                raise PatternError(
                    f"'{text[match.start() :]}' does not begin with a placeholder: these are {{name}} and "
                    "{name:int}, and {{ and }} stand for braces"
                )
            else:
                parts.append(token[:1] if token in {"{{", "}}"} else token)
        return cls(text, tuple(parts))

    @property
    def fields(self) -> list[Field]:
        """The placeholders, from left to right."""
        return [part for part in self.parts if isinstance(part, Field)]

    @property
    def prefix(self) -> str:
        """The text before the first placeholder."""
        return self.parts[0] if self.parts and isinstance(self.parts[0], str) else ""

    def expand(self, values: Mapping[str, object]) -> str:
        """Put values in; there is one for each placeholder."""
        return "".join(str(values[part.name]) if isinstance(part, Field) else part for part in self.parts)


@dataclass(frozen=True)
class Match:
    """A path that fits a pattern."""

    path: str
    """As the pattern has it: relative to where the search began, or absolute."""
    values: Mapping[str, str | int]
    """Placeholder → what it stands for."""


@dataclass(frozen=True)
class PathPattern(Pattern):
    """A path with placeholders."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read it.

        Raises:
            PatternError: It is no pattern, or no path that can be searched for.
        """
        pattern = super().parse(text)
        components = text.split("/")
        if ".." in components:
            raise PatternError("'..' leads out of the directory of the file; write an absolute path")
        if "*" in text:
            raise PatternError("'*' has no meaning here; write a placeholder such as {part}")
        if "\0" in text:
            raise PatternError("a path has no NUL")
        if not components[-1] or components[-1] == ".":
            raise PatternError("it does not end with the name of a file or directory")
        for one, other in zip(pattern.parts, pattern.parts[1:], strict=False):
            if isinstance(one, Field) and isinstance(other, Field):
                raise PatternError(f"nobody can tell where {{{one.name}}} ends and {{{other.name}}} begins")
        if max(one.count("{") - 2 * one.count("{{") for one in components) > _MOST_FIELDS:
            raise PatternError(f"a component has at most {_MOST_FIELDS} placeholders")
        kinds: dict[str, bool] = {}
        for field in pattern.fields:
            if kinds.setdefault(field.name, field.is_number) != field.is_number:
                raise PatternError(f"{{{field.name}}} is a number in one place and text in another")
        return pattern

    @property
    def is_absolute(self) -> bool:
        """Whether it begins at the root of the file system."""
        return self.prefix.startswith("/")

    def matches(self, base: Path) -> Iterator[Match]:
        """Iterate over the paths below `base` that fit, in no order; what they lead to is not looked at.

        Raises:
            ReadOnlyError: A directory on the way may not be read.
        """
        for path in self._candidates(base):
            found = self._whole.fullmatch(path)
            if found is not None:
                yield Match(path, {field.name: _value(field, found[field.name]) for field in self.fields})

    def _candidates(self, base: Path) -> Iterator[str]:
        """Walk to whatever fits component by component."""
        waiting = ["/" if self.is_absolute else ""]
        for component, expression in self._components:
            is_literal = not any(isinstance(part, Field) for part in component)
            below = []
            for folder in waiting:
                names = (
                    ["".join(map(str, component))]
                    if is_literal
                    else _listed(base / folder, component, expression)
                )
                below += [os.path.join(folder, name) for name in names]
            waiting = below
        return (path for path in waiting if os.path.lexists(base / path))

    @cached_property
    def _components(self) -> list[tuple[list[str | Field], re.Pattern[str]]]:
        """Split it at the slashes; empty ones and `.` mean nothing."""
        components: list[list[str | Field]] = [[]]
        for part in self.parts:
            if isinstance(part, Field):
                components[-1].append(part)
                continue
            first, *others = part.split("/")
            components[-1].append(first)
            components += [[other] for other in others]
        kept = [[part for part in component if part != ""] for component in components]
        return [
            (component, re.compile("".join(_loosely(part) for part in component)))
            for component in kept
            if component and component != ["."]
        ]

    @cached_property
    def _whole(self) -> re.Pattern[str]:
        """The expression that a candidate fits from end to end, each placeholder standing for one text."""
        seen: set[str] = set()
        text = "/" if self.is_absolute else ""
        for at, (component, _) in enumerate(self._components):
            text += "/" if at else ""
            for part in component:
                if not isinstance(part, Field):
                    text += re.escape(part)
                elif part.name in seen:
                    text += f"(?P={part.name})"
                else:
                    seen.add(part.name)
                    text += f"(?P<{part.name}>{part.expression})"
        return re.compile(text)


def _listed(folder: Path, component: list[str | Field], expression: re.Pattern[str]) -> list[str]:
    """List the names in `folder` that fit one component; nothing if it is no directory."""
    if not folder.is_dir():
        return []
    with fs.explained(f"cannot read '{folder}'"):
        names = os.listdir(folder)
    shows_hidden = not isinstance(component[0], Field)
    return [
        name for name in names if expression.fullmatch(name) and (shows_hidden or not name.startswith("."))
    ]


def _loosely(part: str | Field) -> str:
    return part.expression if isinstance(part, Field) else re.escape(part)


def _value(field: Field, text: str) -> str | int:
    return int(text) if field.is_number else text
