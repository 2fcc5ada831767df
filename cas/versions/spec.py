"""Specs: how a user names a version, `[LAYER:]NAME[@SELECTOR]`.

A selector is one of

    1f3a            a version id, or the start of one (4 hex digits or more)
    v1.0            a tag
    ~2              two versions back; ~0 is the current one
    region=ru,n:=3  the newest version with these properties: text after `=`, JSON after `:=`

A word of hex digits may be a tag or the start of an id; only the repository can tell, and the tag wins.
Text ends at a comma; a text with a comma in it is written as JSON.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, Self, TypeAlias

import msgspec

from cas.errors import InvalidError
from cas.ids import DIGEST_SIZE
from cas.name_rules import parse_layer
from cas.versions.jsontext import decode_json
from cas.versions.names import parse_name, parse_tag
from cas.versions.values import JSON, check_value

if TYPE_CHECKING:
    from cas.versions.version import Version

MIN_PREFIX_LENGTH: Final = 4
"""Hex digits that a prefix of a version id has at least."""

MAX_BACK: Final = (1 << 63) - 1
"""No name has so many versions; whatever goes further back is taken for this."""

_HEX_DIGITS: Final = frozenset("0123456789abcdef")


class VersionPrefix(msgspec.Struct, frozen=True):
    """The versions whose id starts with `digits`; there must be one."""

    digits: str
    """Lower-case hex."""

    def __str__(self) -> str:
        return self.digits


class Word(msgspec.Struct, frozen=True):
    """A tag or, if it is hex, the start of a version id."""

    text: str

    @property
    def prefix(self) -> VersionPrefix | None:
        """What it is as the start of a version id, if it can be one."""
        digits = self.text.lower()
        is_prefix = len(digits) >= MIN_PREFIX_LENGTH and _HEX_DIGITS.issuperset(digits)
        return VersionPrefix(digits) if is_prefix else None

    def __str__(self) -> str:
        return self.text


class Back(msgspec.Struct, frozen=True):
    """The version `count` before the current one."""

    count: int

    def __str__(self) -> str:
        return f"~{self.count}"


class Where(msgspec.Struct, frozen=True):
    """The newest version that has all these properties."""

    conditions: tuple[tuple[str, JSON], ...]

    def __str__(self) -> str:
        return ",".join(map(format_condition, self.conditions))


Selector: TypeAlias = VersionPrefix | Word | Back | Where


class Spec(msgspec.Struct, frozen=True):
    """A parsed spec; `str` writes it back."""

    name: str
    layer: str | None = None
    selector: Selector | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a spec.

        >>> Spec.parse("work:osm/roads@~2")
        Spec(name='osm/roads', layer='work', selector=Back(count=2))

        Raises:
            InvalidError: A part breaks its rule; the message says which.
        """
        head, at, selector = text.partition("@")
        layer, colon, name = head.rpartition(":") if ":" in head else ("", "", head)
        return cls(
            name=parse_name(name),
            layer=parse_layer(layer) if colon else None,
            selector=_parse_selector(selector, text) if at else None,
        )

    @classmethod
    def of(cls, version: Version) -> Self:
        """Build the spec that means exactly `version`, in its own layer."""
        return cls(version.name, version.layer, VersionPrefix(str(version.version)))

    def __str__(self) -> str:
        layer = "" if self.layer is None else f"{self.layer}:"
        selector = "" if self.selector is None else f"@{self.selector}"
        return f"{layer}{self.name}{selector}"


def _parse_selector(text: str, spec: str) -> Selector:
    if text.startswith("~"):
        if not (text[1:].isascii() and text[1:].isdigit()):
            raise _bad(spec, "'~' is followed by how many versions to go back, as in ~1")
        # The first 20 digits are enough to be too far; int() refuses thousands of them.
        return Back(min(int(text[1:].lstrip("0")[:20] or "0"), MAX_BACK))
    if "=" in text:
        return Where(tuple(_parse_conditions(text, spec)))
    if len(text) == 2 * DIGEST_SIZE and _HEX_DIGITS.issuperset(text.lower()):
        return VersionPrefix(text.lower())
    if not text:
        raise _bad(spec, "nothing follows the '@'")
    return Word(parse_tag(text))


def _parse_conditions(text: str, spec: str) -> list[tuple[str, JSON]]:
    conditions: list[tuple[str, JSON]] = []
    at = 0
    while at <= len(text):
        key, equals, _ = text[at:].partition("=")
        at += len(key) + len(equals)
        value: JSON
        if key.endswith(":"):
            key = key[:-1]
            raw, at = decode_json(text, at, key)
            value = check_value(raw, key)
            if text[at : at + 1] not in {"", ","}:
                raise _bad(spec, f"{text[at:]!r} follows the JSON of {key!r}")
        else:
            value = text[at:].partition(",")[0]
            at += len(value)
        if not key or not equals:
            raise _bad(spec, "a condition has the form key=text or key:=json")
        conditions.append((key, value))
        at += 1
    return conditions


def format_condition(condition: tuple[str, JSON]) -> str:
    """Write one condition of a `Where`."""
    key, value = condition
    if isinstance(value, str) and "," not in value:
        return f"{key}={value}"
    # not canonical JSON: a float beyond 2^53 has to come back as a float, and there it looks like an integer
    return f"{key}:={json.dumps(value, ensure_ascii=False)}"


def _bad(spec: str, why: str) -> InvalidError:
    return InvalidError(
        f"cannot understand {spec!r}", code="bad-spec", why=why, hint="a spec is [LAYER:]NAME[@SELECTOR]"
    )
