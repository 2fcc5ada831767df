"""Whether inputs agree about their properties, and the errors for when they do not.

Two values are equal if their types are, at every depth: `1`, `1.0`, `True` and `"1"` are four values.
An empty optional input is told by its property `is_empty`. That says something about this input only, so what
takes *all* properties of an input leaves it out.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, TypeAlias

from cas.errors import ConflictError, NotFoundError
from cas.resources.optional import IS_EMPTY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cas.versions.values import JSON

Inputs: TypeAlias = "Mapping[str, Mapping[str, JSON]]"
"""Role → properties."""


def values_of(inputs: Inputs, name: str) -> dict[str, JSON]:
    """Role → value of the property `name`, of all inputs that must have it or do.

    Raises:
        NotFoundError: One must have it and does not, or none has it.
    """
    found = {}
    for role, properties in inputs.items():
        if name in properties:
            found[role] = properties[name]
        elif properties.get(IS_EMPTY) is not True:
            raise lacking(role, name, properties)
    if not found:
        raise NotFoundError(
            f"cannot find the property '{name}' in the inputs",
            code="no-such-property",
            why="all of them are empty" if inputs else "there are no inputs",
        )
    return found


def about_all(properties: Mapping[str, JSON]) -> dict[str, JSON]:
    """Return all properties of an input that say something about what is made from it too."""
    return {name: value for name, value in properties.items() if name != IS_EMPTY}


def merged(inputs: Inputs) -> dict[str, JSON]:
    """Unite the properties of all inputs; raises a ConflictError if they disagree about one."""
    return united({role: about_all(properties) for role, properties in inputs.items()}, "inputs")


def united(groups: Inputs, what: str) -> dict[str, JSON]:
    """Unite groups of properties; `what` says for the error what the groups are."""
    found: dict[str, dict[str, JSON]] = {}
    for group, properties in groups.items():
        for name, value in properties.items():
            found.setdefault(name, {})[group] = value
    return agreed(found, what)


def agreed(found: Mapping[str, Mapping[str, JSON]], what: str) -> dict[str, JSON]:
    """Return the one value that each property has in all groups that have it.

    Args:
        found: Property → group → value; at least one each.
        what: What the groups are, for the error.

    Raises:
        ConflictError: Groups disagree; each property about which they do is shown, with every value.
    """
    differing = {name: values for name, values in found.items() if len(set(map(_text, values.values()))) > 1}
    if differing:
        details = "; ".join(
            f"'{name}' is {', '.join(f'{_text(value)} in {group}' for group, value in values.items())}"
            for name, values in differing.items()
        )
        names = " and ".join(f"'{name}'" for name in differing)
        raise ConflictError(f"the {what} disagree about {names}", code="properties-disagree", why=details)
    return {name: next(iter(values.values())) for name, values in found.items()}


def lacking(role: str, name: str, properties: Mapping[str, JSON]) -> NotFoundError:
    """Build the error for a property that an input has not."""
    what = f"cannot take the property '{name}' of the input '{role}'"
    if properties.get(IS_EMPTY) is True:
        return NotFoundError(what, code="no-such-property", why="the input is optional, and empty")
    return not_there(what, properties)


def not_there(what: str, properties: Mapping[str, JSON]) -> NotFoundError:
    """Build the error for a property that is not there; it says what is."""
    there = ", ".join(sorted(properties))
    why = f"there are {there}" if there else "there are no properties"
    return NotFoundError(what, code="no-such-property", why=why)


def _text(value: JSON) -> str:
    """Write a value so that different ones look different: JSON tells 1, 1.0, true and "1" apart."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
