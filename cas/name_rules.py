"""The rules that names of resources, tags and layers have in common, and what a layer may be called.

`config.yaml` names layers, so this is below it; names and tags are in `cas.versions.names`.
"""

from __future__ import annotations

import unicodedata
from typing import Final

from cas.errors import InvalidError

MAX_LAYER_SIZE: Final = 40
"""Bytes of UTF-8 in the name of a layer."""

_RESERVED_IN_LAYER: Final = "@:\\/"


def parse_layer(text: str) -> str:
    """Check the name of a layer and return it.

    Raises:
        InvalidError: It breaks a rule; the message says which.
    """
    rule = broken_layer_rule(text)
    if rule is not None:
        raise InvalidError(f"cannot use {text!r} as a layer", code="bad-layer", why=rule, hint=nfc_hint(text))
    return text


def broken_layer_rule(text: str) -> str | None:
    """Say which rule `text` breaks as the name of a layer: a sentence, or None."""
    rule = broken_rule(text, reserved=_RESERVED_IN_LAYER, max_size=MAX_LAYER_SIZE)
    return rule or broken_component_rule(text)


def broken_rule(text: str, *, reserved: str, max_size: int) -> str | None:
    """Say which rule about characters and length `text` breaks first, if any."""
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


def broken_component_rule(component: str) -> str | None:
    """Say which rule about what stands between two `/` is broken, if any."""
    if not component:
        return "it is empty or has an empty component"
    if component in {".", ".."}:
        return "'.' and '..' are not allowed as a component"
    if component.startswith("-"):
        return "no component starts with '-', which looks like an option"
    return None


def nfc_hint(text: str) -> str | None:
    """Show how to spell what is not in normal form C."""
    if unicodedata.is_normalized("NFC", text):
        return None
    return f"write it as {unicodedata.normalize('NFC', text)!r}"
