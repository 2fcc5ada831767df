"""Names that the far side gives, before anything of that name is made here.

They are hostile until shown otherwise: whoever may write to a bucket chooses them freely.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NoReturn

from cas.errors import InvalidError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cas.remotes.location import Location
    from cas.remotes.source import RemoteFile

_OURS: Final = frozenset({".cas", ".cas-downloads"})
_WHITEOUT: Final = ".wh."
_LONGEST_COMPONENT: Final = 255
_LONGEST_PATH: Final = 4000
"""Bytes; what Linux takes, with room for the directory that it all goes into."""


def checked(files: Iterable[RemoteFile], location: Location) -> list[RemoteFile]:
    """Return the files sorted by path, without what stands for a directory.

    Object stores have no directories, so some programs make an empty object `a` or `a/` beside `a/b`.

    Raises:
        InvalidError: A name would lead out of the directory, cannot be a path here, is one that `cas` keeps
            for itself, or is a file and a directory at once.
    """
    found = {file.path: file for file in files}
    for path in found:
        _check(path, location)
    folders = {parent for path in found for parent in parents(path)}
    for path in sorted(folders & found.keys()):
        if found[path].size:
            below = next(other for other in found if other.startswith(f"{path}/"))
            _refuse(location, path, f"it is a file, and '{below}' lies below it")
        del found[path]
    return [found[path] for path in sorted(found)]


def parents(path: str) -> Iterable[str]:
    """Every directory above `path`, the nearest first."""
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path


def _check(path: str, location: Location) -> None:
    if path.startswith("/"):
        _refuse(location, path, "it is an absolute path")
    if "\0" in path:
        _refuse(location, path, "it holds a NUL")
    for component in path.split("/"):
        if not component:
            _refuse(location, path, "it has an empty component, which no directory can hold")
        if component in (".", ".."):
            _refuse(location, path, f"'{component}' leads out of where it belongs")
        if component in _OURS or component.startswith(_WHITEOUT):
            _refuse(location, path, f"'{component}' is a name that cas keeps for itself")
        if len(component.encode("utf-8", "surrogateescape")) > _LONGEST_COMPONENT:
            _refuse(location, path, f"a component of it is longer than {_LONGEST_COMPONENT} bytes")
    if len(path.encode("utf-8", "surrogateescape")) > _LONGEST_PATH:
        _refuse(location, path, f"it is longer than {_LONGEST_PATH} bytes")


def _refuse(location: Location, path: str, why: str) -> NoReturn:
    raise InvalidError(
        f"cannot fetch {path!r} from '{location}'",
        code="bad-remote-name",
        why=why,
        hint="nothing was fetched; rename it at the far side, or fetch the files that are needed one by one",
    )
