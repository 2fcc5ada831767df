"""Sessions: how a running writer is told from a dead one.

A session is a file under `sessions/` on which its owner holds an `flock`, and a folder of the same name
under `tmp/` for packs that are not sealed yet. The kernel drops the lock when the owner dies, however it
dies, so a lock that can be taken means leftovers: no process id, no clock, no timeout.
"""

from __future__ import annotations

import os
import re
import shutil
from typing import TYPE_CHECKING, Final, Self

from cas import fs

if TYPE_CHECKING:
    from pathlib import Path

    from cas.layout import Layout

ID_SIZE: Final = 16
_NAME: Final = re.compile(f"[0-9a-f]{{{2 * ID_SIZE}}}")
_LOCK_NAME: Final = re.compile(f"{_NAME.pattern}|[0-9a-f]{{64}}")
"""Of a session, or of the lock of a build (`cas.graph.lock`)."""


class Session:
    """One running writer."""

    def __init__(self, session_id: bytes, lock: fs.FileLock, tmp: Path) -> None:
        """Use `Session.start`."""
        self.id = session_id
        self.tmp = tmp
        """A folder of its own for unsealed packs."""
        self._lock = lock

    @classmethod
    def start(cls, layout: Layout) -> Self:
        """Begin a session; `close` ends it.

        Raises:
            ReadOnlyError: The repository cannot be written.
        """
        session_id = os.urandom(ID_SIZE)
        with fs.explained("cannot write to the repository"):
            lock = fs.FileLock(layout.sessions / session_id.hex())
            lock.acquire(blocking=True)
            tmp = layout.tmp / session_id.hex()
            try:
                tmp.mkdir()
            except OSError:
                lock.release(unlink=True)
                raise
        return cls(session_id, lock, tmp)

    def probe(self) -> Path:
        """Make a small file that links can be tried on."""
        probe = self.tmp / "probe"
        probe.write_bytes(b"\n")
        return probe

    def close(self) -> None:
        """Throw unsealed packs away and give the lock up."""
        shutil.rmtree(self.tmp, ignore_errors=True)
        self._lock.release(unlink=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def live_sessions(layout: Layout) -> set[bytes]:
    """Ids of the sessions whose owner is alive; the files of dead ones are removed on the way."""
    live = set()
    for path in layout.sessions.iterdir():
        if not _LOCK_NAME.fullmatch(path.name):
            continue  # not ours: a README, an editor's backup
        lock = fs.FileLock(path)
        if lock.acquire(blocking=False):
            lock.release(unlink=True)
        else:
            live.add(bytes.fromhex(path.name))
    return live


def leftovers(layout: Layout) -> list[Path]:
    """List the folders under `tmp/` of dead sessions; what is called otherwise, and links, are none of ours.

    A session takes its lock before it makes its folder, and gives it up after that is gone. So a folder that
    is still there when its lock is not held has no owner.
    """
    folders = (path for path in layout.tmp.iterdir() if _NAME.fullmatch(path.name) and not path.is_symlink())
    return [path for path in folders if not is_live(layout, path.name) and path.is_dir()]


def remove_leftovers(layout: Layout) -> int:
    """Delete the `tmp/` folders of dead sessions; how many there were."""
    found = leftovers(layout)
    for folder in found:
        shutil.rmtree(folder, ignore_errors=True)
    return len(found)


def is_live(layout: Layout, session: str) -> bool:
    """Whether the owner of the session called `session` (hex) is running."""
    lock = fs.FileLock(layout.sessions / session)
    if not lock.path.exists():
        return False
    if lock.acquire(blocking=False):
        lock.release(unlink=True)
        return False
    return True
