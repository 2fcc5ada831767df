"""Directories opened one component at a time, so that nothing is written through a link.

A name that was a directory when it was looked at may be a symlink when it is written to. So no path with
more than one component is ever given to the kernel for writing: each directory is opened below the
descriptor of its parent, refusing links, and files are made, renamed and removed by name in an open
directory.
"""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING, Final, NamedTuple, Self

from cas.errors import ConflictError
from cas.worktree.compare import join

if TYPE_CHECKING:
    from pathlib import Path

_OPEN: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NO_DIRECTORY: Final = frozenset({errno.ENOTDIR, errno.ENOENT, errno.ELOOP})
_MOST_OPEN: Final = 32


def open_directory(name: bytes | str | Path, *, parent: int | None = None) -> int:
    """Open the directory `name`; if it is a symlink or no directory, an OSError says so."""
    return os.open(name, _OPEN, dir_fd=parent)


class Directories:
    """Descriptors of directories below one root, by relative path. For one thread.

    A descriptor is good until the next call of `open`: only the last few are kept.
    """

    def __init__(self, root: int) -> None:
        """`root` stays the caller's to close."""
        self._root = root
        self._open: dict[bytes, int] = {}

    def open(self, path: bytes) -> int:
        """Return a descriptor of the directory at `path`; the empty path is the root.

        Raises:
            ConflictError: A component is not a directory (any more).
        """
        if not path:
            return self._root
        found = self._open.get(path)
        if found is not None:
            return found
        start, missing = path, []
        while start and start not in self._open:
            start, _, name = start.rpartition(b"/")
            missing.append(name)
        fd = self._open[start] if start else self._root
        while missing:
            name = missing.pop()
            start = join(start, name)
            fd = self._open_child(fd, name, start)
        return fd

    def _open_child(self, parent: int, name: bytes, path: bytes) -> int:
        try:
            fd = open_directory(name, parent=parent)
        except OSError as error:
            if error.errno not in _NO_DIRECTORY:
                raise
            raise changed(path, "it is not a directory any more") from error
        self._open[path] = fd
        if len(self._open) > _MOST_OPEN:
            os.close(self._open.pop(next(iter(self._open))))
        return fd

    def close(self) -> None:
        """Close what was opened."""
        for fd in self._open.values():
            os.close(fd)
        self._open.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def remove_tree(parent: int, name: bytes) -> None:
    """Delete `name` in the directory `parent`, whatever it is; nothing happens if it is not there.

    Follows no link, and needs two descriptors however deep the tree is.
    """
    try:
        if not stat.S_ISDIR(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode):
            os.unlink(name, dir_fd=parent)
            return
        fd = open_directory(name, parent=parent)
    except FileNotFoundError:
        return
    levels = [_Level(name, _remove_files(fd), os.fstat(fd))]
    try:
        while True:
            level = levels[-1]
            if level.waiting:
                child = level.waiting.pop()
                fd = _move(fd, child)
                levels.append(_Level(child, _remove_files(fd), os.fstat(fd)))
                continue
            levels.pop()
            if not levels:
                break
            fd = _climb(fd, levels[-1].status)
            os.rmdir(level.name, dir_fd=fd)
    finally:
        os.close(fd)
    os.rmdir(name, dir_fd=parent)


class _Level(NamedTuple):
    name: bytes
    waiting: list[bytes]
    """Directories that are still in it."""
    status: os.stat_result


def _remove_files(fd: int) -> list[bytes]:
    """Delete what is not a directory; return the names of the directories."""
    found = []
    with os.scandir(fd) as entries:
        for entry in list(entries):
            if entry.is_dir(follow_symlinks=False):
                found.append(os.fsencode(entry.name))
            else:
                os.unlink(entry.name, dir_fd=fd)
    return found


def _move(fd: int, name: bytes) -> int:
    """Open `name` and close the directory that it is in."""
    child = open_directory(name, parent=fd)
    os.close(fd)
    return child


def _climb(fd: int, expected: os.stat_result) -> int:
    """Go back to the parent, if it is still the directory that was left."""
    parent = open_directory(b"..", parent=fd)
    if not os.path.samestat(os.fstat(parent), expected):
        os.close(parent)
        raise changed(b"..", "it was moved while it was deleted")
    os.close(fd)
    return parent


def changed(path: bytes, why: str) -> ConflictError:
    """Say that somebody else changed `path` while we were at work on it."""
    return ConflictError(
        f"cannot write '{os.fsdecode(path)}'",
        code="destination-changed",
        why=why,
        hint="stop what else writes there, then run the same command again",
    )
