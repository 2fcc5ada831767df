"""Running a program that may hang, flood us, ignore us or leave children behind.

Theory of operation
-------------------
The program gets a session of its own: its process group can be killed as a whole, and it has no terminal
to wait for. One loop feeds its standard input and empties its outputs, of which the ends are kept, so that
neither a deaf program nor a talkative one stops us or fills memory. The loop ends when the program has
ended, not when its outputs are closed: a child that it left in the background may hold them open for ever.
Whatever ended the loop (the program, the time limit, an exception such as Ctrl-C), the group is killed
then, so nothing outlives the call but what has left the group on purpose (`setsid`).

The group is killed after its leader may have been reaped. While the group has members the kernel gives its
number to nobody; if it has none, that is ProcessLookupError.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import threading
import time
from dataclasses import dataclass
from functools import partial
from typing import IO, TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

KEPT: Final = 16 * 1024
"""Bytes kept of the end of each output."""

_PIECE: Final = 64 * 1024
"""Bytes read at once; a pipe rarely holds more."""

_MOST_LEFT: Final = 16
"""Pieces read from a pipe after the program has ended: one that left the group may write for ever."""

_LOOK_EVERY_S: Final = 0.05
"""How soon an exit is noticed while somebody else holds the outputs open; normally their end tells it."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program ended."""

    status: int | None
    """Its exit status; minus the number of the signal that ended it; None if it was killed at the limit."""
    out: str
    """The end of what it wrote to standard output."""
    err: str
    """The end of what it wrote to standard error."""


class _Tail:
    """The end of a stream of bytes."""

    def __init__(self) -> None:
        self._kept = bytearray()
        self._is_cut = False

    def add(self, data: bytes) -> None:
        self._kept += data
        if len(self._kept) > KEPT:
            self._is_cut = True
            del self._kept[:-KEPT]

    def text(self) -> str:
        """Decode what was kept; after a cut, from the next line on, for the first may be half of one."""
        kept = bytes(self._kept)
        if self._is_cut:
            head, newline, rest = kept.partition(b"\n")
            kept = "…\n".encode() + (rest if newline else head)
        return kept.decode("utf-8", "replace").strip()


def run(program: Path, *, said: bytes, cwd: Path, environment: Mapping[str, str], timeout_s: float) -> Ended:
    """Run `program` without arguments until it ends or `timeout_s` seconds are over.

    Args:
        program: Its path.
        said: What it finds on standard input; it may ignore it.
        cwd: Its working directory.
        environment: All of its environment.
        timeout_s: After so many seconds it is killed, with all of its process group.

    Raises:
        OSError: It cannot be started.
    """
    birth = _Birth(program, cwd, environment)
    out, err = _Tail(), _Tail()
    try:
        process = birth.wait()
        stdin, stdout, stderr = process.stdin, process.stdout, process.stderr
        assert stdin is not None
        assert stdout is not None
        assert stderr is not None
        with _Conversation(stdin, said, {stdout: out, stderr: err}) as talk:
            is_over = talk.until_exit(process, time.monotonic() + timeout_s)
        birth.kill()
        _empty(stdout, out)
        _empty(stderr, err)
    finally:
        birth.bury()
    return Ended(process.returncode if is_over else None, out.text(), err.text())


class _Birth:
    """A program that is being started, in a thread of its own.

    Ctrl-C is raised in the main thread. Were the program started there, it could come when the program is
    running and before anybody knows its number, and nobody would ever kill it.
    """

    def __init__(self, program: Path, cwd: Path, environment: Mapping[str, str]) -> None:
        self._program = program
        self._cwd = cwd
        self._environment = environment
        self._process: subprocess.Popen[bytes] | None = None
        self._error: OSError | None = None
        self._is_killed = False
        self._thread = threading.Thread(target=self._start)

    def _start(self) -> None:
        try:
            self._process = subprocess.Popen(  # noqa: S603 - running what the user put there is the point
                [self._program],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                cwd=self._cwd,
                env=self._environment,
                start_new_session=True,
            )
        except OSError as error:
            self._error = error

    def wait(self) -> subprocess.Popen[bytes]:
        """Start the program."""
        self._thread.start()
        self._thread.join()
        if self._error is not None:
            raise self._error
        assert self._process is not None
        return self._process

    def kill(self) -> None:
        """Kill what is left of the program's group, and learn how it ended."""
        if self._process is not None and not self._is_killed:
            with contextlib.suppress(ProcessLookupError, PermissionError):  # the latter is how macOS says it
                os.killpg(self._process.pid, signal.SIGKILL)
            self._is_killed = True  # from now on the number may be somebody else's
            self._process.wait()

    def bury(self) -> None:
        """Leave nothing of it, whatever has happened meanwhile."""
        if self._thread.ident is not None:
            self._thread.join()
        self.kill()
        for stream in self._streams():
            stream.close()

    def _streams(self) -> list[IO[bytes]]:
        if self._process is None:
            return []
        streams = (self._process.stdin, self._process.stdout, self._process.stderr)
        return [stream for stream in streams if stream is not None]


class _Conversation:
    """What goes to a program and what comes from it, whichever is ready."""

    def __init__(self, stdin: IO[bytes], said: bytes, outputs: Mapping[IO[bytes], _Tail]) -> None:
        self._stdin = stdin
        self._left = memoryview(said)
        self._selector = selectors.DefaultSelector()
        for stream in (stdin, *outputs):
            os.set_blocking(stream.fileno(), False)
        self._selector.register(stdin, selectors.EVENT_WRITE, self._say)
        for stream, tail in outputs.items():
            self._selector.register(stream, selectors.EVENT_READ, partial(self._hear, stream, tail))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._selector.close()

    def until_exit(self, process: subprocess.Popen[bytes], deadline: float) -> bool:
        """Talk until `process` has ended; False if that is not before `deadline`."""
        while process.poll() is None:
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            if not self._selector.get_map():  # all is said; nothing but the exit is left to wait for
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(left)
                continue
            for key, _ in self._selector.select(min(left, _LOOK_EVERY_S)):
                with contextlib.suppress(BlockingIOError):
                    key.data()
        return True

    def _say(self) -> None:
        try:
            self._left = self._left[os.write(self._stdin.fileno(), self._left) :]
        except BrokenPipeError:  # it does not want to know
            self._left = self._left[:0]
        if not self._left:
            self._selector.unregister(self._stdin)
            self._stdin.close()

    def _hear(self, stream: IO[bytes], tail: _Tail) -> None:
        data = os.read(stream.fileno(), _PIECE)
        if data:
            tail.add(data)
        else:
            self._selector.unregister(stream)


def _empty(stream: IO[bytes], tail: _Tail) -> None:
    """Read what a pipe still holds, without waiting for more."""
    with contextlib.suppress(BlockingIOError):
        for _ in range(_MOST_LEFT):
            data = os.read(stream.fileno(), _PIECE)
            if not data:
                return
            tail.add(data)
