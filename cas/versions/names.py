"""What a name, a tag and a layer may be called.

The limits in bytes are not taste: layer, name and tag together make one LMDB key, which holds 511 bytes.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from cas.errors import InvalidError

MAX_NAME_SIZE: Final = 400
"""Bytes of UTF-8 in a name."""

MAX_TAG_SIZE: Final = 64
"""Bytes of UTF-8 in a tag."""

MAX_LAYER_SIZE: Final = 40
"""Bytes of UTF-8 in the name of a layer."""

_PLAIN: Final = re.compile(r"\w[\w.-]*(?:/\w[\w.-]*)*", re.ASCII)
"""What breaks no rule and needs no look at each character, unless it is too long."""
_RESERVED: Final = "@:\\"
_RESERVED_IN_TAG: Final = "@:\\/,="
_RESERVED_IN_LAYER: Final = "@:\\/"
_HEX_DIGITS: Final = frozenset("0123456789abcdefABCDEF")
_FULL_ID_LENGTH: Final = 64


def parse_name(text: str) -> str:
    """Check the name of a resource and return it.

    >>> parse_name("osm/roads 2024")
    'osm/roads 2024'

    Raises:
        InvalidError: It breaks a rule; the message says which.
    """
    if len(text) <= MAX_NAME_SIZE and _PLAIN.fullmatch(text):
        return text
    rule = _broken_rule(text, reserved=_RESERVED, max_size=MAX_NAME_SIZE)
    if rule is None:
        rule = next(filter(None, map(_broken_component_rule, text.split("/"))), None)
    if rule is not None:
        raise InvalidError(f"cannot use {text!r} as a name", code="bad-name", why=rule, hint=_nfc_hint(text))
    return text


def parse_tag(text: str) -> str:
    """Check a tag and return it.

    Raises:
        InvalidError: It breaks a rule; the message says which.
    """
    rule = _broken_rule(text, reserved=_RESERVED_IN_TAG, max_size=MAX_TAG_SIZE)
    rule = rule or _broken_component_rule(text)
    if rule is None and text.startswith("~"):
        rule = "a tag does not start with '~', which counts versions back"
    if rule is None and len(text) == _FULL_ID_LENGTH and _HEX_DIGITS.issuperset(text):
        rule = "64 hex digits are a version id"
    if rule is not None:
        raise InvalidError(f"cannot use {text!r} as a tag", code="bad-tag", why=rule, hint=_nfc_hint(text))
    return text


def parse_layer(text: str) -> str:
    """Check the name of a layer and return it.

    Raises:
        InvalidError: It breaks a rule; the message says which.
    """
    rule = _broken_rule(text, reserved=_RESERVED_IN_LAYER, max_size=MAX_LAYER_SIZE)
    rule = rule or _broken_component_rule(text)
    if rule is not None:
        raise InvalidError(
            f"cannot use {text!r} as a layer", code="bad-layer", why=rule, hint=_nfc_hint(text)
        )
    return text


def _broken_rule(text: str, *, reserved: str, max_size: int) -> str | None:
    """The first rule about characters and length that `text` breaks."""
    for character in text:
        if character in reserved:
            return f"it contains {character!r}, which has a meaning of its own"
        if unicodedata.category(character) in {"Cc", "Cs"}:
            return f"it contains {character!r}: control characters and broken UTF-8 are not allowed"
    if not unicodedata.is_normalized("NFC", text):
        return "it is not in Unicode normal form C, so two spellings could look the same"
    if (size := len(text.encode())) > max_size:
        return f"it has {size} bytes, and the limit is {max_size}"
    return None


def _broken_component_rule(component: str) -> str | None:
    if not component:
        return "it is empty or has an empty component"
    if component in {".", ".."}:
        return "'.' and '..' are not allowed as a component"
    if component.startswith("-"):
        return "no component starts with '-', which looks like an option"
    return None


def _nfc_hint(text: str) -> str | None:
    if unicodedata.is_normalized("NFC", text):
        return None
    return f"write it as {unicodedata.normalize('NFC', text)!r}"
