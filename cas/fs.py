"""The few file operations on which durability rests, and nothing else.

Theory of operation
-------------------
A file is *published* in four steps: write it under a temporary name, fsync it, rename it, fsync the
directory. After a crash between any two of them the final name holds the old file or nothing, never a
part of the new one. `reached` marks every such step by name, so that a test can kill the process there
(`cas.testing.faults`) and look at what is left; outside of tests it costs one comparison.

Locks are `flock`: the kernel drops them when their owner dies, so there is no stale lock and no timeout.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from cas.errors import CasError, InvalidError, NotFoundError, ReadOnlyError, StorageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

observer: Callable[[str], None] | None = None
"""Called with the name of each durable step; only `cas.testing.faults` sets it."""

NETWORK_FILE_SYSTEMS = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "lustre", "afs", "ncpfs", "9p", "ceph", "glusterfs", "beegfs"}
    | {"fuse.sshfs", "fuse.glusterfs", "fuse.s3fs", "fuse.gcsfuse", "fuse.rclone", "fuse.ceph", "fuse.davfs"}
)
"""File systems on which an LMDB map is not coherent between hosts."""


_OCTAL = re.compile(r"\\([0-7]{3})")
"""How a mount table writes blanks and backslashes."""


def reached(step: str) -> None:
    """Mark that the durable step `step` has just been taken."""
    if observer is not None:
        observer(step)


def fsync_directory(path: Path) -> None:
    """Make the names inside `path` durable."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def make_directory(path: Path) -> None:
    """Create `path` durably if it is missing; its parent exists."""
    try:
        path.mkdir()
    except FileExistsError:
        return
    fsync_directory(path.parent)


def write_atomically(path: Path, data: bytes) -> None:
    """Replace `path` by `data`; a crash leaves the old file or the new one, whole."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    try:
        try:
            write_all(fd, data)
            os.fsync(fd)
        finally:
            os.close(fd)
        reached("file.written")
        os.rename(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    reached("file.renamed")
    fsync_directory(path.parent)


def write_all(fd: int, data: bytes | memoryview) -> None:
    """Write every byte of `data`, however many calls that takes."""
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def read_exactly(fd: int, size: int, offset: int) -> bytes:
    """Read `size` bytes at `offset`; fewer come back only at the end of the file."""
    data = os.pread(fd, size, offset)
    while len(data) < size:
        more = os.pread(fd, size - len(data), offset + len(data))
        if not more:
            break
        data += more
    return data


class FileLock:
    """An exclusive `flock` on a file, held from `acquire` until `release` or the death of the process."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd: int | None = None

    def acquire(self, *, blocking: bool) -> bool:
        """Take the lock; `False` if somebody else has it and `blocking` is false.

        The file is created if needed. A lock on a file that was unlinked meanwhile is worthless, so the
        name is checked after the lock is held and everything is tried again if it moved.
        """
        while True:
            fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | (0 if blocking else fcntl.LOCK_NB))
                if os.stat(self.path).st_ino == os.fstat(fd).st_ino:
                    self._fd = fd
                    return True
            except BlockingIOError:
                os.close(fd)
                return False
            except FileNotFoundError:
                pass  # unlinked between open and stat: go round again
            except BaseException:
                os.close(fd)
                raise
            os.close(fd)

    def release(self, *, unlink: bool = False) -> None:
        """Give the lock up; with `unlink`, remove the file first, while nobody else can hold it."""
        if self._fd is None:
            return
        if unlink:
            self.path.unlink(missing_ok=True)
        os.close(self._fd)
        self._fd = None


def file_system_type(path: Path) -> str | None:
    """Name the file system that holds `path` ("ext4", "nfs4", …), or None where that cannot be known."""
    try:
        table = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape")
        device = os.stat(path).st_dev
        return type_in(table, os.path.realpath(path), f"{os.major(device)}:{os.minor(device)}")
    except OSError:
        return None  # not Linux, or no such path: the caller finds out in its own way


def type_in(table: str, path: str, device: str) -> str | None:
    """Look `path` up in a mount table: by its device, or else by the longest mount point above it.

    The volumes of btrfs have devices that no mount table knows.
    """
    longest, found = "", None
    for line in table.splitlines():
        mount, _, source = line.partition(" - ")
        _, _, its_device, _, point, *_ = mount.split()
        if its_device == device:
            return source.split()[0]
        point = _unescaped(point)
        is_above = path == point or path.startswith(point.rstrip("/") + "/")
        if is_above and len(point) >= len(longest):  # a later one of equal length covers the earlier
            longest, found = point, source.split()[0]
    return found


def mounts() -> Iterator[tuple[str, str]]:
    """Iterate over the mount table: where something is mounted, and what that calls itself.

    No mount is asked for anything, so one that hangs is no problem. Where there is no such table, nothing.
    """
    try:
        table = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return
    for line in table.splitlines():
        mount, _, source = line.partition(" - ")
        yield _unescaped(mount.split()[4]), _unescaped(source.split()[1])


def _unescaped(field: str) -> str:
    return _OCTAL.sub(lambda match: chr(int(match[1], 8)), field)


_ONE_FILE_SYSTEM = (
    "something is mounted there, or a link leads elsewhere: both ends must be on one file system"
)
_BY_ERRNO: dict[int, tuple[type[CasError], str, str | None]] = {
    errno.ENOENT: (NotFoundError, "no-such-path", None),
    errno.ENOTDIR: (InvalidError, "not-a-directory", None),
    errno.EACCES: (ReadOnlyError, "permission-denied", None),
    errno.EPERM: (ReadOnlyError, "permission-denied", None),
    errno.EROFS: (ReadOnlyError, "read-only-file-system", None),
    errno.ENOSPC: (StorageError, "disk-full", "free some space and run the same command again"),
    errno.EDQUOT: (StorageError, "disk-full", "free some of your quota and run the same command again"),
    errno.ENAMETOOLONG: (InvalidError, "path-too-long", None),
    errno.EXDEV: (StorageError, "across-file-systems", _ONE_FILE_SYSTEM),
}


def explain(error: OSError, what: str) -> CasError:
    """Turn an operating system error into the error of ours that says what was being done."""
    kind, code, hint = _BY_ERRNO.get(error.errno or 0, (StorageError, "io-error", None))
    reason = error.strerror or type(error).__name__
    path = os.fsdecode(error.filename) if isinstance(error.filename, (str, bytes)) else None
    return kind(what, code=code, why=f"{reason}: '{path}'" if path else reason, hint=hint)


@contextlib.contextmanager
def explained(what: str) -> Iterator[None]:
    """Raise any OSError of the block as one of ours, with `what` as the thing that failed."""
    try:
        yield
    except CasError:  # some are OSErrors too, and explained already
        raise
    except OSError as error:
        raise explain(error, what) from error
