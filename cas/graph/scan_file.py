"""Scan files: rules in YAML that say which files are versions of which resources.

`docs/scan.md` describes them key by key.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from cas.errors import InvalidError
from cas.graph.patterns import PathPattern, Pattern, PatternError
from cas.versions.identity import CONTENT_PROPERTY
from cas.versions.properties import check_properties
from cas.versions.property_file import read_mapping

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from cas.versions.values import JSON

_KEYS: Final = ("name", "path", "properties", "type")
_TYPES: Final = {"file": False, "directory": True}


@dataclass(frozen=True, slots=True)
class Rule:
    """Which paths are versions of what."""

    name: Pattern
    path: PathPattern
    properties: Mapping[str, JSON]
    """Constants, the same for each match."""
    is_directory: bool
    """Whether directories match, or files."""

    @property
    def keys(self) -> frozenset[str]:
        """The properties that its versions have, `content` among them."""
        return frozenset([*self.properties, *(field.name for field in self.path.fields), CONTENT_PROPERTY])


def load_rules(path: Path) -> list[Rule]:
    """Read the rules in the YAML file `path`.

    Raises:
        InvalidError: It is not YAML, or a rule is not one; the message says which and why.
        NotFoundError: There is no such file.
    """
    document = read_mapping(path, holds="scan rules", code="bad-scan-file")

    def invalid(where: str, why: str, hint: str | None = None) -> InvalidError:
        return InvalidError(f"cannot use {where} of '{path}'", code="bad-scan-file", why=why, hint=hint)

    unknown = sorted(document.keys() - {"resources"})
    if unknown:
        raise invalid(f"the key '{unknown[0]}'", "the only key is 'resources'")
    rules = document.get("resources")
    if not isinstance(rules, list) or not rules:
        raise invalid("'resources'", "it is not a list of rules", "start each with `- name:`")
    found = []
    for at, rule in enumerate(rules, 1):
        try:
            found.append(_rule(rule))
        except PatternError as error:
            raise invalid(f"rule {at}", str(error)) from None
        except InvalidError as error:
            raise invalid(f"rule {at}", str(error), error.hint) from None
    return found


def _rule(rule: Any) -> Rule:  # noqa: ANN401 - whatever the YAML holds
    if not isinstance(rule, dict):
        raise PatternError("it is not a mapping with the keys 'name' and 'path'")
    unknown = sorted(rule.keys() - set(_KEYS))
    if unknown:
        raise PatternError(f"it has the key '{unknown[0]}', and the keys are {', '.join(_KEYS)}")
    path = _text(rule, "path")
    constants = rule.get("properties") or {}
    if not isinstance(constants, dict):
        raise PatternError("'properties' is not a mapping")
    kind = rule.get("type", "file")
    if kind not in _TYPES:
        raise PatternError(f"'type' is {kind!r}, and the types are {', '.join(_TYPES)}")
    made = Rule(
        Pattern.parse(_text(rule, "name")),
        PathPattern.parse(path),
        check_properties(constants),
        _TYPES[kind],
    )
    _check(made)
    return made


def _text(rule: dict[str, Any], key: str) -> str:
    value = rule.get(key)
    if not isinstance(value, str) or not value:
        raise PatternError(f"'{key}' is not a text; quote it if it begins with a brace")
    return value


def _check(rule: Rule) -> None:
    """Refuse what can never give a version.

    Raises:
        PatternError: A property has two values, or none.
    """
    found = {field.name for field in rule.path.fields}
    twice = sorted(found & rule.properties.keys())
    if twice:
        raise PatternError(f"'{twice[0]}' is both a placeholder of the path and a constant property")
    if CONTENT_PROPERTY in found | rule.properties.keys():
        raise PatternError(f"the property '{CONTENT_PROPERTY}' is set by the scan")
    for field in rule.name.fields:
        if field.is_number:
            raise PatternError(f"{{{field.name}:int}} stands in the name; its type belongs into the path")
        if field.name not in found:
            raise PatternError(f"{{{field.name}}} stands in the name, and not in the path")
