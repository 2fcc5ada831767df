"""Types of resources by the names that records have for them.

A record of a type that nobody has installed is still listed, shown, checked out and copied: only who makes a
resource object of it needs the type.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Final

from cas.errors import InvalidError, NotFoundError
from cas.resources import installed
from cas.resources.base import Resource
from cas.resources.files import DirResource, FileResource
from cas.resources.values import BuildParamsResource, PythonResource

if TYPE_CHECKING:
    from collections.abc import Mapping

GROUP: Final = "cas.resource_types"
"""The entry point group in which packages announce their types."""

_BUILT_IN: Final[Mapping[str, type[Resource]]] = {
    kind.type_name: kind for kind in (FileResource, DirResource, PythonResource, BuildParamsResource)
}


def resource_type(name: str) -> type[Resource]:
    """Find the class of a type; it can be made of a resource's name alone.

    Raises:
        NotFoundError: Neither `cas` nor an installed package has such a type.
        InvalidError: A package has, but it cannot be imported or is no type of resource.
    """
    built_in = _BUILT_IN.get(name)
    if built_in is not None:
        return built_in
    found = installed.load(GROUP, name)
    if found is None:
        raise NotFoundError(
            f"cannot find the resource type '{name}'",
            code="no-such-type",
            why=f"there are {', '.join(type_names())}",
            hint="install the package that announces it",
        )
    if not (inspect.isclass(found) and issubclass(found, Resource)) or inspect.isabstract(found):
        raise _unfit(name, f"{found!r} is no type of resource")
    if found.type_name != name:
        raise _unfit(name, f"records of it would say '{found.type_name}'")
    return found


def type_names() -> list[str]:
    """Name every type, sorted; nothing is imported for it."""
    return sorted({*_BUILT_IN, *installed.names(GROUP)})


def _unfit(name: str, why: str) -> InvalidError:
    return InvalidError(f"cannot use the resource type '{name}'", code="plugin-unloadable", why=why)
