"""How a file gets to its place: a copy of its own, or a link to the one materialised file of its blob.

A *placer* makes one file, by name, in an open directory, and returns its `lstat`. It never replaces
anything: a name that is there already is an error (two names of a tree may be one on this file system).
"""

from __future__ import annotations

import errno
import os
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Protocol

from cas import fs
from cas.errors import StorageError
from cas.ids import Kind
from cas.worktree.unmade import wrong_size
from cas.worktree.views import clone, is_untouched
from cas.worktree.wanted import Place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from cas.worktree.views import Views

_WRITE_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_READ: Final = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW
_ATTEMPTS: Final = 100
"""Each needs another process that replaces the view in the same microsecond, or another million of links."""


class Link(StrEnum):
    """How the files of a checkout share disk space with the repository."""

    COPY = "copy"
    """Not at all: files of their own, to be edited freely."""
    REFLINK = "reflink"
    """Their blocks, until written to: as free to edit as copies. Needs btrfs, XFS or the like."""
    HARDLINK = "hardlink"
    """They are the repository's own files, read-only."""
    SYMLINK = "symlink"
    """They point at the repository's own files, read-only; works across file systems."""


class Placer(Protocol):
    """Makes files that link to a view."""

    def place(self, directory: int, place: Place) -> os.stat_result | None:
        """Make the file of `place` in the open directory, and return its `lstat`.

        None if there is no view, or somebody wrote to it: then nothing was made.

        Raises:
            FileExistsError: The name is taken.
        """

    def probe(self, directory: int, view: bytes) -> None:
        """Find out whether linking from the file `view` into `directory` works at all.

        Raises:
            StorageError: It does not; the hint says what does.
        """


def write_file(directory: int, place: Place, blocks: Iterable[bytes]) -> os.stat_result:
    """Make a file of its own, with the user's umask; `blocks` raise if they are not the blob."""
    fd = open_new(directory, place)
    try:
        size = 0
        for block in blocks:
            if os.write(fd, block) != len(block):  # a short write: the disk is nearly full
                os.lseek(fd, size, os.SEEK_SET)
                fs.write_all(fd, block)
            size += len(block)
        check_size(place, size)
        return os.fstat(fd)
    finally:
        os.close(fd)


def open_new(directory: int, place: Place) -> int:
    """Create an empty file and return its descriptor."""
    mode = 0o777 if place.kind is Kind.EXECUTABLE else 0o666
    return os.open(place.name, _WRITE_NEW, mode, dir_fd=directory)


def check_size(place: Place, size: int) -> None:
    """Compare what was written with what the tree promised.

    Raises:
        UnmadeError: They differ: the tree lies.
    """
    if place.size is not None and size != place.size:
        raise wrong_size(place, size)


class HardlinkPlacer:
    """Places a file by `link`."""

    def __init__(self, views: Views) -> None:
        self._views = views

    def place(self, directory: int, place: Place) -> os.stat_result | None:
        """Link first and look afterwards: that is one call less for each file."""
        if not self._link(directory, place):
            return None
        status = os.stat(place.name, dir_fd=directory, follow_symlinks=False)
        if is_untouched(status, place.size):
            return status
        os.unlink(place.name, dir_fd=directory)
        return None

    def _link(self, directory: int, place: Place) -> bool:
        """Link to the view; when that has as many links as there may be, to a second copy of it.

        The same for a view that another user made: Linux lets nobody link to what he may not write to.
        """
        view = self._views.path(place.blob, place.kind)
        curable = {errno.EMLINK, errno.EPERM}
        for _ in range(_ATTEMPTS):
            try:
                os.link(view, place.name, dst_dir_fd=directory, follow_symlinks=False)
            except FileNotFoundError:
                if not os.path.lexists(view):
                    return False
                # Another process put its own copy there between the look-up of the name and the link.
            except OSError as error:
                if error.errno not in curable or not self._views.renew(place.blob, place.kind, place.size):
                    raise
                curable = {errno.EMLINK}  # what is not allowed even now never will be
            else:
                return True
        return False

    def probe(self, directory: int, view: bytes) -> None:
        """Link once."""
        try:
            os.link(view, b".probe", dst_dir_fd=directory, follow_symlinks=False)
        except OSError as error:
            if error.errno not in {errno.EXDEV, errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS}:
                raise
            why = (
                "the repository is on another file system"
                if error.errno == errno.EXDEV
                else str(error.strerror)
            )
            raise StorageError(
                "cannot make hard links here", code="no-hardlink", why=why, hint="repeat with `--link copy`"
            ) from error
        os.unlink(b".probe", dir_fd=directory)


class SymlinkPlacer:
    """Places a file by `symlink`, to the absolute path of its view."""

    def __init__(self, views: Views) -> None:
        self._views = views

    def place(self, directory: int, place: Place) -> os.stat_result | None:
        """Point at the view."""
        if self._views.find(place.blob, place.kind, place.size) is None:
            return None
        os.symlink(self._views.path(place.blob, place.kind), place.name, dir_fd=directory)
        return os.stat(place.name, dir_fd=directory, follow_symlinks=False)

    def probe(self, directory: int, view: bytes) -> None:
        """Point at something once."""
        try:
            os.symlink(view, b".probe", dir_fd=directory)
        except OSError as error:
            if error.errno not in {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS}:
                raise
            raise StorageError(
                "cannot make symlinks here",
                code="no-symlink",
                why=str(error.strerror),
                hint="repeat with `--link copy`",
            ) from error
        os.unlink(b".probe", dir_fd=directory)


class ReflinkPlacer:
    """Places a file by cloning its view."""

    def __init__(self, views: Views) -> None:
        self._views = views

    def place(self, directory: int, place: Place) -> os.stat_result | None:
        """Make a file that shares the view's blocks."""
        try:
            source = os.open(self._views.path(place.blob, place.kind), _READ)
        except FileNotFoundError:
            return None
        try:
            return (
                self._clone(directory, place, source) if is_untouched(os.fstat(source), place.size) else None
            )
        finally:
            os.close(source)

    def probe(self, directory: int, view: bytes) -> None:
        """Clone once."""
        source = os.open(view, _READ)
        try:
            self._clone(directory, Place(b"", b".probe", b"", Kind.FILE, None), source)
            os.unlink(b".probe", dir_fd=directory)
        finally:
            os.close(source)

    def _clone(self, directory: int, place: Place, source: int) -> os.stat_result:
        fd = open_new(directory, place)
        try:
            clone(source, fd)
            return os.fstat(fd)
        finally:
            os.close(fd)


_PLACERS: Final[dict[Link, Callable[[Views], Placer]]] = {
    Link.REFLINK: ReflinkPlacer,
    Link.HARDLINK: HardlinkPlacer,
    Link.SYMLINK: SymlinkPlacer,
}


def placer_for(link: Link, views: Views) -> Placer | None:
    """Choose the placer of a link mode; None means that files are written in place."""
    make = _PLACERS.get(link)
    return None if make is None else make(views)
