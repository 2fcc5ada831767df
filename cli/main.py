"""The entry point: argv in, exit status out.

This module imports next to nothing, so that from the first moment on SIGINT, SIGTERM and SIGHUP end the
program in the same quiet way: while the rest is still being imported, in the middle of a commit, and when
they come twice. Once a command is over its exit status stands, so the process then leaves at once:
everything is closed and flushed, and taking the interpreter apart would cost 20 ms in which a signal could
still change the outcome.
"""

from __future__ import annotations

import os
import signal
import sys

TYPE_CHECKING = False  # typing itself takes 5 ms to import
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import FrameType
    from typing import NoReturn

INTERRUPTED = 130
"""The exit status after SIGINT, SIGTERM or SIGHUP."""

_ENDING = (signal.SIGTERM, signal.SIGHUP)
"""The signals that are treated like SIGINT."""


def main(argv: Sequence[str] | None = None, *, environment: Mapping[str, str] | None = None) -> int:
    """Run one command and return its exit status.

    Args:
        argv: The words after `cas`. By default those of this process, which then ends with the command.
        environment: The variables to go by; by default those of this process.
    """
    _open_missing_streams()
    if argv is None:
        _leave(_guarded(sys.argv[1:], environment, is_whole_process=True))
    return _guarded(list(argv), environment, is_whole_process=False)


def _guarded(words: list[str], environment: Mapping[str, str] | None, *, is_whole_process: bool) -> int:
    # Under `nohup` SIGHUP is ignored, and stays so.
    caught = [number for number in _ENDING if signal.getsignal(number) is not signal.SIG_IGN]
    try:
        before = {number: signal.signal(number, _interrupt) for number in caught}
    except ValueError:  # not the main thread: signals are somebody else's affair
        return _dispatch(words, environment)
    try:
        return _dispatch(words, environment)
    except KeyboardInterrupt:  # during the import, or a second one while the first was being reported
        try:  # noqa: SIM105 - contextlib is an import
            print("error: interrupted", file=sys.stderr)
        except OSError:  # the terminal may be what hung up
            pass
        return INTERRUPTED
    finally:
        if is_whole_process:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        for number, handler in before.items():
            signal.signal(number, signal.SIG_IGN if is_whole_process else handler)


def _dispatch(words: list[str], environment: Mapping[str, str] | None) -> int:
    from cas.cli.dispatch import dispatch  # noqa: PLC0415 - see the top

    return dispatch(words, environment)


def _open_missing_streams() -> None:
    """Stand in for standard streams that are closed, before a file of the repository gets their number.

    What is written goes nowhere. Standard input is opened for writing only: it can be told from an empty one.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            lowest_free = os.open(os.devnull, os.O_RDWR if descriptor else os.O_WRONLY)
            os.set_inheritable(lowest_free, True)  # noqa: FBT003 - its only way
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 - as long as the process


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    """Let a signal unwind the stack as Ctrl-C does, so that locks and temporary files go the same way."""
    raise KeyboardInterrupt


def _leave(status: int) -> NoReturn:
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, AttributeError):  # a closed pipe, reported or forgiven before; or no stream at all
        pass
    os._exit(status)
