"""The programs that a run starts: their output, their end, and stopping them all.

Each gets a session of its own, for two reasons: what it started can be stopped together with it, and
nothing in it can ask the terminal for a password and wait for ever. It reads nothing, and what it writes to
standard output and standard error comes here, where the last of it is kept for the error.

When a program has ended, what it left running in its group is killed: the outputs are about to be stored,
and nobody may still be writing to them. A process that gave itself another session gets away; its output is
not waited for.

The pid of a program that has ended belongs to it until it is reaped. So signals are sent to unreaped
programs only, or they could reach a stranger.
"""

from __future__ import annotations

import errno
import os
import select
import shlex
import signal
import subprocess
from contextlib import suppress
from threading import Condition
from typing import TYPE_CHECKING, Final

from cas.errors import CasError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

GRACE_S: Final = 5.0

_BLOCK: Final = 1 << 16
_POLL_MS: Final = 100
_KEPT_BYTES: Final = 1 << 15
_LONGEST_LINE: Final = 1 << 12
_QUOTED_LINES: Final = 15
_QUOTED_CHARS: Final = 300
_LAST_WORDS: Final = 16
"""Blocks that are read after the end: as much as a pipe holds."""

_NOT_EXECUTABLE: Final = 126
_NOT_FOUND: Final = 127


class Output:
    """What a program writes: the end of it, and each line for whoever listens."""

    def __init__(self, listen: Callable[[str], None] | None) -> None:
        self._listen = listen
        self._kept = bytearray()
        self._line = bytearray()

    def add(self, data: bytes) -> None:
        """Take the next bytes."""
        self._kept += data
        del self._kept[:-_KEPT_BYTES]
        if self._listen is not None:
            *lines, rest = (bytes(self._line) + data).split(b"\n")
            for line in lines:
                self._listen(_text(line))
            self._line[:] = rest
            if len(rest) > _LONGEST_LINE:
                self.end()

    def end(self) -> None:
        """Pass on a last line that is not finished."""
        if self._listen is not None and self._line:
            self._listen(_text(bytes(self._line)))
            self._line.clear()

    def last_lines(self) -> str:
        """Return the end of it, clipped; empty if nothing was written."""
        lines = _text(bytes(self._kept)).rstrip().splitlines()[-_QUOTED_LINES:]
        return "\n".join(line if len(line) <= _QUOTED_CHARS else f"{line[:_QUOTED_CHARS]}…" for line in lines)


class Programs:
    """The programs of one run. Any thread may start one; any thread may stop them."""

    def __init__(
        self,
        environment: Mapping[str, str],
        *,
        listen: Callable[[str, str], None] | None = None,
        grace_s: float = GRACE_S,
    ) -> None:
        """Start none yet.

        Args:
            environment: The variables that each inherits.
            listen: Called with a module's name and a line that its program wrote, in the thread that runs it.
            grace_s: How long a program may take to end after SIGTERM, before SIGKILL.
        """
        self._environment = environment
        self._listen = listen
        self._grace_s = grace_s
        self._running: set[subprocess.Popen[bytes]] = set()
        self._changed = Condition()
        self._is_stopped = False

    def run(
        self, module: str, argv: Sequence[str], *, shown: str, cwd: Path, variables: Mapping[str, str]
    ) -> str:
        """Run a program to its end, and return the last lines that it wrote.

        Args:
            module: The module whose task it is.
            argv: The program and its arguments.
            shown: What errors call it.
            cwd: Where it runs.
            variables: What it gets beside the variables that each inherits.

        Raises:
            CasError: It cannot be started, exits with another status than 0, or was stopped.
        """
        listen = self._listen
        output = Output(None if listen is None else lambda line: listen(module, line))
        program = self._start(module, argv, shown, cwd, {**self._environment, **variables})
        try:
            _read(program, output)
        finally:
            self._end(program)
        output.end()
        if program.returncode:
            raise self._failure(module, shown, program.returncode, output.last_lines())
        return output.last_lines()

    def stop(self) -> None:
        """End every program, politely first; no other starts."""
        with self._changed:
            self._is_stopped = True
            try:
                self._signal(signal.SIGTERM)
                self._changed.wait_for(lambda: not self._running, self._grace_s)
            finally:
                self._signal(signal.SIGKILL)

    def _start(
        self, module: str, argv: Sequence[str], shown: str, cwd: Path, environment: Mapping[str, str]
    ) -> subprocess.Popen[bytes]:
        with self._changed:  # so that `stop` never misses one that is just being started
            if self._is_stopped:
                raise _stopped(module, shown)
            try:
                program = subprocess.Popen(  # noqa: S603 - running what the pipeline says is the point
                    argv,
                    cwd=cwd,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    bufsize=0,
                )
            except (OSError, ValueError) as error:
                raise _unstartable(module, argv, cwd, error) from error
            self._running.add(program)
            return program

    def _end(self, program: subprocess.Popen[bytes]) -> None:
        """Kill what is left of a program, and reap it."""
        with self._changed:
            _kill(program, signal.SIGKILL)
            self._running.discard(program)
            program.wait()
            self._changed.notify_all()
        assert program.stdout is not None
        program.stdout.close()

    def _signal(self, number: signal.Signals) -> None:
        for program in self._running:
            _kill(program, number)

    def _failure(self, module: str, shown: str, status: int, said: str) -> CasError:
        if self._is_stopped:
            return _stopped(module, shown)
        how, hint = _describe(status)
        return CasError(
            f"module '{module}' failed",
            code="command-failed",
            why=f"`{shown}` {how}" + (f"; it said:\n{said}" if said else " and said nothing"),
            hint=hint,
        )


