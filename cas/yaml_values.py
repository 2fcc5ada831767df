"""Values of a YAML file that know where they stand, so that what is wrong can be said as people read it.

Each way to take a value (`text`, `flag`, …) states the rule that it must keep, in words that end the
sentence "line 4: 'layers[0].writable' is 'no', and must be …".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self

import yaml

from cas.yaml_errors import explained

if TYPE_CHECKING:
    from collections.abc import Iterator

SIZE_RULE: Final = "a number of bytes, or a size such as 500 MiB"
"""What `Value.size` takes."""

_SIZE: Final = r"(\d{1,18}) ?([KMGT]iB|B)"
_UNITS: Final = {"B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class BadValueError(ValueError):
    """A sentence about what is wrong, with its line where there is one."""


@dataclass(frozen=True, slots=True)
class Value:
    """One value of the file."""

    data: Any
    """As YAML gives it."""
    name: str
    """The keys on the way to it; empty for the whole file."""
    node: yaml.Node

    @classmethod
    def parse(cls, text: bytes) -> Self:
        """Read the one document of a file; tags are refused.

        Raises:
            BadValueError: It is empty, or not YAML.
        """
        loader = None
        try:
            loader = _Loader(text)  # it looks at the first bytes at once
            node = loader.get_single_node()
            data = None if node is None else loader.construct_document(node)
        except yaml.YAMLError as error:
            raise BadValueError(explained(error, text).why) from error
        except ValueError as error:  # a date that no calendar has
            raise BadValueError(f"a value cannot be read: {error}") from error
        finally:
            if loader is not None:
                loader.dispose()
        if node is None:
            raise BadValueError("it is empty")
        return cls(data, "", node)

    @property
    def line(self) -> int:
        """The line that it begins on; the first is 1."""
        return self.node.start_mark.line + 1

    def bad(self, rule: str) -> BadValueError:
        """Build the error for a value that is not what `rule` says: "true or false"."""
        return BadValueError(f"line {self.line}: {self._quoted()} is {_shown(self.data)}, and must be {rule}")

    def member(self, key: str) -> Value | None:
        """Take what a mapping has under `key`; None if that is nothing, or empty.

        Raises:
            BadValueError: It is no mapping, or has the key twice.
        """
        if not isinstance(self.data, dict):
            raise self.bad("a mapping of keys to values")
        places = [(name, value) for name, value in self.node.value if name.value == key]
        if len(places) > 1:
            line = places[1][0].start_mark.line + 1
            raise BadValueError(f"line {line}: '{self._below(key)}' is given a second time")
        found = self.data.get(key)
        return (
            None if found is None else Value(found, self._below(key), places[0][1] if places else self.node)
        )

    def required(self, key: str, rule: str) -> Value:
        """Take what a mapping must have under `key`; raises as `member` does, and when it is missing."""
        found = self.member(key)
        if found is None:
            where = f"line {self.line}: " if self.name or self.line > 1 else ""
            raise BadValueError(f"{where}'{self._below(key)}' is missing, and must be {rule}")
        return found

    def keys(self, known: tuple[str, ...]) -> Iterator[str]:
        """Iterate over the keys of a mapping, all of which must be `known`."""
        if not isinstance(self.data, dict):
            raise self.bad("a mapping of keys to values")
        for name, _ in self.node.value:
            if name.value not in known:
                line = name.start_mark.line + 1
                what = f"'{self._below(name.value)}' is not a key"
                raise BadValueError(f"line {line}: {what}; there are {', '.join(known)}")
            yield name.value

    def items(self, rule: str) -> list[Value]:
        """Take the items of a list."""
        if not isinstance(self.data, list):
            raise self.bad(rule)
        pairs = zip(self.data, self.node.value, strict=True)
        return [Value(data, f"{self.name}[{number}]", node) for number, (data, node) in enumerate(pairs)]

    def text(self, rule: str) -> str:
        """Take a text that is not empty."""
        if not isinstance(self.data, str) or not self.data:
            raise self.bad(rule)
        return self.data

    def flag(self) -> bool:
        """Take true or false."""
        if not isinstance(self.data, bool):
            raise self.bad("true or false")
        return self.data

    def whole_number(self, low: int, high: int) -> int:
        """Take a whole number from `low` to `high`."""
        if not isinstance(self.data, int) or isinstance(self.data, bool) or not low <= self.data <= high:
            raise self.bad(f"a whole number from {low} to {high}")
        return self.data

    def size(self, rule: str = SIZE_RULE) -> int:
        """Take a size in bytes: a number, or a text with a unit."""
        if isinstance(self.data, int) and not isinstance(self.data, bool) and self.data >= 0:
            return self.data
        match = re.fullmatch(_SIZE, self.data) if isinstance(self.data, str) else None
        if match is None:
            raise self.bad(rule)
        return int(match[1]) * _UNITS[match[2]]

    def _below(self, key: str) -> str:
        return f"{self.name}.{key}" if self.name else key

    def _quoted(self) -> str:
        return f"'{self.name}'" if self.name else "the file"


def _shown(data: object) -> str:
    match data:
        case bool():
            return str(data).lower()
        case str():
            return f"'{data}'"
        case dict():
            return "a mapping"
        case list():
            return "a list" if data else "an empty list"
        case _:
            return "empty" if data is None else str(data)
