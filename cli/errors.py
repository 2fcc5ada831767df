"""The one boundary where errors become text, JSON and an exit status.

| exit status | means |
|---|---|
| 0 | done |
| 1 | failed |
| 2 | wrong usage, or input that breaks a rule |
| 3 | not found |
| 4 | conflict: a version, a destination, a moved ref |
| 5 | damage found |
| 130 | interrupted (SIGINT or SIGTERM) |

An error is three lines on standard error, `error:`, `  why:` and ` hint:`, the last two only where there
is something to say. With `--json` it is one line of JSON there instead, with the keys of
`CasError.as_dict()` and `exit_code`; standard output stays empty.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

import click

from cas import fs
from cas.cli.console import Paint
from cas.cli.render import text
from cas.errors import AlreadyExistsError, CasError, ConflictError, CorruptError, InvalidError, NotFoundError

if TYPE_CHECKING:
    from cas.cli.console import Console


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


class UnknownCommandError(click.UsageError):
    """A command that does not exist, and what may have been meant."""

    def __init__(self, name: str, near: list[str], ctx: click.Context) -> None:
        super().__init__(f"there is no command '{name}'", ctx)
        self.near = near


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
        case click.UsageError():
            return _usage(error)
        case KeyboardInterrupt() | click.Abort():
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


def _usage(error: click.UsageError) -> Failure:
    """Put a usage error of click into our form: lower case, subject in single quotes, no full stop."""
    command = error.ctx.command_path if error.ctx is not None else "cas"
    hint = f"run `{command} --help`"
    match error:
        case UnknownCommandError() if error.near:
            return Failure(
                ExitCode.USAGE, "usage", error.message, None, f"did you mean `cas {error.near[0]}`?"
            )
        case click.NoSuchOption():
            if error.possibilities:
                hint = f"did you mean {' or '.join(error.possibilities)}?"
            return Failure(
                ExitCode.USAGE, "usage", f"`{command}` has no option '{error.option_name}'", None, hint
            )
        case click.MissingParameter() if error.param is not None and error.ctx is not None:
            return Failure(
                ExitCode.USAGE, "usage", f"`{command}` needs {_named(error.param, error.ctx)}", None, hint
            )
        case click.BadParameter() if error.param is not None and error.ctx is not None:
            what = f"`{command}` cannot use what was given for {_named(error.param, error.ctx)}"
            return Failure(ExitCode.USAGE, "usage", what, _sentence(error.message), hint)
        case _:
            return Failure(ExitCode.USAGE, "usage", _sentence(error.format_message()), None, hint)


def _named(param: click.Parameter, ctx: click.Context) -> str:
    if isinstance(param, click.Argument):
        return param.make_metavar(ctx).strip("[]")
    return max(param.opts, key=len)


def _sentence(message: str) -> str:
    message = message.strip().removesuffix(".")
    return message[:1].lower() + message[1:]


def _tidy(words: str) -> str:
    """Keep an error on its lines whatever file names it quotes."""
    return re.sub(r"\n\s*", "\n       ", "\n".join(text.printable(line) for line in words.splitlines()))
