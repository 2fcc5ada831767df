"""What a file looked like when it was decided that it may go: what is written there later is somebody else's.

Between a plan and its last rename there may be minutes, in which everything is staged. A file that somebody
writes to in that time must not be deleted or replaced unseen.

1. Inode, size, kind and date tell that somebody wrote, or put another file there.
2. The time of change tells also of those who set the date back. It counts only where a file has no other
   names: to make or to drop a link elsewhere changes it, and `cas` does that itself.
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    Seen: TypeAlias = tuple[int, ...]

_ANY = 0


def seen(status: os.stat_result) -> Seen:
    """Remember what an `lstat` said."""
    kind = stat.S_IFMT(status.st_mode) | status.st_mode & stat.S_IXUSR
    changed_ns = status.st_ctime_ns if status.st_nlink == 1 else _ANY
    return kind, status.st_ino, status.st_size, status.st_mtime_ns, changed_ns


def is_still(before: Seen, name: bytes, *, parent: int) -> bool:
    """Whether `name` in an open directory looks as it did, or is not there: then nothing can be lost."""
    try:
        now = seen(os.stat(name, dir_fd=parent, follow_symlinks=False))
    except FileNotFoundError:
        return True
    return now[:-1] == before[:-1] and (_ANY in {now[-1], before[-1]} or now[-1] == before[-1])
