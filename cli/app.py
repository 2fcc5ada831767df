"""The table of commands; a command's module is imported when the command is run, not before."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Final, NoReturn

import click

from cas.cli.command import CONTEXT_SETTINGS, GLOBAL_OPTIONS, LABEL_CELLS, Command
from cas.cli.errors import UnknownCommandError

if TYPE_CHECKING:
    from collections.abc import Mapping

SECTIONS: Final[Mapping[str, Mapping[str, str]]] = {
    "Put in and take out": {
        "init": "store:init",
        "commit": "store:commit",
        "checkout": "store:checkout",
        "status": "store:status",
    },
    "Look": {
        "ls": "look:ls",
        "tree": "look:tree",
        "cat": "look:cat",
        "show": "look:show",
        "log": "look:log",
        "diff": "compare:diff",
        "find": "compare:find",
        "id": "compare:identity",
    },
    "Name, remove, bring back": {
        "tag": "names:tag",
        "remove": "names:remove",
        "restore": "names:restore",
    },
    "Keep healthy": {
        "gc": "care:gc",
        "verify": "care:verify",
        "recover": "care:recover",
        "stats": "care:stats",
    },
    "Learn": {"demo": "learn:demo"},
}
"""Section of the help → command → module of `cas.cli.commands` and the name in it."""

_PLACES = {name: place for section in SECTIONS.values() for name, place in section.items()}


class App(click.Group):
    """`cas` itself: finds commands by the table above."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Name every command, in the order of the help."""
        return list(_PLACES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> Command | None:  # noqa: ARG002 - click's signature
        """Import the module of one command."""
        place = _PLACES.get(cmd_name)
        if place is None:
            return None
        module, _, attribute = place.partition(":")
        found = getattr(importlib.import_module(f"cas.cli.commands.{module}"), attribute)
        assert isinstance(found, Command)
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or suggest the nearest."""
        if args[0] not in _PLACES and not ctx.resilient_parsing:
            _refuse(args[0], ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands in their sections."""
        for title, section in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(f"{name:<8}", self._summary(ctx, name)) for name in section])

    def _summary(self, ctx: click.Context, name: str) -> str:
        found = self.get_command(ctx, name)
        return found.get_short_help_str(limit=80) if found is not None else ""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands first: they are what a reader looks for."""
        self.format_commands(ctx, formatter)
        with formatter.section("Global options, before or after the command"):
            records = [param.get_help_record(ctx) for param in self.get_params(ctx)]
            formatter.write_dl([record for record in records if record is not None], col_max=LABEL_CELLS)


def _refuse(name: str, ctx: click.Context) -> NoReturn:
    from difflib import get_close_matches  # noqa: PLC0415 - only on the way out

    if name.startswith("-"):
        raise click.NoSuchOption(
            name, possibilities=[opt for option in GLOBAL_OPTIONS for opt in option.opts], ctx=ctx
        )
    raise UnknownCommandError(name, get_close_matches(name, _PLACES, n=1), ctx)


def _show_completion(ctx: click.Context, _param: click.Parameter, value: str | None) -> None:
    if value and not ctx.resilient_parsing:
        from cas.cli import completion  # noqa: PLC0415 - only on request

        click.echo(completion.script(app, value), nl=False)
        ctx.exit()


app = App(
    "cas",
    params=[
        *GLOBAL_OPTIONS,
        click.Option(
            ("--show-completion",),
            type=click.Choice(("bash", "zsh", "fish")),
            is_eager=True,
            expose_value=False,
            callback=_show_completion,
            help='Print the completion script of a shell.  Use: eval "$(cas --show-completion bash)"',
        ),
    ],
    context_settings=CONTEXT_SETTINGS,
    help="Keep every version of every resource once, and hand out the right one by name.",
    epilog="New here? `cas demo` shows all of it in a minute. `cas COMMAND --help` has an example of each.",
)
"""The whole command line."""
