"""Serving a mount until it is unmounted, however that comes.

libfuse runs in a thread of its own, and the one that called waits for what happens: the mount is there, the
mount is gone, somebody wants us to end. So signals are Python's affair from beginning to end, and at no
moment would one kill the process and leave a mount behind that nobody serves. (libfuse has handlers of its
own, but only while it is up, and it leaves those alone that are there before.)
"""

from __future__ import annotations

import contextlib
import os
import threading
from typing import TYPE_CHECKING, Final

from cas.errors import StorageError
from cas.mount import libfuse, point
from cas.mount.news import ENDED, STARTED, STOP, News
from cas.mount.operations import READ_SIZE, Operations

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cas.mount.item import Source
    from cas.objects.ranges import RangeReader

_PATIENCE_S: Final = 5.0
"""So long libfuse may take to end: it answers first what it was asked."""


class Server:
    """One mount, to be run once."""

    def __init__(self, source: Source, ranges: RangeReader, at: Path, *, owner: tuple[int, int]) -> None:
        """Prepare to show `source` at `at`; `owner` is the user and the group that its files are shown with.

        Raises:
            StorageError: libfuse, mfusepy or the device is missing or forbidden.
        """
        self._library = libfuse.load()
        self._at = at
        self._is_frozen = source.is_frozen
        self._label = source.label
        self._operations = Operations(
            source, ranges, owner=owner, on_start=self._on_start, leave=self._library.fuse_exit
        )
        self._news = News()
        self._here = -1
        self._failure: BaseException | None = None

    def run(self, on_ready: Callable[[], None]) -> None:
        """Mount, call `on_ready`, and return when it is unmounted.

        SIGINT, SIGTERM and SIGHUP unmount, unless they are ignored or this is not the main thread.

        Raises:
            StorageError: Mounting failed, or unmounting did.
        """
        self._here = os.open(".", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            with self._news:
                threading.Thread(target=self._serve, name="cas-mount", daemon=True).start()
                is_started = self._wait(on_ready)
        finally:
            os.close(self._here)
        if self._failure is not None:
            raise _failed(self._at, self._failure, is_started=is_started) from self._failure

    def _serve(self) -> None:
        """Be the thread of libfuse."""
        try:
            libfuse.serve(
                self._library, self._operations, self._at, label=self._label, is_frozen=self._is_frozen
            )
        except BaseException as error:  # noqa: BLE001 - for the thread that waits
            self._failure = error
        self._news.put(ENDED)

    def _on_start(self) -> None:
        os.fchdir(self._here)  # libfuse has gone to `/`, and `$(cwd)` with it
        self._news.put(STARTED)

    def _wait(self, on_ready: Callable[[], None]) -> bool:
        """Return when libfuse has; whether it had started."""
        is_started = is_stopping = False
        while True:
            news = self._news.get()
            if news == ENDED:
                return is_started
            is_started = is_started or news == STARTED
            is_stopping = is_stopping or news in STOP
            if is_started and is_stopping:
                self._leave()
                return True
            if news == STARTED:
                libfuse.widen(self._at, READ_SIZE)
                try:
                    on_ready()
                except BaseException:
                    self._leave()
                    raise

    def _leave(self) -> None:
        """Make libfuse return, which unmounts."""
        self._operations.is_leaving = True
        # In a thread, because whoever asks a mount that hangs for anything hangs too.
        threading.Thread(target=self._poke, daemon=True).start()
        while (news := self._news.get(_PATIENCE_S)) != ENDED:
            if news is None:
                raise StorageError(
                    f"cannot unmount '{self._at}'",
                    code="mount-stuck",
                    why=f"what it was asked to read has not come for {_PATIENCE_S:g} seconds",
                    hint=f"run `{point.unmount_command(self._at, is_lazy=True)}`",
                )

    def _poke(self) -> None:
        # Not for a file: its directory is locked by whoever waits for an answer below it. No signal ends the
        # wait for that lock, so this process could not die, and until it does the lock is held.
        with contextlib.suppress(OSError):
            os.statvfs(self._at)


def _failed(at: Path, failure: BaseException, *, is_started: bool) -> StorageError:
    return StorageError(
        f"cannot {'serve the mount' if is_started else 'mount'} at '{at}'",
        code="mount-failed",
        why=f"libfuse gave up ({failure!r}); what it has to say is above",
        hint=None if is_started else "mount as root, or install the package fuse3",
    )
