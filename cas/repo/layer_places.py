"""Where a layer is on this machine, and what is wrong with that place."""

from __future__ import annotations

import os
import shlex
import stat
from typing import TYPE_CHECKING

from cas.errors import InvalidError
from cas.layer_settings import DIRECTORY, PACKAGE
from cas.view import apart
from cas.view.package_layer import missing, package_folder

if TYPE_CHECKING:
    from pathlib import Path

    from cas.config import LayerConfig
    from cas.layout import Layout


def where(layer: LayerConfig, home: Path) -> str | None:
    """Say where a layer is: an absolute path, a package and a folder in it, nothing for refs.

    Args:
        layer: The layer.
        home: The directory that holds `.cas`.
    """
    if layer.kind == DIRECTORY:
        return os.fspath(layer.directory(home))
    return f"{layer.package}:{layer.folder}" if layer.kind == PACKAGE else None


def require_outside(layer: LayerConfig, layout: Layout) -> None:
    """Check that a layer is not in the repository itself, not even by way of symlinks.

    A directory above the repository may be a layer: what is called `.cas` in it is never shown.

    Raises:
        InvalidError: It is.
    """
    if layer.kind != DIRECTORY or layer.path is None or "\0" in layer.path:
        return  # the last is no path at all, which others tell
    path, root = os.path.realpath(layer.directory(layout.root.parent)), os.path.realpath(layout.root)
    if os.path.commonpath((path, root)) == root:
        raise InvalidError(
            f"cannot add layer '{layer.name}'",
            code="inside-repository",
            why=f"'{path}' is inside the repository '{layout.root}'",
            hint="choose another directory",
        )


def require_unmounted(layer: LayerConfig, layout: Layout) -> None:
    """Check that a layer has nothing to do with a mount of the view, which would have to read itself.

    Raises:
        InvalidError: The layer is in one, or would have one in it.
    """
    if layer.kind != DIRECTORY or layer.path is None or "\0" in layer.path:
        return  # the last is no path at all, which others tell
    where = os.fspath(layer.directory(layout.root.parent))
    found = apart.clash(where, apart.mounts_of(layout.root))
    if found is not None:
        point = shlex.quote(found.mount)
        raise InvalidError(
            f"cannot add layer '{layer.name}'",
            code="layer-in-mount",
            why=f"the view is mounted at '{found.mount}', and would have to read itself in '{where}'",
            hint=f"take another directory, or run `umount {point}` first",
        )


def problem(layer: LayerConfig, home: Path) -> str | None:
    """Say why a layer shows nothing although it should; a directory need not exist."""
    if layer.kind == DIRECTORY:
        return _unreadable(layer.directory(home))
    if layer.kind == PACKAGE:
        folder = package_folder(layer.package or "", layer.folder)
        if folder is None:
            return missing(layer.package or "")
        if not folder.is_dir():
            return f"there is no folder '{folder}'"
    return None


def _unreadable(path: Path) -> str | None:
    try:
        is_directory = stat.S_ISDIR(path.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        return f"'{path}' cannot be looked at: {error.strerror}"
    if not is_directory:
        return f"'{path}' is no directory"
    return None if os.access(path, os.R_OK | os.X_OK) else f"'{path}' cannot be read"
