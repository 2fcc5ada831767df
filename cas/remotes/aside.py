"""What somebody has put where a download belongs: it gets another name, and nothing of it is lost.

Theory of operation
-------------------
The download is whole, verified, and about to be renamed to its place. What is there gets a second name first,
`PATH.~N~` in a folder for such things, with the next N, as `cp --backup=numbered` has it.

1. A name that is taken is never taken again: link(2) fails, and the next number is tried. So two processes
   that keep something of the same name keep both. A folder whose name a file has taken gets a number too.
2. The second name is on the disk before the first one is given to the download. Whoever is killed in between
   leaves a file with two names; the next attempt finds that, and makes no third.
3. What is at the place is looked at again after it was kept, or found to be nobody's. Somebody may have put
   another file there meanwhile, as editors do that save by renaming; then all begins anew.
4. Where the file system has no second names, or does not allow one for the file of another user, the name is
   claimed by an empty file, over which the file is renamed. Then there is an instant at which nothing is at
   the place; whoever is killed in it leaves the file whole below its new name.
"""

from __future__ import annotations

import errno
import os
import re
import stat
import threading
from typing import TYPE_CHECKING, Final

from cas import fs
from cas.remotes.stamp import Stamp, hashed_at

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_LONGEST: Final = 255
"""Bytes that a name may have."""
_NUMBERED: Final = re.compile(r"(.+)\.~([1-9][0-9]{0,9})~", re.DOTALL)
_NO_LINKS: Final = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)


class Aside:
    """A folder for what was in the way. Safe for threads; nothing is made before something is kept."""

    def __init__(self, top: Path) -> None:
        self._top = top
        self._lock = threading.Lock()
        self._numbers: dict[Path, dict[str, int]] = {}
        """The last number of each name, by folder: read once, so that thousands of files are kept quickly."""

    def clear(
        self, folder: int, name: str, path: str, *, is_ours: Callable[[os.stat_result], bool]
    ) -> Path | None:
        """Keep what is at `name` in the open directory `folder`, so that it can be replaced.

        Args:
            folder: A descriptor; on the file system of the folder for such things.
            name: Where something may be.
            path: What to call it there, but for the number.
            is_ours: Tells from its status what a download has left, or would bring: that is not kept.

        Returns:
            Where it is kept; None if nothing was there that is worth it. A directory is not: it is never
            replaced.
        """
        kept: Path | None = None
        while True:
            before = _look(name, folder)
            if before is None or stat.S_ISDIR(before.st_mode):
                return kept
            is_known = is_ours(before)
            if not is_known:
                kept = self._keep(folder, name, path) or kept
            after = _look(name, folder)  # invariant 3
            if after is None or _is_same(before, after, also_inside=is_known):
                return kept

    def _keep(self, folder: int, name: str, path: str) -> Path | None:
        wanted = self._top / path
        with self._lock:
            home = _make_durably(wanted.parent)
            if home not in self._numbers:
                self._numbers[home] = _numbers_in(home)
            numbers = self._numbers[home]
            number = numbers.get(wanted.name, 0)
            if number and _is_link(new := home / _numbered(wanted.name, number), name, folder):
                return new  # invariant 2
            while True:
                number += 1
                new = home / _numbered(wanted.name, number)
                try:
                    _give(name, folder, new)
                except FileExistsError:  # invariant 1
                    continue
                except FileNotFoundError:
                    if _look(name, folder) is not None:
                        raise
                    return None  # somebody has just deleted it
                numbers[wanted.name] = number
                fs.reached("download.linked")
                fs.fsync_directory(home)
                fs.reached("download.kept")
                return new


def blake3_at(name: str, folder: int) -> str | None:
    """Hash the file `name` in the open directory `folder`; None if it is none, or cannot be read."""
    found = hashed_at(name, folder=folder)
    return None if found is None else found[1].blake3


def _look(name: str, folder: int) -> os.stat_result | None:
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None


def _is_same(before: os.stat_result, after: os.stat_result, *, also_inside: bool) -> bool:
    """Whether it is the same file, `also_inside`: and nobody wrote to it. What is kept may be written to."""
    if not os.path.samestat(before, after):
        return False
    return not also_inside or Stamp.of(before) == Stamp.of(after)


def _is_link(new: Path, name: str, folder: int) -> bool:
    """Whether `new` is another name of the same file."""
    there, here = _look(str(new), folder), _look(name, folder)
    return there is not None and here is not None and os.path.samestat(there, here)


def _give(name: str, folder: int, new: Path) -> None:
    """Give a file the name `new` as well, or instead where there are no second names."""
    try:
        os.link(name, new, src_dir_fd=folder, follow_symlinks=False)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
    else:
        return
    os.close(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))  # invariant 4
    fs.reached("download.claimed")
    try:
        os.rename(name, new, src_dir_fd=folder)
    except BaseException:
        new.unlink()
        raise


def _make_durably(folder: Path) -> Path:
    """Make a folder; one whose name a file has, as one that was kept may, gets a number as files do."""
    if folder.is_dir():
        return folder
    parent = _make_durably(folder.parent)
    new, number = parent / folder.name, 0
    while not new.is_dir():
        if os.path.lexists(new):
            number += 1
            new = parent / _numbered(folder.name, number)
        else:
            fs.make_directory(new)
    return new


def _numbers_in(home: Path) -> dict[str, int]:
    """The highest number of each name in a folder."""
    numbers: dict[str, int] = {}
    for found in map(_NUMBERED.fullmatch, os.listdir(home)):
        if found is not None:
            numbers[found[1]] = max(int(found[2]), numbers.get(found[1], 0))
    return numbers


def _numbered(name: str, number: int) -> str:
    """`NAME.~N~`; of a name that gets too long by that, its beginning."""
    suffix = f".~{number}~"
    return os.fsdecode(os.fsencode(name)[: _LONGEST - len(suffix)]) + suffix
