"""Keeping a mount of the view and the layers that it reads apart.

A mount that is in a layer of its own view, or has one in it, is asked for what it would have to ask itself
for: neither it nor whoever asks ever comes to an end. Its process must not even look at a path in it to find
that out. So paths are compared by their text, symlinks are resolved up to the mount and no further, and where
mounts are is read from the mount table, which asks none of them.

A view that is mounted has a *label* in that table, made of what identifies the repository's directory: each
process knows the mounts of a repository by it, under whatever path they and the repository are seen.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final, NamedTuple

from cas import fs

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

_MAX_LINKS: Final = 40
"""As many in a row as Linux follows."""


class Clash(NamedTuple):
    """A layer that is in a mount, or a mount that is in a layer."""

    mount: str
    layer: str
    """Where the layer is, as far as that can be told without looking into the mount."""


def label(root: Path) -> str:
    """Make the label of mounts of the view of the repository whose `.cas` is `root`."""
    status = os.stat(root)
    return f"cas-view-{status.st_dev:x}-{status.st_ino:x}"


def mounts_of(root: Path) -> list[str]:
    """List where the view of a repository is mounted, each place that a mount can be seen at."""
    wanted = label(root)
    return [point for point, source in fs.mounts() if source == wanted]


def clash(layer: str, mounts: Collection[str]) -> Clash | None:
    """Say which of the mounts is in a layer at the absolute path `layer`, over it, or has it in it."""
    real = _real(layer, mounts)
    for mount in mounts:
        if is_in(real, mount) or is_in(mount, real):
            return Clash(mount, real)
    return None


def is_in(path: str, folder: str) -> bool:
    """Whether a path is `folder` or below it, by their text."""
    return path == folder or path.startswith(f"{folder.rstrip('/')}/")


def _real(path: str, mounts: Collection[str]) -> str:
    """Resolve the symlinks of an absolute path, but look at nothing that is in one of the mounts."""
    here = "/"
    links = 0
    pending = path.split("/")[::-1]
    while pending:
        part = pending.pop()
        if part in {"", "."}:
            continue
        here = os.path.dirname(here) if part == ".." else os.path.join(here, part)
        target = None if any(is_in(here, mount) for mount in mounts) else _target(here)
        if target is not None and links < _MAX_LINKS:
            links += 1
            here = os.path.dirname(here)
            if target.startswith("/"):
                here = "/"
            pending.extend(reversed(target.split("/")))
    return here


def _target(path: str) -> str | None:
    try:
        return os.readlink(path)
    except OSError:
        return None  # no symlink, or nothing at all
