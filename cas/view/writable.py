"""Making directories in a layer, never outside of it: each component is made and opened from its parent.

So neither `..` nor a symlink leads out, not even one that appears meanwhile. A symlink to a directory inside
of the layer is followed: from there on the real path is gone, by the same rules.
"""

from __future__ import annotations

import contextlib
import errno
import os
from typing import TYPE_CHECKING, Final

from cas import fs
from cas.errors import InvalidError
from cas.view.directory_folder import is_ours
from cas.view.errors import FileInTheWay, leaves_layer
from cas.view.paths import components

if TYPE_CHECKING:
    from pathlib import Path

    from cas.view.layer import Layer

_DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_MAX_LINKS: Final = 40


def make_directory(layer: Layer, path: str) -> Path:
    """Make a directory in a layer, and all above it; give its absolute path. What is there already stays.

    Raises:
        FileInTheWay: Something that is no directory is there, or above.
        ResourceNotFound: A symlink leads out of the layer.
        InvalidError: The view would not show it: the name is one of ours.
        ReadOnlyError, StorageError: It cannot be made.
    """
    root = layer.root
    assert root is not None, "a directory layer is somewhere"
    parts = components(path)
    ours = next(filter(is_ours, parts), None)
    if ours is not None:
        raise InvalidError(
            f"cannot create '{path}'",
            code="bad-path",
            why=f"'{ours}' means something to cas in a directory layer, and is no part of the view",
            hint="choose another name",
        )
    with fs.explained(f"cannot create '{root / path}'"):
        _make_root(root)
        for _ in range(_MAX_LINKS):
            link = _descend(root, parts)
            if link is None:
                return root / path
            parts = _really(layer, root, parts, link, path)
    raise leaves_layer(path, layer.name, path)


def _make_root(root: Path) -> None:
    try:
        os.makedirs(root, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise _in_the_way(root) from error


def _descend(root: Path, parts: list[str]) -> int | None:
    """Make and open one component after the other; at which a symlink stands, or None when all are made."""
    fd = os.open(root, _DIRECTORY & ~os.O_NOFOLLOW)
    try:
        for at, part in enumerate(parts):
            with contextlib.suppress(FileExistsError):
                os.mkdir(part, dir_fd=fd)
            try:
                below = os.open(part, _DIRECTORY, dir_fd=fd)
            except OSError as error:
                if error.errno not in {errno.ELOOP, errno.ENOTDIR}:
                    raise
                here = root.joinpath(*parts[: at + 1])
                if here.is_symlink():
                    return at
                raise _in_the_way(here) from error
            os.close(fd)
            fd = below
    finally:
        os.close(fd)
    return None


def _really(layer: Layer, root: Path, parts: list[str], link: int, path: str) -> list[str]:
    """Give the components without the symlink at place `link`."""
    here = root.joinpath(*parts[: link + 1])
    target, real_root = os.path.realpath(here), os.path.realpath(root)
    if os.path.commonpath((target, real_root)) != real_root:
        raise leaves_layer(path, layer.name, "/".join(parts[: link + 1]))
    if not os.path.isdir(target):
        raise _in_the_way(here)
    return [*components(target[len(real_root) :].strip("/")), *parts[link + 1 :]]


def _in_the_way(place: Path) -> FileInTheWay:
    """Say what is in the way of the directory `place`: that path itself, or the nearest one above that is."""
    found = place
    while not os.path.lexists(found):
        found = found.parent
    why = "is a symlink that leads to no directory" if found.is_symlink() else "is a file"
    return FileInTheWay(
        f"cannot create the directory '{place}'",
        code="file-in-the-way",
        why=f"'{found}' {why}",
        hint=f"move '{found}' away, or ask for another path",
    )
