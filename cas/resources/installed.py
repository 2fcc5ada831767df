"""What installed packages add: found by entry point, imported only when it is asked for."""

from __future__ import annotations

from functools import cache
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

from cas.errors import InvalidError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint


def names(group: str) -> list[str]:
    """Name everything that is announced in an entry point group, sorted."""
    return sorted({entry.name for entry in entry_points(group=group)})


@cache
def load(group: str, name: str) -> object | None:
    """Import what is announced as `name` in an entry point group; None if nothing is.

    Raises:
        InvalidError: It cannot be imported, or two packages announce it.
    """
    found = list(entry_points(group=group, name=name))
    if not found:
        return None
    if len(found) > 1:
        raise InvalidError(
            f"cannot tell which '{name}' of {group} is meant",
            code="plugin-ambiguous",
            why=f"{' and '.join(sorted(map(_origin, found)))} announce it",
            hint="uninstall one of them",
        )
    try:
        return found[0].load()  # type: ignore[no-any-return]  # importlib says Any, and means any object
    except (Exception, SystemExit) as error:
        raise InvalidError(
            f"cannot use '{name}' of {group}",
            code="plugin-unloadable",
            why=f"{_origin(found[0])} does not load: {type(error).__name__}: {error}",
            hint="repair or uninstall the package that announces it",
        ) from error


def _origin(entry: EntryPoint) -> str:
    return entry.value if entry.dist is None else f"{entry.dist.name} {entry.dist.version} ({entry.value})"
