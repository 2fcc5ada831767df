"""Where a remote resource belongs here, and where what is known about it is kept.

    runtime_resources/             the writable directory layer
        models/inception.ckpt      where the entry belongs: its destination
        .cas-downloads/
            <32 hex digits>/       its state: partial files and their notes; named by a hash of the path
            <32 hex digits>.lock   held by whoever downloads it
            kept/                  what of somebody's own was in the way: <dst_path>.~1~ and so on

State stands on the file system of the layer, so that what is finished moves into place by one rename.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

from blake3 import blake3

from cas import fs
from cas.registry.arrival import Arrival

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cas.registry.entry import RemoteEntry
    from cas.view.view import View

STATE: Final = ".cas-downloads"
"""What is ours in a directory layer; no part of the view."""

_KEPT: Final = "kept"
_KEY_SIZE: Final = 16


@dataclass(frozen=True, slots=True)
class Place:
    """Where one entry belongs, below one directory."""

    entry: RemoteEntry
    root: Path
    """The directory of the layer; it need not exist."""

    @classmethod
    def of(cls, entry: RemoteEntry, view: View) -> Self:
        """Find the place of `entry` in the uppermost writable directory layer; nothing is created."""
        return cls(entry, view.writable_root)

    @property
    def destination(self) -> Path:
        """Where the file or the directory belongs."""
        return self.root / self.entry.path

    @property
    def state(self) -> Path:
        """A folder for what is known about it."""
        return state_of(self.root, self.entry.path)

    @property
    def kept(self) -> Path:
        """What somebody's own files that make way are called now: this and a number, or in it."""
        return self.root / STATE / _KEPT / self.entry.path

    @property
    def arrival(self) -> Arrival | None:
        """What was downloaded there last, without what belongs to other entries by now."""
        arrival = Arrival.load(self.state)
        return arrival if arrival is None or not self.entry.inner else arrival.without_others(self.entry)

    @property
    def status(self) -> os.stat_result | None:
        """What is at the destination; None if nothing is. A symlink is followed as far as it leads."""
        with contextlib.suppress(OSError):
            return self.destination.stat()
        return None

    def prepare(self, view: View) -> None:
        """Create the state, and refuse now what can be seen to be in the way before anybody is asked.

        Nothing is created that the view would show. It would hide what lower layers have there, and if
        nothing comes it would stay.

        Raises:
            CasError: The view has no writable directory, or something else is in the way.
        """
        there = self._folder
        while there and not os.path.lexists(self.root / there):
            there = there.rpartition("/")[0]
        view.get_resources_writable_directory(there)
        with fs.explained(f"cannot create '{self.state}'"):
            self.state.mkdir(parents=True, exist_ok=True)

    def make_folder(self, view: View) -> None:
        """Create what leads to the destination, and of a directory the destination itself.

        Raises:
            CasError: As of `prepare`.
        """
        view.get_resources_writable_directory(self._folder)

    @property
    def _folder(self) -> str:
        return self.entry.path if self.entry.is_directory else self.entry.path.rpartition("/")[0]

    @contextlib.contextmanager
    def locked(self, *, blocking: bool = True) -> Iterator[bool]:
        """Be the only one, of all processes, who downloads this, and wait for whoever does.

        False if somebody does and is not waited for.
        """
        lock = fs.FileLock(self.state.with_suffix(".lock"))
        with fs.explained(f"cannot lock '{lock.path}'"):
            is_ours = lock.acquire(blocking=blocking)
        try:
            yield is_ours
        finally:
            lock.release(unlink=True)


def state_of(root: Path, path: str) -> Path:
    """Say which folder is for what is known about a path below the directory of a layer."""
    return root / STATE / blake3(os.fsencode(path)).hexdigest(length=_KEY_SIZE)
