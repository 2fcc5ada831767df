"""Directories that nobody may write to: made so, looked at, taken apart again.

A directory under `views/trees` is *sealed*: it and each directory in it has mode 0555 and the modification
time `MTIME_NS`, set when it was complete. Whoever adds, deletes or replaces a name in it moves that time,
whoever writes to a file moves the file's. So a look at the times of everything tells whether anything was
changed, and costs one `lstat` each, without reading a byte.

Everything here is relative to an open directory and goes by components, so a depth that no path could be long
enough for is no problem, and no link is followed.
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Final, NamedTuple

from cas.ids import Kind, TreeId
from cas.worktree.compare import join
from cas.worktree.directories import Directories, remove_tree
from cas.worktree.room import rounded
from cas.worktree.views import MTIME_NS, is_untouched

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cas.objects.tree import Entry
    from cas.worktree.compare import TreeReader

READ_ONLY: Final = 0o555
_LOOSE: Final = 0o755
_OWNER_ONLY: Final = 0o700
FILE_MODES: Final = {Kind.FILE: 0o444, Kind.EXECUTABLE: READ_ONLY}


def seal(root: int, tree: TreeId, read: TreeReader) -> None:
    """Make the directory `root`, which has just been filled with `tree`, read-only and mark it complete.

    Its own mode stays writable, because a directory that is not cannot be moved: `lock_top` comes after that.
    """
    with Directories(root) as directories:
        for path, entries in _walk(tree, read):
            fd = directories.open(path)
            for entry in entries:
                if entry.kind in FILE_MODES and not entry.size:  # empty files are no links (`FileMaker`)
                    os.chmod(entry.name, FILE_MODES[entry.kind], dir_fd=fd)
                    os.utime(entry.name, ns=(MTIME_NS, MTIME_NS), dir_fd=fd)
            os.fchmod(fd, READ_ONLY if path else _LOOSE)
            os.utime(fd, ns=(MTIME_NS, MTIME_NS))


def is_complete(status: os.stat_result) -> bool:
    """Whether a directory is sealed, and nobody changed what names are in it."""
    return stat.S_ISDIR(status.st_mode) and status.st_mtime_ns == MTIME_NS


def is_intact(root: int, tree: TreeId, read: TreeReader) -> bool:
    """Whether the open directory `root` holds `tree`, untouched; modes that somebody changed are set back.

    Cost: an `lstat` for each name, no bytes of files.
    """
    with Directories(root) as directories:
        for path, entries in _walk(tree, read):
            fd = directories.open(path)
            status = os.fstat(fd)
            if not is_complete(status) or sorted(map(os.fsencode, os.listdir(fd))) != _names(entries):
                return False
            if not all(is_as_stored(fd, entry) for entry in entries):
                return False
            if stat.S_IMODE(status.st_mode) != READ_ONLY:
                os.fchmod(fd, READ_ONLY)
    return True


def _names(entries: list[Entry]) -> list[bytes]:
    return [entry.name for entry in entries]


def is_as_stored(directory: int, entry: Entry) -> bool:
    """Whether the name of `entry` stands for what it says, as far as a look can tell."""
    status = os.stat(entry.name, dir_fd=directory, follow_symlinks=False)
    match entry.kind:
        case Kind.DIRECTORY:
            return stat.S_ISDIR(status.st_mode)
        case Kind.SYMLINK:
            return stat.S_ISLNK(status.st_mode) and os.readlink(entry.name, dir_fd=directory) == entry.id
        case _:
            if not is_untouched(status, entry.size):
                return False
            if stat.S_IMODE(status.st_mode) != FILE_MODES[entry.kind]:
                os.chmod(entry.name, FILE_MODES[entry.kind], dir_fd=directory)
            return True


def _walk(tree: TreeId, read: TreeReader) -> Iterator[tuple[bytes, list[Entry]]]:
    """Iterate over the directories of a tree, each before those in it."""
    waiting = [(b"", tree)]
    while waiting:
        path, one = waiting.pop()
        entries = list(read(one))
        yield path, entries
        waiting += [
            (join(path, entry.name), TreeId(entry.id)) for entry in entries if entry.kind is Kind.DIRECTORY
        ]


def files_of(tree: TreeId, read: TreeReader) -> Iterator[tuple[bytes, Entry]]:
    """Iterate over the files in a tree, by relative path."""
    for path, entries in _walk(tree, read):
        for entry in entries:
            if entry.kind in FILE_MODES:
                yield join(path, entry.name), entry


class Scanned(NamedTuple):
    """Something in a directory."""

    path: bytes
    """Relative to the top, which is the empty path."""
    name: bytes
    directory: int
    """The open directory that it is in; good until the next one is asked for."""
    status: os.stat_result


def scan(root: int) -> Iterator[Scanned]:
    """Iterate over the open directory `root` and everything in it, each directory before what it holds."""
    yield Scanned(b"", b".", root, os.fstat(root))
    waiting = [b""]
    with Directories(root) as directories:
        while waiting:
            path = waiting.pop()
            fd = directories.open(path)
            for name in map(os.fsencode, os.listdir(fd)):
                status = os.stat(name, dir_fd=fd, follow_symlinks=False)
                yield Scanned(join(path, name), name, fd, status)
                if stat.S_ISDIR(status.st_mode):
                    waiting.append(join(path, name))


def loosen(root: int) -> None:
    """Make every directory below the open directory `root` one that its owner can delete."""
    waiting = [b""]
    with Directories(root) as directories:
        while waiting:
            path = waiting.pop()
            fd = directories.open(path)
            with os.scandir(fd) as entries:
                names = [os.fsencode(entry.name) for entry in entries if entry.is_dir(follow_symlinks=False)]
            for name in names:
                os.chmod(name, _OWNER_ONLY, dir_fd=fd)
            waiting += [join(path, name) for name in names]


def dismantle(parent: int, name: bytes) -> int:
    """Delete the directory `name`; returns how many bytes have no link left but the one in `views/files`."""
    root = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
    freed = 0
    waiting = [b""]
    try:
        loosen(root)
        with Directories(root) as directories:
            while waiting:
                path = waiting.pop()
                fd = directories.open(path)
                with os.scandir(fd) as entries:
                    found = list(entries)
                for entry in found:
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(join(path, os.fsencode(entry.name)))
                        continue
                    status = entry.stat(follow_symlinks=False)
                    os.unlink(entry.name, dir_fd=fd)
                    if status.st_nlink == 2:  # noqa: PLR2004 - this one, and the one that is left
                        freed += rounded(status.st_size)
    finally:
        os.close(root)
    remove_tree(parent, name)
    return freed
