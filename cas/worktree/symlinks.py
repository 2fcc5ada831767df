"""What symlinks in checkouts lead to: files under `views/` that are in no other place (ADR 0008)."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from cas.worktree import placements
from cas.worktree.link import Link

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cas.objects.store import ObjectStore
    from cas.worktree.placements import Placement


def view_files(store: ObjectStore) -> frozenset[bytes] | None:
    """Find the files under `views/` that some checkout on record needs; None if one cannot be looked at.

    A checkout whose disk is away cannot be looked at; one that was deleted needs nothing. Cost: looks at
    every name in every checkout.
    """
    root = os.fsencode(store.layout.views)
    real = os.path.realpath(root)
    with store.index.read() as txn:
        found = list(placements.placements(txn))
    needed: set[bytes] = set()
    for placement in found:
        try:
            needed.update(
                root + target.removeprefix(real)
                for target in map(os.path.realpath, links(placement.path))
                if target.startswith(real + b"/")
            )
        except OSError:
            if may_come_back(placement):
                return None
    return frozenset(needed)


def may_come_back(placement: Placement) -> bool:
    """Whether a checkout that cannot be looked at counts as one of symlinks.

    It does not if somebody deleted it: the directory around it is there, and it is not.
    """
    is_deleted = not os.path.lexists(placement.path) and os.path.isdir(os.path.dirname(placement.path))
    return placement.link == Link.SYMLINK and not is_deleted


def links(path: bytes) -> Iterator[bytes]:
    """Iterate over the symlinks at or below `path`.

    Raises:
        OSError: There is nothing, or some of it cannot be looked at.
    """
    if os.path.islink(path):
        yield path
        return
    os.lstat(path)
    folders = [path] if os.path.isdir(path) else []
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in entries:
                if entry.is_symlink():
                    yield entry.path
                elif entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
