"""The options that are accepted before the name of a command and after it, and --show-completion.

Each lands in the Invocation through its callback, wherever on the line it stands.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from cas.cli.completion import Shell, script
from cas.cli.context import Invocation

if TYPE_CHECKING:
    from collections.abc import Callable


def _keep(field: str, *, instead: object = None) -> Callable[[typer.Context, Any], None]:
    """Make the callback that stores a value, or `instead` of it, in a field of the Invocation."""

    def keep(ctx: typer.Context, value: Any) -> None:  # noqa: ANN401 - text, number or flag
        # Given twice, before and after the command: the later wins. Not given: leave what is there.
        if value:
            setattr(ctx.ensure_object(Invocation), field, value if instead is None else instead)

    return keep


def _show_version(ctx: typer.Context, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        print(f"cas {_version()}")
        raise typer.Exit


def _version() -> str:
    from importlib import metadata  # noqa: PLC0415 - slow, and only --version asks

    try:
        return metadata.version("cas-store")
    except metadata.PackageNotFoundError:
        return "(run from a checkout, not installed)"


def _show_completion(ctx: typer.Context, value: Shell | None) -> None:
    if value is not None and not ctx.resilient_parsing:
        print(script(value), end="")
        raise typer.Exit


def _show_help(ctx: typer.Context, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        print(ctx.get_help())
        raise typer.Exit


def cas(  # noqa: PLR0913, PLR0917 - one parameter for each option
    repo: Annotated[
        str | None,
        typer.Option(
            "--repo",
            metavar="DIR",
            file_okay=False,
            expose_value=False,
            callback=_keep("directory"),
            help="The directory that holds .cas/.  [env: CAS_REPO; default: the nearest one upwards]",
        ),
    ] = None,
    json: Annotated[
        bool,
        typer.Option(
            "--json",
            expose_value=False,
            callback=_keep("is_json"),
            help="Print the result as one JSON document.",
        ),
    ] = False,
    quiet: Annotated[
        bool,
        typer.Option(
            "-q",
            "--quiet",
            expose_value=False,
            callback=_keep("is_quiet"),
            help="Print bare references, ids and paths; no notes.",
        ),
    ] = False,
    verbose: Annotated[
        int,
        typer.Option(
            "-v",
            "--verbose",
            count=True,
            show_default=False,
            expose_value=False,
            callback=_keep("verbosity"),
            help="Log what is done to standard error; -vv for more.",
        ),
    ] = 0,
    no_progress: Annotated[
        bool,
        typer.Option(
            "--no-progress",
            expose_value=False,
            callback=_keep("has_progress", instead=False),
            help="Never draw a progress bar.",
        ),
    ] = False,
    no_hooks: Annotated[
        bool,
        typer.Option(
            "--no-hooks",
            expose_value=False,
            callback=_keep("has_hooks", instead=False),
            help="Run no hooks: no plug-in, no executable, no policy of this repository.",
        ),
    ] = False,
    trace_hooks: Annotated[
        bool,
        typer.Option(
            "--trace-hooks",
            expose_value=False,
            callback=_keep("is_tracing_hooks"),
            help="Tell on standard error which hooks are run, for how long, and what they say.",
        ),
    ] = False,
    traceback: Annotated[
        bool,
        typer.Option(
            "--traceback",
            expose_value=False,
            callback=_keep("has_traceback"),
            help="Show where in the program an error was raised.",
        ),
    ] = False,
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            is_eager=True,
            expose_value=False,
            callback=_show_version,
            help="Print the version of cas.",
        ),
    ] = False,
    show_completion: Annotated[
        Shell | None,
        typer.Option(
            "--show-completion",
            is_eager=True,
            expose_value=False,
            callback=_show_completion,
            help='Print the completion script of a shell.  Use: eval "$(cas --show-completion bash)"',
        ),
    ] = None,
    show_help: Annotated[
        bool,
        typer.Option(
            "-h",
            "--help",
            is_eager=True,
            expose_value=False,
            callback=_show_help,
            help="Show this message and exit.",
        ),
    ] = False,
) -> None:
    """Keep every version of every resource once, and hand out the right one by name."""
