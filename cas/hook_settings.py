"""The section `hooks` of `config.yaml`: the time limit of executables, and the built-in hooks.

hooks:
  timeout: 60                       # seconds for each executable
  required_properties:              # pattern of names → properties
    "osm/*": [region, date]
  size_limit: 10 GiB                # for one version; a number is bytes
  audit_log: true                   # .cas/audit.jsonl
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from cas.yaml_values import Value

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_LONGEST_S: Final = 7 * 24 * 3600
_PATTERNS: Final = 'a mapping of patterns to lists of properties, as in {"osm/*": [region]}'


class HookSettings(msgspec.Struct, frozen=True):
    """What `config.yaml` says about hooks."""

    timeout_s: float = 60.0
    """How long an executable may take."""

    required_properties: Mapping[str, tuple[str, ...]] = {}
    """Pattern of names → properties that versions of such names must have."""

    size_limit: int | None = None
    """The most bytes that a version may have; None is no limit."""

    has_audit_log: bool = False
    """Whether everything that is done is written to the audit log."""


def read(section: Value | None) -> HookSettings:
    """Read the section; None is all defaults.

    Raises:
        BadValueError: A key is unknown, or its value is not what it takes.
    """
    if section is None:
        return HookSettings()
    given: dict[str, Any] = {}
    for key in section.keys(tuple(_KEYS)):
        value = section.member(key)
        if value is not None:
            name, take = _KEYS[key]
            given[name] = take(value)
    return HookSettings(**given)


def document(settings: HookSettings) -> dict[str, Any]:
    """Write what differs from the defaults; undoes `read`."""
    default = _document(HookSettings())
    return {key: value for key, value in _document(settings).items() if value != default[key]}


def _document(settings: HookSettings) -> dict[str, Any]:
    return {
        "timeout": settings.timeout_s,
        "required_properties": {name: list(keys) for name, keys in settings.required_properties.items()},
        "size_limit": settings.size_limit,
        "audit_log": settings.has_audit_log,
    }


def _timeout(value: Value) -> float:
    seconds = value.data
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds <= _LONGEST_S:
        raise value.bad(f"a number of seconds, above 0 and up to {_LONGEST_S}")
    return float(seconds)


def _required(value: Value) -> Mapping[str, tuple[str, ...]]:
    if not isinstance(value.data, dict):
        raise value.bad(_PATTERNS)
    found = {}
    for pattern in value.data:
        keys = value.member(pattern) if isinstance(pattern, str) else None
        if keys is None:
            raise value.bad(_PATTERNS)
        found[pattern] = tuple(
            key.text("the name of a property") for key in keys.items("a list of properties")
        )
    return found


_KEYS: Final[Mapping[str, tuple[str, Callable[[Value], Any]]]] = {
    "timeout": ("timeout_s", _timeout),
    "required_properties": ("required_properties", _required),
    "size_limit": ("size_limit", Value.size),
    "audit_log": ("has_audit_log", Value.flag),
}
"""Key → the field that it sets, and what checks and takes its value."""
