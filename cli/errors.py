"""The one boundary where errors become text, JSON and an exit status.

| exit status | means |
|---|---|
| 0 | done |
| 1 | failed |
| 2 | wrong usage, or input that breaks a rule |
| 3 | not found |
| 4 | conflict: a version, a destination, a moved ref |
| 5 | damage found |
| 130 | interrupted (SIGINT, SIGTERM or SIGHUP) |

An error is three lines on standard error, `error:`, `  why:` and ` hint:`, the last two only where there
is something to say. With `--json` it is one line of JSON there instead, with the keys of
`CasError.as_dict()` and `exit_code`; standard output stays empty.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import typer

from cas import fs
from cas.cli import text
from cas.cli.console import Paint
from cas.cli.parameters import Argument
from cas.errors import AlreadyExistsError, CasError, ConflictError, CorruptError, InvalidError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cas.cli.console import Console
    from cas.cli.parameters import Context, Option


class ExitCode(IntEnum):
    """The exit statuses; scripts rely on them."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    NOT_FOUND = 3
    CONFLICT = 4
    DAMAGE = 5
    INTERRUPTED = 130


_BY_CLASS: tuple[tuple[type[CasError], ExitCode], ...] = (
    (NotFoundError, ExitCode.NOT_FOUND),
    (AlreadyExistsError, ExitCode.CONFLICT),
    (ConflictError, ExitCode.CONFLICT),
    (InvalidError, ExitCode.USAGE),
    (CorruptError, ExitCode.DAMAGE),
)


# Of typer's usage errors only BadParameter has a public name; the others are told by what they carry.


@runtime_checkable
class _NoSuchOption(Protocol):
    option_name: str
    possibilities: Sequence[str] | None


@runtime_checkable
class _Missing(Protocol):
    param: Option | Argument | None
    param_type: str | None


@dataclass(frozen=True, slots=True)
class Failure:
    """An error as it is shown."""

    exit_code: ExitCode
    code: str
    what: str
    why: str | None = None
    hint: str | None = None

    def show(self, console: Console) -> None:
        """Write it to standard error."""
        if console.is_json:
            console.failure_document(
                {
                    "code": self.code,
                    "what": self.what,
                    "why": self.why,
                    "hint": self.hint,
                    "exit_code": int(self.exit_code),
                }
            )
            return
        console.failure("error:", _tidy(self.what), Paint.BAD)
        if self.why:
            console.failure("  why:", _tidy(self.why), Paint.STRONG)
        if self.hint:
            console.failure(" hint:", _tidy(self.hint), Paint.HINT)


def explain(error: BaseException) -> Failure:
    """Find the words and the exit status for whatever ended a command."""
    match error:
        case CasError():
            return Failure(_exit_code(error), error.code, error.what, error.why, error.hint)
        case typer.TyperException(exit_code=ExitCode.USAGE):
            return _usage(error)
        case KeyboardInterrupt() | typer.Abort():
            return Failure(ExitCode.INTERRUPTED, "interrupted", "interrupted")
        case OSError():
            return explain(fs.explain(error, "cannot finish the command"))
        case MemoryError():
            return Failure(
                ExitCode.FAILED, "out-of-memory", "cannot finish the command", "there is no memory left"
            )
        case _:
            return Failure(
                ExitCode.FAILED,
                "internal",
                "cannot finish the command: this is a bug in cas",
                f"{type(error).__name__}: {error}",
                "run it again with --traceback and report what it prints",
            )


def _exit_code(error: CasError) -> ExitCode:
    for kind, code in _BY_CLASS:
        if isinstance(error, kind):
            return code
    return ExitCode.FAILED


def _usage(error: typer.TyperException) -> Failure:
    """Put a usage error of typer into our form: lower case, subject in single quotes, no full stop."""
    context: Context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "cas"
    why, hint = None, f"run `{command} --help`"
    match error:
        case _NoSuchOption():
            what = f"`{command}` has no option '{error.option_name}'"
            if error.possibilities:
                hint = f"did you mean {' or '.join(error.possibilities)}?"
        case _Missing() if error.param is not None:
            what = f"`{command}` needs {_named(error.param)}"
        case typer.BadParameter() if error.param is not None:
            what = f"`{command}` cannot use what was given for {_named(error.param)}"
            why = _sentence(error.message)
        case _:
            what = _sentence(error.format_message())
    return Failure(ExitCode.USAGE, "usage", what, why, hint)


def _named(param: Any) -> str:  # noqa: ANN401 - typer's base class of parameters is private
    return param.label.strip("[]") if isinstance(param, Argument) else max(param.opts, key=len)


def _sentence(message: str) -> str:
    message = message.strip().removeprefix("Value error, ").removesuffix(".")  # the former is pydantic's
    return message[:1].lower() + message[1:]


def _tidy(words: str) -> str:
    """Keep an error on its lines whatever file names it quotes."""
    return re.sub(r"\n\s*", "\n       ", "\n".join(text.printable(line) for line in words.splitlines()))
