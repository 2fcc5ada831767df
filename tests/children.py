"""What tests run in a process of its own (`tests.processes`): as somebody else, or to be killed."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from cas import fs
from cas.errors import CasError
from cas.layout import Layout
from cas.objects.index import Index
from cas.testing import faults
from tests.processes import say

NOBODY = 65534
"""The user without rights of most systems."""


def become_nobody() -> None:
    """Give up root's rights, for which no permission bit counts; without them there is nothing to give up."""
    if os.getuid() == 0:
        with tempfile.TemporaryDirectory() as folder:  # lmdb imports a part of itself only now, and from
            Index.open(Path(folder), create=True).close()  # where nobody may not be allowed to read
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)


def look_for_a_repository(home: str) -> None:
    """Look for the repository in `home` as a user who may not; say what comes of it."""
    become_nobody()
    for search in (Layout.at, Layout.find):
        try:
            search(Path(home))
        except CasError as error:
            say(type(error).__name__, error.code)


def write_and_die(path: str, text: str, step: str) -> None:
    """Replace a file, and die at the durable step of this number; the first is 1."""
    faults.kill_at(int(step))
    fs.write_atomically(Path(path), text.encode())


def hold_a_lock(path: str) -> None:
    """Take the lock at `path`, say so, and hold it until killed or told to go."""
    lock = fs.FileLock(Path(path))
    say(lock.acquire(blocking=True))
    input()
    lock.release()
