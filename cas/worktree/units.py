"""What is handed out from `views/`: one file, or one directory, under the name that it was asked for by."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from cas.errors import ConflictError, CorruptError
from cas.ids import BlobId, Content, Kind, TreeId
from cas.progress import Silent
from cas.worktree import leases, readonly, room
from cas.worktree.directories import open_directory
from cas.worktree.files import vanished
from cas.worktree.link import HardlinkPlacer, Link
from cas.worktree.place import place
from cas.worktree.views import Views, is_untouched
from cas.worktree.wanted import Place

if TYPE_CHECKING:
    from pathlib import Path

    from cas.objects.session import Session
    from cas.objects.store import ObjectStore

_MADE: Final = "made"


class Unit(Protocol):
    """One thing to hand out."""

    @property
    def id(self) -> bytes:
        """Its folder, relative to `views/`: what is leased, evicted and collected."""

    @property
    def name(self) -> bytes:
        """What it is called in there."""

    def is_there(self, path: bytes) -> bool:
        """Whether a look at the top finds it complete at `path`, and not changed. Cost: one `lstat`."""

    def is_intact(self, path: bytes) -> bool:
        """Look at all of it, which is there; modes that somebody changed are set back."""

    def make(self, session: Session) -> bytes:
        """Make it in the session's folder; where it is."""

    def lock(self, path: bytes) -> None:
        """Do what could not be done before it was in its place."""


@dataclass(frozen=True, slots=True)
class FileUnit:
    """A file."""

    store: ObjectStore
    blob: bytes
    kind: Kind
    size: int | None
    name: bytes

    @property
    def id(self) -> bytes:
        """`named/ab/<blob>`, with an `x` for executables."""
        text = self.blob.hex() + ("x" if self.kind is Kind.EXECUTABLE else "")
        return os.fsencode(f"named/{text[:2]}/{text}")

    def is_there(self, path: bytes) -> bool:
        """Look at size and time."""
        return is_file(path, self.size)

    def is_intact(self, path: bytes) -> bool:
        """Set the mode back; bytes are not read."""
        wanted = readonly.FILE_MODES[self.kind]
        if stat.S_IMODE(os.lstat(path).st_mode) != wanted:
            os.chmod(path, wanted)
        return True

    def make(self, session: Session) -> bytes:
        """Link to the file of the blob; make that, if it is not there or was written to."""
        views = Views(self.store.layout, session.tmp)
        placer = HardlinkPlacer(views)
        wanted = Place(b"", os.fsencode(_MADE), self.blob, self.kind, self.size)
        folder = open_directory(session.tmp)
        try:
            placer.probe(folder, os.fsencode(session.probe()))
            with leases.building(self.store.layout):
                if placer.place(folder, wanted) is None:
                    self._check(views.add(self.blob, self.kind, self.store.stream(BlobId(self.blob))))
                    if placer.place(folder, wanted) is None:
                        raise vanished(wanted)
        finally:
            os.close(folder)
        room.note(self.store.layout, views.added)
        return os.fsencode(session.tmp / _MADE)

    def _check(self, size: int) -> None:
        if self.size is not None and size != self.size:
            raise CorruptError(
                f"cannot read '{os.fsdecode(self.name)}'",
                code="bad-tree",
                why=f"its tree says that it has {self.size} bytes, but there are {size}",
            )

    def lock(self, path: bytes) -> None:
        """Nothing: it is read-only already."""


@dataclass(frozen=True, slots=True)
class TreeUnit:
    """A directory."""

    store: ObjectStore
    tree: TreeId
    name: bytes

    @property
    def id(self) -> bytes:
        """`trees/ab/<tree>`."""
        text = str(self.tree)
        return os.fsencode(f"trees/{text[:2]}/{text}")

    def is_there(self, path: bytes) -> bool:
        """Look at the time."""
        return is_directory(path)

    def is_intact(self, path: bytes) -> bool:
        """Look at every name."""
        try:
            root = open_directory(path)
        except OSError:
            return False  # locked even for its owner, or no directory any more
        try:
            return readonly.is_intact(root, self.tree, self.store.tree)
        except (OSError, ConflictError):
            return False  # something in it is, or somebody is at work on it at this moment
        finally:
            os.close(root)

    def make(self, session: Session) -> bytes:
        """Fill a directory with links and seal it."""
        made = session.tmp / _MADE
        content = Content(Kind.DIRECTORY, self.tree)
        place(self.store, content, made, session=session, link=Link.HARDLINK, progress=Silent())
        root = open_directory(made)
        try:
            readonly.seal(root, self.tree, self.store.tree)
        finally:
            os.close(root)
        return os.fsencode(made)

    def lock(self, path: bytes) -> None:
        """Forbid writing to the top, too: a directory that is read-only could not have been moved here."""
        with suppress(FileNotFoundError):  # somebody found it changed already, and has moved it away
            os.chmod(path, readonly.READ_ONLY)


def is_file(path: bytes | Path, size: int | None) -> bool:
    """Whether a file of `size` bytes is at `path` that nobody wrote to."""
    try:
        return is_untouched(os.lstat(path), size)
    except (FileNotFoundError, NotADirectoryError):
        return False


def is_directory(path: bytes | Path) -> bool:
    """Whether a complete directory is at `path` whose names nobody changed."""
    try:
        return readonly.is_complete(os.lstat(path))
    except (FileNotFoundError, NotADirectoryError):
        return False
