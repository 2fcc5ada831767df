"""See what runs when, and try it: hooks list, hooks run."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - typer evaluates the annotations of commands
from typing import TYPE_CHECKING, Annotated

import typer

from cas.cli import completers, text
from cas.cli.command import command
from cas.cli.context import Invocation
from cas.cli.errors import ExitCode
from cas.cli.render import hooks, shapes
from cas.cli.table import Column, Overlong

if TYPE_CHECKING:
    from cas.cli.console import Console
    from cas.hooks.calls import Hook

_COLUMNS = (
    Column("POINT"),
    Column("KIND"),
    Column("HOOK"),
    Column("FROM", floor=12, overlong=Overlong.KEPT, hides_when_empty=True),
    Column("STATUS", floor=24, overlong=Overlong.WRAPPED),
)


@command("hooks list", example="cas hooks list", shape=shapes.HOOK)
def list_hooks(ctx: typer.Context) -> None:
    """List what runs before and after commands

    At each point in the order of the calls: built-in hooks, plug-ins of Python packages, the executable in
    .cas/hooks. Nothing is run, but plug-ins are imported.
    """
    invocation = ctx.ensure_object(Invocation)
    with invocation.repository() as repository:
        found = repository.hooks()
    _show(invocation.console, found)


def _show(console: Console, found: list[Hook]) -> None:
    if console.is_json:
        console.document([hooks.hook(one) for one in found])
    elif console.is_quiet:
        console.lines(text.printable(one.name) for one in found)
    elif found:
        console.table(
            _COLUMNS,
            [
                [one.point or "any", one.kind, one.name, hooks.source(one), one.problem or "ready"]
                for one in found
            ],
        )
    else:
        console.note("there are no hooks")


@command("hooks run", example="cas hooks run pre_commit", shape=shapes.HOOK_CALL)
def run_hooks(
    ctx: typer.Context,
    point: Annotated[
        str,
        typer.Argument(
            metavar="POINT", autocompletion=completers.hook_point, help="The point, such as pre_commit."
        ),
    ],
    event: Annotated[
        Path | None,
        typer.Option(
            "--event",
            metavar="FILE",
            dir_okay=False,
            help="Tell them this, in JSON.  [default: a made-up event]",
        ),
    ] = None,
) -> None:
    """Try the hooks of a point, though nothing happens

    The exit status is 1 if one refused or failed.
    """
    invocation = ctx.ensure_object(Invocation)
    console = invocation.console
    data = event.read_bytes() if event is not None else None
    with invocation.repository() as repository:
        calls = repository.try_hooks(point, data)
    if console.is_json:
        console.document([hooks.call(one) for one in calls])
    elif not console.is_quiet:
        for one in calls:
            console.lines(hooks.traced(one))
        if not calls:
            console.note(f"no hook is called at {point}")
    if any(one.error is not None for one in calls):
        raise typer.Exit(ExitCode.FAILED)
