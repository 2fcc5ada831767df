"""Telling cheaply whether a file was changed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple, Self

if TYPE_CHECKING:
    from pathlib import Path


class Stamp(NamedTuple):
    """What a file looks like from outside; two that are equal are one file that nobody changed."""

    inode: int
    size: int
    mtime_ns: int
    ctime_ns: int

    @classmethod
    def of(cls, path: str | Path) -> Self | None:
        """Look at a file; None if it is not there."""
        try:
            status = os.stat(path)
        except OSError:
            return None
        return cls(status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
