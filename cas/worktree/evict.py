"""Keeping `views/` to its bound: what nobody uses goes, what was handed out longest ago first.

A unit goes as a whole: one rename away, under the gate, then its deletion, without it. That frees the bytes
of those files whose only other link is the one under `views/files`. Such *idle* files go next, and first of
all: hard-linked checkouts that were deleted leave some. A file that a symlink of a checkout leads to is not
idle (docs/decisions/0008), and while somebody builds, none are (`leases`, invariant 4); whoever adds next
tries again.

It is made room for more than is needed, so that not every addition has to look at everything.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from cas import fs
from cas.objects.session import Session
from cas.worktree import leases, readonly, room, symlinks
from cas.worktree.directories import open_directory

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cas.layout import Layout
    from cas.objects.store import ObjectStore

_PARTS: Final = ("named", "trees")
_FILL_PERCENT: Final = 90
"""How full `views/` may still be after an eviction, in percent of the bound."""


def shrink(store: ObjectStore, max_size: int) -> None:
    """Delete until files under `views/` take clearly less than `max_size` bytes, or the rest is in use."""
    layout = store.layout
    wanted = max_size * _FILL_PERCENT // 100
    with leases.deleting(layout) as in_use:
        if in_use.is_building:
            return
    size = sum(room.rounded(status.st_size) for _, status in room.files(layout))
    if size > wanted:
        linked = symlinks.view_files(store)
        size -= _drop_idle(layout, linked)
        if size > wanted:
            _evict_units(layout, size - wanted)
            size -= _drop_idle(layout, linked)
    room.correct(layout, min(size, wanted))


def _evict_units(layout: Layout, excess: int) -> None:
    """Delete units, the oldest first, until their files are worth `excess` bytes."""
    with Session.start(layout) as session:
        for unit in oldest_first(layout):
            if excess <= 0:
                return
            if take(layout, unit, session):
                excess -= delete_taken(session)


def oldest_first(layout: Layout) -> list[bytes]:
    """List all units, what was handed out longest ago first."""
    found = sorted((status.st_mtime_ns, path) for path, status in units(layout))
    root = os.fsencode(layout.views)
    return [os.path.relpath(path, root) for _, path in found]


def units(layout: Layout) -> Iterator[tuple[bytes, os.stat_result]]:
    """Iterate over the folders of all units, and the `lstat` of each."""
    for part in _PARTS:
        for folder in room.folders(layout, part):
            for path, status in room.ours_in(folder):
                if stat.S_ISDIR(status.st_mode):
                    yield path, status


def take(layout: Layout, unit: bytes, session: Session) -> bool:
    """Move a unit into the session's folder, if nobody uses it; whether that was so."""
    with leases.deleting(layout) as in_use:
        if unit in in_use.units:
            return False
        with suppress(FileNotFoundError):
            os.rename(os.path.join(os.fsencode(layout.views), unit), os.fsencode(session.tmp / "taken"))
            fs.reached("view.taken")
            return True
    return False


def delete_taken(session: Session) -> int:
    """Delete the unit that was taken last; returns how many bytes nothing but `views/files` links to now."""
    folder = open_directory(session.tmp)
    try:
        freed = readonly.dismantle(folder, b"taken")
    finally:
        os.close(folder)
    fs.reached("view.deleted")
    return freed


def _drop_idle(layout: Layout, linked: frozenset[bytes] | None) -> int:
    """Delete the files that only `views/files` links to; returns how many bytes they took."""
    freed = 0
    if linked is None:
        return freed
    for folder in room.folders(layout, "files"):
        with leases.deleting(layout) as in_use:
            if in_use.is_building:
                return freed
            for path, status in room.ours_in(folder):
                if status.st_nlink == 1 and path not in linked:
                    os.unlink(path)
                    freed += room.rounded(status.st_size)
    return freed
