"""Why two versions differ: pure comparison of recipes, followed down to where the difference comes from.

A version is the hash of its properties and of the versions of its inputs. So two versions differ because a
property does, or because an input does; and an input for the same two reasons, one step further down. The
search goes level by level, so the causes that are near come first. A pair of versions that was met before is
not opened again, so what is found is never more than there are differing inputs, however they are shared.

A value counts as different where JSON makes it so: `1` and `true` are two values. Within mappings, and lists
of one length, the part that differs is what is named: `params.rate`, `steps[2]`.
"""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from cas.ids import VersionId
    from cas.versions.values import JSON

_MOST_PARTS: Final = 8
"""Parts of one property that are named one by one; where more differ, the property is named as a whole."""

_SHOWN: Final = 72
"""Characters of a value that are shown."""

_BEFORE: Final = 15
"""Of these, so many before the first difference."""


class Kind(StrEnum):
    """What sort of cause it is. The values are those of `--json`."""

    PROPERTY_ADDED = "property-added"
    PROPERTY_DROPPED = "property-dropped"
    PROPERTY_CHANGED = "property-changed"
    INPUT_ADDED = "input-added"
    INPUT_DROPPED = "input-dropped"
    INPUT_CHANGED = "input-changed"
    """Of one of the two versions no record is there, so the search ends here."""
    INPUT_REPEATED = "input-repeated"
    """These two versions were met before, and what makes them differ was said there."""
    NEVER_MADE = "never-made"
    REMOVED = "removed"
    COLLECTED = "collected"


_FACTS: Final = {
    Kind.PROPERTY_ADDED: "property '{key}' is new: {new}",
    Kind.PROPERTY_DROPPED: "property '{key}' is gone: it was {old}",
    Kind.PROPERTY_CHANGED: "property '{key}' differs: {old} -> {new}",
    Kind.INPUT_ADDED: "input '{key}' is new: {new}",
    Kind.INPUT_DROPPED: "input '{key}' is gone: it was {old}",
    Kind.INPUT_CHANGED: "input '{key}' differs: {old} -> {new}",
    Kind.INPUT_REPEATED: "input '{key}' differs: {old} -> {new} (explained once)",
    Kind.NEVER_MADE: "'{key}' was never made",
    Kind.REMOVED: "'{key}' was removed",
    Kind.COLLECTED: "'{key}' was removed, and gc took its content",
}


@dataclass(frozen=True, slots=True)
class Recipe:
    """What makes a version: its properties and its inputs."""

    properties: Mapping[str, JSON]
    """As `check_properties` returns them."""
    inputs: Mapping[str, VersionId]
    """Input name (a role, or the name of a resource) → version."""


@dataclass(frozen=True, slots=True)
class Replaced:
    """An input of which two recipes have different versions."""

    role: str
    old: VersionId
    new: VersionId

    def __str__(self) -> str:
        return f"input '{self.role}' differs ({self.old.short} -> {self.new.short})"


@dataclass(frozen=True, slots=True)
class Cause:
    """One reason why a version differs from another, or is not there; `str` says it in words."""

    kind: Kind
    key: str
    """The property or part of one, the name of the input, or what is not there as NAME or NAME@VERSION."""
    old: JSON = None
    """The value before; of an input its version id. None also where there was none: see `kind`."""
    new: JSON = None
    """The value now."""
    path: tuple[Replaced, ...] = ()
    """The inputs that lead from what is explained to the version whose property or input this is."""

    @property
    def fact(self) -> str:
        """What is so, without the path that leads there."""
        old, new = _shown(self)
        return _FACTS[self.kind].format(key=self.key, old=old, new=new)

    def __str__(self) -> str:
        return "".join(f"{step} because its " for step in self.path) + self.fact


def causes(old: Recipe, new: Recipe, find: Callable[[str, VersionId], Recipe | None]) -> Iterator[Cause]:
    """Iterate over what makes two recipes differ, the nearest first.

    Args:
        old: The recipe before.
        new: The recipe now.
        find: Given the role and the version of an input, says what that was made from; None if unknown.
    """
    waiting: deque[tuple[tuple[Replaced, ...], Recipe, Recipe]] = deque([((), old, new)])
    met: set[tuple[VersionId, VersionId]] = set()
    while waiting:
        path, before, after = waiting.popleft()
        yield from _property_causes(path, before.properties, after.properties)
        for role in sorted(before.inputs.keys() | after.inputs.keys()):
            was, now = before.inputs.get(role), after.inputs.get(role)
            if was is None or now is None:
                kind = Kind.INPUT_ADDED if was is None else Kind.INPUT_DROPPED
                yield Cause(kind, role, _text(was), _text(now), path)
            elif (was, now) in met:
                yield Cause(Kind.INPUT_REPEATED, role, str(was), str(now), path)
            elif was != now:
                met.add((was, now))
                below = find(role, was), find(role, now)
                if below[0] is None or below[1] is None:
                    yield Cause(Kind.INPUT_CHANGED, role, str(was), str(now), path)
                else:
                    waiting.append(((*path, Replaced(role, was, now)), below[0], below[1]))


def _text(version: VersionId | None) -> str | None:
    return None if version is None else str(version)


def _property_causes(
    path: tuple[Replaced, ...], old: Mapping[str, JSON], new: Mapping[str, JSON]
) -> Iterator[Cause]:
    for key in sorted(old.keys() | new.keys()):
        if key not in old:
            yield Cause(Kind.PROPERTY_ADDED, key, None, new[key], path)
        elif key not in new:
            yield Cause(Kind.PROPERTY_DROPPED, key, old[key], None, path)
        else:
            parts = list(islice(_parts(key, old[key], new[key]), _MOST_PARTS + 1))
            if len(parts) > _MOST_PARTS:
                parts = [(Kind.PROPERTY_CHANGED, key, old[key], new[key])]
            yield from (Cause(*part, path) for part in parts)


def _parts(key: str, old: JSON, new: JSON) -> Iterator[tuple[Kind, str, JSON, JSON]]:
    """Find the smallest parts of a property that differ. Checked values, so that no depth is too deep."""
    if isinstance(old, dict) and isinstance(new, dict):
        for name in sorted(old.keys() | new.keys()):
            place = f"{key}.{name}"
            if name not in old:
                yield Kind.PROPERTY_ADDED, place, None, new[name]
            elif name not in new:
                yield Kind.PROPERTY_DROPPED, place, old[name], None
            else:
                yield from _parts(place, old[name], new[name])
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for at, (was, now) in enumerate(zip(old, new, strict=True)):
            yield from _parts(f"{key}[{at}]", was, now)
    elif type(old) is not type(new) or old != new:
        yield Kind.PROPERTY_CHANGED, key, old, new


def _shown(cause: Cause) -> tuple[str, str]:
    """Write both values: ids short, and of long values the place where they differ."""
    if not cause.kind.startswith("property"):
        return str(cause.old)[:12], str(cause.new)[:12]
    old, new = (json.dumps(value, ensure_ascii=False) for value in (cause.old, cause.new))
    if cause.kind is not Kind.PROPERTY_CHANGED or max(len(old), len(new)) <= _SHOWN:
        return _clipped(old, 0), _clipped(new, 0)
    same = next((at for at, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), 0)
    return _clipped(old, same - _BEFORE), _clipped(new, same - _BEFORE)


def _clipped(text: str, start: int) -> str:
    start = start if start > 0 and len(text) > _SHOWN else 0
    end = start + _SHOWN
    return f"{'…' if start else ''}{text[start:end]}{'…' if end < len(text) else ''}"
