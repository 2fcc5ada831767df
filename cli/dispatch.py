"""One command line: parsed, run, and whatever happens turned into an exit status."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING

import typer

from cas.cli import completion, errors, streams
from cas.cli.app import app
from cas.cli.context import Invocation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def dispatch(words: list[str], environment: Mapping[str, str] | None) -> int:
    """Run the command that `words` spell; nothing leaves here as a traceback."""
    invocation = Invocation() if environment is None else Invocation(environment)
    streams.prepare_output()
    try:
        status = _run(words, invocation)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever reads us has seen enough (`cas log | head`); commands act first and print last.
        streams.silence(sys.stdout)
        status = errors.ExitCode.DONE
    except BaseException as error:  # noqa: BLE001 - the boundary
        status = _fail(error, words, invocation)
    return status


def _run(words: list[str], invocation: Invocation) -> int:
    instruction = invocation.environment.get(completion.VARIABLE)
    if instruction:
        completion.answer(app, instruction, invocation)
        return errors.ExitCode.DONE
    try:
        # A copy, because typer takes the words off the list that it is given.
        with app.make_context("cas", words.copy(), obj=invocation) as context:
            app.invoke(context)
    except typer.Exit as done:
        return done.exit_code
    except typer.TyperException as lost:
        if words:
            raise
        print(lost.format_message(), file=sys.stderr)  # the help
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
