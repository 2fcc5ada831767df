"""How many bytes the files under `views/files` take, without counting them each time.

The number stands in `views/size`. It is advice: whoever adds files adds to it, and where anything may have
been missed (a process died, files were deleted) it is dropped, and the next who asks counts. A file counts as
whole blocks of 4 KiB. After an eviction it says what could still be evicted, not what is there: files that
are in use or hard-linked from a checkout take room that no eviction gives back, so they must not cause the
next one.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
from typing import TYPE_CHECKING, Final

from cas.worktree.directories import open_directory

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cas.layout import Layout

_BLOCK: Final = 4096
_DIGITS: Final = 20
_FOLDER: Final = re.compile(rb"[0-9a-f]{2}")
_NAME: Final = re.compile(rb"[0-9a-f]{64}x?")
_NO_DIRECTORY: Final = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})


def rounded(size: int) -> int:
    """Say what a file of `size` bytes takes.

    >>> rounded(0), rounded(1), rounded(4096)
    (0, 4096, 4096)
    """
    return -(-size // _BLOCK) * _BLOCK


def note(layout: Layout, size: int) -> None:
    """Add `size` bytes, if anybody has counted so far."""
    with contextlib.suppress(FileNotFoundError), _open(layout, os.O_RDWR) as fd:
        known = _read(fd)
        if size and known is not None:
            _write(fd, known + size)


def total(layout: Layout) -> int:
    """Return the number; count if nobody has."""
    with _open(layout, os.O_RDWR | os.O_CREAT) as fd:
        known = _read(fd)
        if known is None:
            known = sum(rounded(status.st_size) for _, status in files(layout))
            _write(fd, known)
    return known


def correct(layout: Layout, size: int) -> None:
    """Set the number."""
    with _open(layout, os.O_RDWR | os.O_CREAT) as fd:
        _write(fd, size)


def forget(layout: Layout) -> None:
    """Have it counted again."""
    _path(layout).unlink(missing_ok=True)


def files(layout: Layout) -> Iterator[tuple[bytes, os.stat_result]]:
    """Iterate over the files under `views/files`, and the `lstat` of each; what vanishes is left out."""
    for folder in folders(layout, "files"):
        yield from ours_in(folder)


def folders(layout: Layout, part: str) -> list[bytes]:
    """List the folders of a part of `views/`, in order of name.

    Somebody may have put a link there, to have the cache on another disk. What it leads to may hold anything,
    so nothing is looked for behind links, nor under names that are none of ours.
    """
    root = os.path.join(os.fsencode(layout.views), os.fsencode(part))
    try:
        fd = open_directory(root)
    except OSError as error:
        if error.errno in _NO_DIRECTORY:
            return []
        raise
    os.close(fd)
    with os.scandir(root) as entries:
        return sorted(
            entry.path
            for entry in entries
            if _FOLDER.fullmatch(entry.name) and entry.is_dir(follow_symlinks=False)
        )


def ours_in(folder: bytes) -> Iterator[tuple[bytes, os.stat_result]]:
    """Iterate over what is in one of the folders under a name that `cas` gave it, and its `lstat`."""
    for path, status in files_in(folder):
        name = os.path.basename(path)
        if _NAME.fullmatch(name) and name.startswith(os.path.basename(folder)):
            yield path, status


def files_in(folder: bytes) -> Iterator[tuple[bytes, os.stat_result]]:
    """Iterate over what is in a folder, and its `lstat`."""
    with contextlib.suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            with contextlib.suppress(FileNotFoundError):
                yield entry.path, entry.stat(follow_symlinks=False)


def _path(layout: Layout) -> Path:
    return layout.views / "size"


@contextlib.contextmanager
def _open(layout: Layout, flags: int) -> Iterator[int]:
    fd = os.open(_path(layout), flags | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield fd
    finally:
        os.close(fd)


def _read(fd: int) -> int | None:
    text = os.pread(fd, _DIGITS, 0)
    return int(text) if len(text) == _DIGITS and text.isdigit() else None


def _write(fd: int, size: int) -> None:
    os.pwrite(fd, b"%0*d" % (_DIGITS, max(0, size)), 0)
