"""The three standard streams, made fit for data and for signals.

A signal that arrives in the instant between Python's last look for one and the start of a blocking
`read` is noticed only when that read returns; from a pipe that nobody writes to, never. `cas commit NAME -`
must stop when it is told to, so standard input is waited for together with the pipe that
`signal.set_wakeup_fd` writes to, which closes that gap.
"""

from __future__ import annotations

import contextlib
import io
import os
import select
import signal
import sys
from typing import IO, TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Iterator

    from _typeshed import WriteableBuffer


@contextlib.contextmanager
def standard_input() -> Iterator[IO[bytes]]:
    """Give the bytes of standard input; a signal interrupts waiting for them."""
    try:
        descriptor = sys.stdin.fileno()
        wake_read, wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError):  # not a file: somebody embeds us
        yield sys.stdin.buffer
        return
    try:
        before = signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
        try:
            yield io.BufferedReader(_Interruptible(descriptor, wake_read), 1 << 20)
        finally:
            signal.set_wakeup_fd(before)
    finally:
        os.close(wake_read)
        os.close(wake_write)


class _Interruptible(io.RawIOBase):
    """A file descriptor whose reads end when a signal arrives, however close to their start."""

    def __init__(self, descriptor: int, wake: int) -> None:
        self._descriptor = descriptor
        self._wake = wake

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        while True:
            ready, _, _ = select.select([self._descriptor, self._wake], [], [])
            # Between these two lines Python runs the signal's handler, and that usually raises.
            if self._wake in ready:
                with contextlib.suppress(BlockingIOError):
                    os.read(self._wake, 4096)
            if self._descriptor in ready:
                return os.readv(self._descriptor, [buffer])


def prepare_output() -> None:
    """Write file names as the bytes they are, and never fail for what a terminal cannot show."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            is_utf8 = (stream.encoding or "").lower().replace("-", "") == "utf8"
            reconfigure(errors="surrogateescape" if is_utf8 else "backslashreplace")


def silence(stream: TextIO) -> None:
    """Point `stream` at nothing, so that the interpreter does not complain when it flushes at exit."""
    with contextlib.suppress(OSError, ValueError), open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), stream.fileno())
