"""Properties that cannot be changed, at any depth: the version is their hash, and would lie.

They are still dictionaries and lists, so that everything that writes JSON writes them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from cas.errors import InvalidError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cas.versions.values import JSON


def _refuse(*_: object, **__: object) -> NoReturn:
    raise InvalidError(
        "cannot change the properties of a resource",
        code="frozen-properties",
        why="they were registered, and its version is made of them",
        hint="register another resource with other properties",
    )


_refused: Any = _refuse  # typed as Any: it stands for methods of every signature


class FrozenDict(dict[str, Any]):
    """A mapping that refuses to change."""

    __setitem__ = __delitem__ = __ior__ = _refused
    clear = pop = popitem = setdefault = update = _refused

    def __reduce__(self) -> tuple[type[FrozenDict], tuple[dict[str, Any]]]:
        """Pickle and copy without setting items one by one."""
        return FrozenDict, (dict(self),)


class FrozenList(list[Any]):
    """A list that refuses to change."""

    __setitem__ = __delitem__ = __iadd__ = __imul__ = _refused
    append = clear = extend = insert = pop = remove = reverse = sort = _refused

    def __reduce__(self) -> tuple[type[FrozenList], tuple[list[Any]]]:
        """Pickle and copy without appending items one by one."""
        return FrozenList, (list(self),)


def freeze(properties: Mapping[str, JSON]) -> FrozenDict:
    """Return checked properties as they can never be changed, keys sorted at every depth.

    Sorted, because the order of keys is not in the version, and yet shows where a mapping is written as text.
    """
    return FrozenDict({key: _frozen(properties[key]) for key in sorted(properties)})


def _frozen(value: JSON) -> JSON:
    if isinstance(value, dict):
        return freeze(value)
    return FrozenList(map(_frozen, value)) if isinstance(value, list) else value
