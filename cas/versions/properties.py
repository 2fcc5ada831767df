"""Properties: the free key-value pairs that say what a resource is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cas.errors import InvalidError
from cas.versions.jsontext import parse_json
from cas.versions.property_file import read_mapping
from cas.versions.values import JSON, canonical, check_mapping, check_value

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = [
    "JSON",
    "canonical",
    "check_properties",
    "parse_assignment",
    "read_properties_file",
]


def check_properties(properties: Mapping[str, object]) -> dict[str, JSON]:
    """Return `properties` as plain JSON, each value in its one form (see `values`).

    Raises:
        InvalidError: A key or value is none of JSON's; the message names it and the rule.
    """
    return check_mapping(properties, "", depth=0)


def parse_assignment(text: str) -> tuple[str, JSON]:
    """Read `key=text` or `key:=json`, as `-p` takes them.

    >>> parse_assignment("region=ru"), parse_assignment("year:=2016")
    (('region', 'ru'), ('year', 2016))

    Raises:
        InvalidError: There is no `=`, no key, or the JSON is not JSON.
    """
    key, separator, value = text.partition("=")
    is_json = key.endswith(":")
    if is_json:
        key = key[:-1]
    if not separator or not key:
        raise InvalidError(
            f"cannot understand the property {text!r}",
            code="bad-assignment",
            why="it is not of the form key=text or key:=json",
        )
    return key, check_value(parse_json(value, key) if is_json else value, key)


def read_properties_file(path: Path) -> dict[str, JSON]:
    """Read properties from a YAML file, which holds one mapping.

    Raises:
        InvalidError: It is not YAML, or says something that YAML readers disagree about.
        NotFoundError: There is no such file.
    """
    return check_properties(read_mapping(path, holds="properties", code="bad-property-file"))
