"""What the kernel asks of a mount, answered.

libfuse calls these methods, one at a time, with paths that begin with `/`. An OSError tells the kernel its
number. Whatever else goes wrong is damage, or a version that gc took: EIO for the program that reads, and the
reason for the log, because a number is all that a system call can hand on. What has the name of repositories
is not shown (`reserved`).
"""

from __future__ import annotations

import errno
import logging
import os
from functools import wraps
from typing import TYPE_CHECKING, Any, Concatenate, Final, NoReturn, ParamSpec, TypeVar

from blake3 import blake3

from cas.errors import CasError
from cas.ids import BlobId, Kind
from cas.mount.handles import BlobReader, Handles, HostReader
from cas.worktree.reserved import has_reserved, is_reserved

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cas.mount.handles import Reader
    from cas.mount.item import Item, Source
    from cas.objects.ranges import RangeReader

P = ParamSpec("P")
T = TypeVar("T")

log = logging.getLogger(__name__)

READ_SIZE: Final = 1024 * 1024
"""What programs do best to read at once. [bytes]"""

_BLOCK: Final = 512
"""The unit in which `stat` counts blocks. [bytes]"""

_LONGEST_NAME: Final = 255

_MODES: Final = {
    Kind.FILE: 0o100444,
    Kind.EXECUTABLE: 0o100555,
    Kind.SYMLINK: 0o120777,
    Kind.DIRECTORY: 0o040555,
}
"""Type and permission bits. Nothing can be written."""


def _answered(
    operation: Callable[Concatenate[Operations, str, P], T],
) -> Callable[Concatenate[Operations, str, P], T]:
    """Answer errors of ours with EIO, and tell the log what happened."""

    @wraps(operation)
    def answer(self: Operations, path: str, /, *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return operation(self, path, *args, **kwargs)
        except CasError as error:
            log.warning("cannot read '%s': %s", path, error)
            raise _failure(errno.EIO) from error

    return answer


def _failure(number: int) -> OSError:
    return OSError(number, os.strerror(number))


def _refuse(*_: object) -> NoReturn:
    raise _failure(errno.EROFS)


class Operations:
    """The file system that libfuse is given: everything can be read, and nothing written."""

    use_ns: Final = True
    """Tells mfusepy that times are in ns."""

    def __init__(
        self,
        source: Source,
        ranges: RangeReader,
        *,
        owner: tuple[int, int],
        on_start: Callable[[], None],
        leave: Callable[[], None],
    ) -> None:
        """Serve `source`.

        Args:
            source: What there is.
            ranges: What content is read through.
            owner: The user and the group that everything belongs to.
            on_start: Called once, when the mount is there.
            leave: Makes libfuse return. It must be called while libfuse waits for an answer.
        """
        self.is_leaving = False
        """Once it is set, the next `statfs` makes libfuse return: it notices nothing unless it is asked."""
        self._source = source
        self._ranges = ranges
        self._on_start = on_start
        self._leave = leave
        self._handles = Handles()
        user, group = owner
        self._common = {"st_uid": user, "st_gid": group, "st_nlink": 1, "st_blksize": READ_SIZE}

    def init(self, _: str) -> None:
        """Begin."""
        self._on_start()

    def destroy(self, _: str) -> None:
        """End."""
        self._handles.close_all()

    @_answered
    def getattr(self, path: str, opened: Any = None) -> dict[str, int]:  # noqa: ANN401 - ctypes
        """Describe what is at `path`, or what it was when it was opened."""
        handle = self._handles.find(opened.fh) if opened is not None else None
        item = self._find(path) if handle is None else handle.item
        return {
            **self._common,
            "st_mode": _MODES[item.kind],
            "st_ino": inode(path),
            "st_size": item.size,
            "st_blocks": -(-item.size // _BLOCK),
            "st_mtime": item.mtime_ns,
            "st_ctime": item.mtime_ns,
            "st_atime": item.mtime_ns,
        }

    @_answered
    def access(self, path: str, mode: int) -> int:
        """Say whether whoever mounted may do something; nobody else is let in by the kernel."""
        if mode & os.W_OK:
            _refuse()
        if mode & os.X_OK and self._find(path).kind is Kind.FILE:
            raise _failure(errno.EACCES)
        return 0

    @_answered
    def readdir(self, path: str, _: int) -> Iterator[tuple[str, dict[str, int], int]]:
        """List a directory."""
        above = path.rstrip("/")
        entries = [(".", Kind.DIRECTORY, inode(path)), ("..", Kind.DIRECTORY, inode(os.path.dirname(path)))]
        entries += [
            (name, kind, inode(f"{above}/{name}"))
            for name, kind in self._source.children(path.strip("/"))
            if not is_reserved(os.fsencode(name))
        ]
        return ((name, {"st_mode": _MODES[kind], "st_ino": number}, 0) for name, kind, number in entries)

    @_answered
    def readlink(self, path: str) -> str:
        """Tell where a symlink points."""
        item = self._find(path)
        if item.kind is not Kind.SYMLINK:
            raise _failure(errno.EINVAL)
        return os.fsdecode(item.content)

    @_answered
    def open(self, path: str, opened: Any) -> int:  # noqa: ANN401 - ctypes
        """Open a file."""
        if opened.flags & (os.O_WRONLY | os.O_RDWR | os.O_TRUNC):
            _refuse()
        item = self._find(path)
        reader: Reader = (
            BlobReader(BlobId(item.content), self._ranges) if item.host is None else HostReader(item.host)
        )
        opened.fh, handle = self._handles.add(path, item, reader)
        opened.direct_io, opened.keep_cache = handle.is_direct, handle.is_kept
        return 0

    @_answered
    def read(self, _: str, size: int, offset: int, opened: Any) -> bytes:  # noqa: ANN401 - ctypes
        """Read from an open file."""
        return self._handles[opened.fh].reader.read(size, offset)

    def release(self, _: str, opened: Any) -> int:  # noqa: ANN401 - ctypes
        """Close a file."""
        self._handles.close(opened.fh)
        return 0

    def statfs(self, _: str) -> dict[str, int]:
        """Describe the file system: all of it is used."""
        if self.is_leaving:
            self._leave()
        return {
            "f_bsize": READ_SIZE,
            "f_frsize": _BLOCK,
            "f_blocks": -(-self._source.size // _BLOCK),
            "f_namemax": _LONGEST_NAME,
        }

    def _find(self, path: str) -> Item:
        item = None if has_reserved(os.fsencode(path)) else self._source.find(path.strip("/"))
        if item is None:
            raise _failure(errno.ENOENT)
        return item

    # The mount is read-only, so the kernel refuses all of this by itself; unless root mounts it anew as
    # writable, which the kernel allows.
    mknod = mkdir = unlink = rmdir = symlink = rename = link = create = _refuse
    chmod = chown = truncate = utimens = write = fallocate = setxattr = removexattr = _refuse


def inode(path: str) -> int:
    """Number the file at `path`: the same in every mount, and never that of another file."""
    return int.from_bytes(blake3(os.fsencode(path)).digest(length=8), "big") >> 1 or 1