def _read(program: subprocess.Popen[bytes], output: Output) -> None:
    """Take what a program writes until it has ended; it is not reaped."""
    assert program.stdout is not None
    descriptor = program.stdout.fileno()
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    while not _has_ended(program, os.WNOHANG):
        if poll.poll(_POLL_MS):
            data = os.read(descriptor, _BLOCK)
            if not data:
                break
            output.add(data)
    _has_ended(program, 0)
    os.set_blocking(descriptor, False)
    with suppress(BlockingIOError):
        for _ in range(_LAST_WORDS):
            output.add(os.read(descriptor, _BLOCK))


def _has_ended(program: subprocess.Popen[bytes], how: int) -> bool:
    return os.waitid(os.P_PID, program.pid, os.WEXITED | os.WNOWAIT | how) is not None


def _kill(program: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):  # a group of zombies; or they changed their user
        os.killpg(program.pid, number)


def _describe(status: int) -> tuple[str, str | None]:
    """Say how a program ended, and what might be done."""
    if status == -signal.SIGKILL:
        return "was killed (SIGKILL)", "was there enough memory?"
    if status < 0:
        return f"was killed ({_signal_name(-status)})", None
    if status == _NOT_FOUND:
        return "exited with status 127: it did not find a program", "is it installed, and on PATH?"
    if status == _NOT_EXECUTABLE:
        return "exited with status 126: it could not execute a program", None
    return f"exited with status {status}", "-v shows all that it says, and --keep-work keeps its files"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal
        return f"signal {number}"


def _unstartable(module: str, argv: Sequence[str], cwd: Path, error: OSError | ValueError) -> CasError:
    what = f"module '{module}' failed"
    if not os.path.isdir(cwd):
        return CasError(what, code="command-unstartable", why=f"there is no directory '{cwd}' to run it in")
    why, hint = str(error), ""
    match error.errno if isinstance(error, OSError) else None:
        case errno.ENOENT if "/" not in argv[0]:
            why, hint = f"there is no program '{argv[0]}' on PATH", "is it installed?"
        case errno.ENOENT if len(argv) == 1 and " " in argv[0]:
            why, hint = "there is no program that is called as this whole line is", "put `sh -c` before it"
        case errno.ENOENT:
            why, hint = f"there is no program '{argv[0]}', or not what its first line names", ""
        case errno.EACCES:
            why, hint = f"'{argv[0]}' may not be executed", f"chmod +x {shlex.quote(argv[0])}"
        case errno.ENOEXEC:
            why, hint = f"'{argv[0]}' is no program", "does a script begin with a line such as #!/bin/sh?"
        case errno.E2BIG:
            why, hint = "its arguments and variables are too long", "hand a long list over in a file"
    return CasError(what, code="command-unstartable", why=why, hint=hint or None)


def _stopped(module: str, shown: str) -> CasError:
    return CasError(
        f"module '{module}' was stopped",
        code="command-stopped",
        why=f"`{shown}` was running, or about to, when the run was interrupted",
    )


def _text(data: bytes) -> str:
    return data.decode(errors="replace").rstrip("\r")
