"""What a name and a tag may be called; for layers, see `cas.name_rules`.

The limits in bytes are not taste: layer, name and tag together make one LMDB key, which holds 511 bytes.
"""

from __future__ import annotations

import re
from typing import Final

from cas.errors import InvalidError
from cas.layout import DIRECTORY_NAME
from cas.name_rules import broken_component_rule, broken_rule, nfc_hint

MAX_NAME_SIZE: Final = 400
"""Bytes of UTF-8 in a name."""

MAX_TAG_SIZE: Final = 64
"""Bytes of UTF-8 in a tag."""

_PLAIN: Final = re.compile(r"\w[\w.-]*(?:/\w[\w.-]*)*", re.ASCII)
"""What breaks no rule and needs no look at each character, unless it is too long."""
_RESERVED: Final = "@:\\"
_RESERVED_IN_TAG: Final = "@:\\/,="
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
    rule = broken_rule(text, reserved=_RESERVED, max_size=MAX_NAME_SIZE)
    if rule is None:
        rule = next(filter(None, map(broken_component_rule, text.split("/"))), None)
    if rule is not None:
        raise InvalidError(f"cannot use {text!r} as a name", code="bad-name", why=rule, hint=nfc_hint(text))
    return text


def parse_new_name(text: str) -> str:
    """Check the name of a resource that is to be made and return it; raises as `parse_name` does.

    A name becomes a path where the view is checked out or mounted, and nothing there is called as a
    repository is. What was named so before there was this rule can still be read, hidden and removed.
    """
    for part in parse_name(text).split("/"):
        if part.lower() == DIRECTORY_NAME:
            raise InvalidError(
                f"cannot use {text!r} as a name",
                code="bad-name",
                why=f"{part!r} is the name of repositories, and nothing that is checked out is called so",
                hint="choose another name",
            )
    return text


def parse_tag(text: str) -> str:
    """Check a tag and return it.

    Raises:
        InvalidError: It breaks a rule; the message says which.
    """
    rule = broken_rule(text, reserved=_RESERVED_IN_TAG, max_size=MAX_TAG_SIZE)
    rule = rule or broken_component_rule(text)
    if rule is None and text.startswith("~"):
        rule = "a tag does not start with '~', which counts versions back"
    if rule is None and len(text) == _FULL_ID_LENGTH and _HEX_DIGITS.issuperset(text):
        rule = "64 hex digits are a version id"
    if rule is not None:
        raise InvalidError(f"cannot use {text!r} as a tag", code="bad-tag", why=rule, hint=nfc_hint(text))
    return text
