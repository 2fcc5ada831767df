"""Telling cheaply whether a file is as it was left: from outside, and by its bytes where that leaves a doubt.

What a stamp vouches for was hashed before: while the bytes came, or through the descriptor whose status the
stamp is. Nobody pairs a hash with what lies at a path some time later; it may be somebody's edit by then.
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, NamedTuple, Self

from cas.remotes.digests import Hashes

if TYPE_CHECKING:
    from collections.abc import Callable


class Stamp(NamedTuple):
    """What a file of known bytes looks like from outside."""

    size: int
    mtime_ns: int
    ctime_ns: int
    """No program can set it: it tells of writes whose author has put the date back, and of files that were
    copied over this one with its date."""
    inode: int
    is_executable: bool
    """As it came. Whoever changes that has not edited it."""

    @classmethod
    def of(cls, status: os.stat_result) -> Self:
        """Take it from a status."""
        is_executable = bool(status.st_mode & stat.S_IXUSR)
        return cls(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino, is_executable)

    def fits(self, status: os.stat_result | None) -> bool:
        """Whether a file is the same, and was not touched. If not, only its bytes can tell."""
        return status is not None and stat.S_ISREG(status.st_mode) and Stamp.of(status) == self

    def renewed(self, status: os.stat_result) -> Stamp:
        """Take it from the status of a file that was found to have the same bytes."""
        return Stamp.of(status)._replace(is_executable=self.is_executable)

    @property
    def doubted(self) -> Stamp:
        """One that fits no file, so that whoever comes next looks at the bytes."""
        return self._replace(ctime_ns=-1)


def hashed_at(
    path: bytes | str | os.PathLike[str], algorithm: str | None = None, *, folder: int | None = None
) -> tuple[os.stat_result, Hashes] | None:
    """Hash the file at `path`, to which no link leads; its status is of before any of it was read.

    Returns:
        None if it is no file, or cannot be read.
    """
    try:
        # Without blocking: a pipe of that name is no file, and opening it would wait for a writer.
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
        with open(fd, "rb") as stream:
            status = os.fstat(fd)
            if not stat.S_ISREG(status.st_mode):
                return None
            hashes = Hashes(algorithm)
            hashes.update_from(stream)
    except OSError:
        return None
    return status, hashes


def renamed(fd: int, rename: Callable[[], object]) -> Stamp:
    """Rename the file that is open as `fd`, and that is nobody else's so far; what it looks like then.

    A rename changes the time of change, so the file is looked at after it, when others know of it. If one
    of them has written to it by then, the stamp is of before, and fits it no more.
    """
    before = Stamp.of(os.fstat(fd))
    rename()
    after = Stamp.of(os.fstat(fd))
    return after if after._replace(ctime_ns=before.ctime_ns) == before else before
