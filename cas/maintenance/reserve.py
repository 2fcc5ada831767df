"""A megabyte kept aside, so that a full disk can still be collected.

gc frees space by writing first (the index is copy-on-write), which a full disk refuses. So it begins by
deleting this file, and makes it again at the end. `init` makes the first one.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Final

from cas import fs

if TYPE_CHECKING:
    from cas.layout import Layout

SIZE: Final = 1024 * 1024


def create(layout: Layout) -> bool:
    """Set the reserve aside, unless it is there; whether it is there now. A disk without room is no error."""
    target = layout.reserve
    with contextlib.suppress(OSError):
        if target.stat().st_size >= SIZE:
            return True
    try:
        fd = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fs.write_all(fd, os.urandom(SIZE))  # random: a file system that compresses would reserve nothing
            os.fsync(fd)
        finally:
            os.close(fd)
    except OSError:
        target.unlink(missing_ok=True)
        return False
    return True


def release(layout: Layout) -> None:
    """Give the reserve up."""
    layout.reserve.unlink(missing_ok=True)
