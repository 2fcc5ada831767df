"""Materialised files: one read-only file on disk for each blob that some checkout links to.

    views/files/ab/ab12…    mode 0444          views/files/ab/ab12…x    mode 0555, for executables

Theory of operation
-------------------
The file is written in the session's folder, hashed, made read-only, given the modification time `MTIME`,
and renamed to its final name. Nobody writes to it after that, except through a hard link in somebody's
working tree and against the mode: that moves the modification time, for which each use looks. So a view
file of the right size and time holds the right bytes, and linking to it costs no hashing. (Whoever writes
*and* sets the time back defeats this; `cas verify` is for that.)

The size is part of the check because nothing here is fsynced: after a power cut a file may be cut short.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import threading
from typing import TYPE_CHECKING, Final

from cas import fs
from cas.errors import StorageError
from cas.ids import DIGEST_SIZE, Kind
from cas.worktree import room

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from cas.layout import Layout

MTIME_NS: Final = 1_000_000_000
"""One second after 1970-01-01: not 0, which some tools take for "no time"."""

FICLONE: Final = 0x40049409
"""ioctl of Linux: share all extents of another file."""

_WRITE_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
_READ: Final = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW
_HEX_DIGITS: Final = 2 * DIGEST_SIZE
_COPY_SIZE: Final = 1024 * 1024


class Views:
    """The folder `views/files` of one repository. Safe to share between threads."""

    def __init__(self, layout: Layout, tmp: Path | None = None) -> None:
        """`tmp` is the session's folder; without it nothing can be added."""
        self.root = os.path.join(os.fsencode(layout.views), b"files")
        self._tmp = None if tmp is None else os.fsencode(tmp)
        self._lock = threading.Lock()
        self.added = 0
        """What the files that were added take, in bytes of whole blocks."""

    def path(self, blob: bytes, kind: int) -> bytes:
        """Where the file of `blob` is, or would be."""
        name = blob.hex() + ("x" if kind == Kind.EXECUTABLE else "")
        return os.path.join(self.root, os.fsencode(f"{name[:2]}/{name}"))

    def parse(self, target: bytes) -> tuple[bytes, Kind] | None:
        """Say which blob a symlink to `target` stands for, if it leads to a view file."""
        if not target.startswith(self.root + b"/"):
            return None
        name = os.fsdecode(os.path.basename(target))
        kind = Kind.EXECUTABLE if name.endswith("x") else Kind.FILE
        try:
            blob = bytes.fromhex(name[:_HEX_DIGITS])
        except ValueError:
            return None
        return (blob, kind) if target == self.path(blob, kind) else None

    def find(self, blob: bytes, kind: int, size: int | None) -> os.stat_result | None:
        """Return the `lstat` of the view file if it is there and untouched."""
        try:
            status = os.lstat(self.path(blob, kind))
        except FileNotFoundError:
            return None
        return status if is_untouched(status, size) else None

    def add(self, blob: bytes, kind: int, blocks: Iterable[bytes]) -> int:
        """Write the file of `blob`, replacing what is there; returns its size.

        `blocks` raise when they turn out not to be the blob; then nothing is added.
        """
        assert self._tmp is not None, "a view is written by a session"
        temporary = os.path.join(self._tmp, os.urandom(8).hex().encode())
        fd = os.open(temporary, _WRITE_NEW, 0o600)
        try:
            size = 0
            for block in blocks:
                fs.write_all(fd, block)
                size += len(block)
            os.fchmod(fd, 0o555 if kind == Kind.EXECUTABLE else 0o444)
            os.utime(fd, ns=(MTIME_NS, MTIME_NS))
        except BaseException:
            os.unlink(temporary)
            raise
        finally:
            os.close(fd)
        _rename(temporary, self.path(blob, kind))
        fs.reached("view.added")
        with self._lock:
            self.added += room.rounded(size)
        return size

    def renew(self, blob: bytes, kind: int, size: int | None) -> bool:
        """Put a second copy in the place of a view file that has as many links as the file system allows.

        False if it has not the bytes it should have; nothing was done then.
        """
        fd = os.open(self.path(blob, kind), _READ)
        try:
            if not is_untouched(os.fstat(fd), size):
                return False
            self.add(blob, kind, iter(lambda: os.read(fd, _COPY_SIZE), b""))
        finally:
            os.close(fd)
        return True


def is_untouched(status: os.stat_result, size: int | None) -> bool:
    """Whether a file is a view file, or a hard link to one, that nobody wrote to."""
    return (
        stat.S_ISREG(status.st_mode)
        and status.st_mtime_ns == MTIME_NS
        and (size is None or status.st_size == size)
    )


def _rename(temporary: bytes, final: bytes) -> None:
    try:
        os.rename(temporary, final)
    except FileNotFoundError:
        os.makedirs(os.path.dirname(final), exist_ok=True)
        os.rename(temporary, final)


def clone(source: int, destination: int) -> None:
    """Make the open file `destination` share the bytes of the open file `source`.

    Raises:
        StorageError: The file system cannot, or the two are not on the same one.
    """
    try:
        fcntl.ioctl(destination, FICLONE, source)
    except OSError as error:
        if error.errno not in {errno.EOPNOTSUPP, errno.ENOTTY, errno.EXDEV, errno.EINVAL, errno.ENOSYS}:
            raise
        raise StorageError(
            "cannot clone files here",
            code="no-reflink",
            why=f"the file system refused ({error.strerror}); btrfs and XFS can, within one file system",
            hint="repeat with `--link copy`",
        ) from error
