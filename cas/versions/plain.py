"""Canonical JSON of plain values, fast: a plan of ten thousand modules hashes as many versions at once.

*Plain* is what nearly all properties are made of: `dict`, `list`, text, integers, booleans, None, and floats
that everybody writes alike. Such values need no check, because each is in its one form; and msgspec writes
them, in C, as RFC 8785 wants them. Whatever else there may be is not plain, and goes the long way, by
`values`, which checks it, refuses it or writes it.

Where msgspec and RFC 8785 part, and what is done about it:

    floats that need an exponent      not plain
    floats without a fraction         not plain: they are to become integers
    keys that begin beyond U+FFFF     sorted by UTF-8, not by UTF-16; found in the text
    text that is not Unicode          refused by both; the long way has the words for it
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from cas.versions.values import MAX_INTEGER

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_SMALLEST_FLOAT: Final = 1e-4
"""Well above the 1e-6 below which RFC 8785 writes exponents."""

_DEEPEST: Final = 8
"""Levels of lists and mappings. Far from the limit of `values`, which the long way knows."""

_BEYOND_BASIC_PLANE: Final = bytes(range(0xF0, 0xF5))
"""What characters that are two in UTF-16 begin with in UTF-8. Without them both have one order."""

_encoder: Final = msgspec.json.Encoder(order="deterministic")


def canonical_of_plain(document: Mapping[str, object]) -> bytes | None:
    """Write an unchecked mapping as canonical JSON, if all in it is plain; else None.

    >>> canonical_of_plain({"b": 1, "a": [True, None]})
    b'{"a":[true,null],"b":1}'
    >>> canonical_of_plain({"b": 1.0})
    """
    if not _is_plain(document, 0):
        return None
    try:
        text = _encoder.encode(document)
    except UnicodeEncodeError:
        return None
    if text.isascii() or not any(map(text.__contains__, _BEYOND_BASIC_PLANE)):
        return text
    return None


def _is_plain(mapping: Mapping[str, object], depth: int) -> bool:
    for key in mapping:
        if type(key) is not str:
            return False
    return _are_plain(mapping.values(), depth + 1)


def _are_plain(values: Iterable[object], depth: int) -> bool:
    """Look at types, not at classes: an enum is text too, and written otherwise."""
    for value in values:
        if type(value) is str or type(value) is bool or value is None:
            continue
        if type(value) is int:
            if not -MAX_INTEGER <= value <= MAX_INTEGER:
                return False
        elif type(value) is float:
            if not _SMALLEST_FLOAT <= abs(value) < MAX_INTEGER or value.is_integer():
                return False
        elif depth > _DEEPEST or not _is_plain_container(value, depth):
            return False
    return True


def _is_plain_container(value: object, depth: int) -> bool:
    if type(value) is dict:
        return _is_plain(value, depth)
    return type(value) is list and _are_plain(value, depth + 1)
