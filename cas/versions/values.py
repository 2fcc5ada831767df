"""Property values: what JSON can say, one way to write each, and nothing else.

The value that is kept is the value that is hashed. RFC 8785 writes `1` and `1.0` as the same text, so they
are the same value here: `check_value` turns a float without fraction into an integer (`-0.0` into `0`), as
far as ±2^53 goes. Beyond that integers are refused, because JSON readers would silently round them, and
floats stay floats. Two checked values are equal if and only if their canonical texts are.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final, TypeAlias

from blake3 import blake3

from cas.errors import InvalidError

JSON: TypeAlias = "bool | int | float | str | list[JSON] | dict[str, JSON] | None"
"""What JSON can express."""

MAX_INTEGER: Final = 2**53
"""Integers up to here, both ways, survive every JSON reader."""

MAX_DEPTH: Final = 64
"""Lists and mappings inside each other."""

FINGERPRINT_SIZE: Final = 16
"""Bytes of a property's fingerprint in the index."""

_FINGERPRINT_CONTEXT: Final = "cas property v1"


def check_value(value: object, path: str, *, depth: int = 0) -> JSON:
    """Return `value` as plain JSON types in their one form; `path` says where it is, for the message.

    Raises:
        InvalidError: JSON cannot express it; the message names the place and the rule.
    """
    match value:
        case None | bool():
            return value
        case str():
            return _check_text(value, path)
        case int():
            return _check_integer(int(value), path)
        case float():
            return _check_float(float(value), path)
        case list() | tuple():
            _check_depth(depth, path)
            return [check_value(item, f"{path}[{at}]", depth=depth + 1) for at, item in enumerate(value)]
        case Mapping():
            _check_depth(depth, path)
            return check_mapping(value, path, depth=depth + 1)
    raise refused(path, f"{type(value).__name__} is not a JSON value")


def check_mapping(mapping: Mapping[Any, object], path: str, *, depth: int) -> dict[str, JSON]:
    """Return `mapping` with checked keys and values; see `check_value`."""
    checked = {}
    for key, value in mapping.items():
        if not isinstance(key, str):
            raise refused(path, f"the key {key!r} is {type(key).__name__}, and keys are strings")
        place = f"{path}.{key}" if path else key
        checked[_check_text(key, place)] = check_value(value, place, depth=depth)
    return checked


def canonical(value: JSON) -> bytes:
    """Write a checked value as RFC 8785 canonical JSON.

    >>> canonical({"b": 1, "a": [True, None]})
    b'{"a":[true,null],"b":1}'
    """
    import rfc8785  # noqa: PLC0415 - 4 ms that a command which only looks need not pay

    try:
        return rfc8785.dumps(value)
    except rfc8785.IntegerDomainError:
        return rfc8785.dumps(_widened(value))


def fingerprint(key: str, value: JSON) -> bytes:
    """Hash a property to the 16 bytes under which the table `properties` finds it."""
    text = canonical([key, value])
    return blake3(text, derive_key_context=_FINGERPRINT_CONTEXT).digest(FINGERPRINT_SIZE)


def refused(path: str, why: str) -> InvalidError:
    """Build the error for the value at `path`."""
    what = f"cannot use property {path!r}" if path else "cannot use these properties"
    return InvalidError(what, code="bad-property", why=why)


def _check_text(text: str, path: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise refused(path, f"{text!r} is not valid Unicode") from None
    return str.__str__(text)  # an enum's member becomes the plain string it stands for


def _check_integer(number: int, path: str) -> int:
    if abs(number) > MAX_INTEGER:
        raise refused(path, f"{number} is beyond ±2^53, where JSON readers round; use a string")
    return number


def _check_float(number: float, path: str) -> float | int:
    if not math.isfinite(number):
        raise refused(path, f"JSON has no {number}")
    return int(number) if number.is_integer() and abs(number) <= MAX_INTEGER else number


def _check_depth(depth: int, path: str) -> None:
    if depth >= MAX_DEPTH:
        raise refused(path, f"it is nested more than {MAX_DEPTH} deep")


def _widened(value: JSON) -> JSON:
    """Replace ±2^53 by the float of the same text: the library draws its line one lower than JSON does."""
    match value:
        case bool():
            return value
        case int() if abs(value) == MAX_INTEGER:
            return float(value)
        case list():
            return [_widened(item) for item in value]
        case dict():
            return {key: _widened(item) for key, item in value.items()}
    return value
