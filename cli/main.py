"""The entry point: argv in, exit status out."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from typing import TYPE_CHECKING, TextIO

import click

from cas.cli import completion, errors
from cas.cli.app import app
from cas.cli.context import Invocation

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from types import FrameType


def main(argv: Sequence[str] | None = None, *, environment: Mapping[str, str] | None = None) -> int:
    """Run one command and return its exit status.

    Args:
        argv: The words after `cas`; by default those of this process.
        environment: The variables to go by; by default those of this process.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    invocation = Invocation() if environment is None else Invocation(environment)
    _prepare_streams()
    with _sigterm_as_interrupt():
        try:
            status = _run(words, invocation)
            sys.stdout.flush()
        except BrokenPipeError:
            # Whoever reads us has seen enough (`cas log | head`); commands act first and print last.
            _silence(sys.stdout)
            status = errors.ExitCode.DONE
        except BaseException as error:  # noqa: BLE001 - the boundary: nothing leaves here as a traceback
            status = _fail(error, words, invocation)
    return status


def _run(words: list[str], invocation: Invocation) -> int:
    instruction = invocation.environment.get(completion.VARIABLE)
    if instruction:
        completion.answer(app, instruction, invocation.environment)
        return errors.ExitCode.DONE
    try:
        with app.make_context("cas", words, obj=invocation) as context:
            app.invoke(context)
    except click.exceptions.Exit as done:
        return done.exit_code
    except click.exceptions.NoArgsIsHelpError as lost:
        print(lost.format_message(), file=sys.stderr)
        return errors.ExitCode.USAGE
    return errors.ExitCode.DONE


def _fail(error: BaseException, words: Sequence[str], invocation: Invocation) -> int:
    # A usage error is raised before the options are all read, so these two are looked for by hand.
    given = words[: words.index("--")] if "--" in words else words
    invocation.is_json = invocation.is_json or "--json" in given
    if invocation.has_traceback or "--traceback" in given:
        import traceback  # noqa: PLC0415 - only on request

        traceback.print_exception(error)
    failure = errors.explain(error)
    with contextlib.suppress(OSError):  # standard error may be gone too
        failure.show(invocation.console)
    return failure.exit_code


@contextlib.contextmanager
def _sigterm_as_interrupt() -> Iterator[None]:
    """Let SIGTERM unwind the stack as Ctrl-C does, so that locks and temporary files go the same way."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _prepare_streams() -> None:
    """Write file names as the bytes they are, and never fail for what a terminal cannot show."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            is_utf8 = (stream.encoding or "").lower().replace("-", "") == "utf8"
            reconfigure(errors="surrogateescape" if is_utf8 else "backslashreplace")


def _silence(stream: TextIO) -> None:
    """Point `stream` at nothing, so that the interpreter does not complain when it flushes at exit."""
    with contextlib.suppress(OSError, ValueError), open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), stream.fileno())
