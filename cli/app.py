"""The table of commands; a command's module is imported when the command is run, not before."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any, Final, NoReturn

import typer
from typer.core import TyperGroup
from typer.main import get_command

from cas.cli import everywhere
from cas.cli.command import CONTEXT_SETTINGS, Command, write_options
from cas.cli.context import Invocation
from cas.cli.errors import ExitCode
from cas.cli.parameters import Context, Option, ours
from cas.errors import InvalidError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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
    "Derive and explain": {
        "build": "build:build",
        "run": "run:run",
        "why": "why:why",
        "lineage": "lineage:lineage",
        "scan": "scan:scan",
    },
    "Name, remove, bring back": {
        "tag": "names:tag",
        "remove": "names:remove",
        "restore": "names:restore",
    },
    "Fetch from elsewhere": {
        "resources list": "resources:list_resources",
        "resources download": "resources:download_resources",
        "resources check": "resources:check_resources",
    },
    "Layers": {
        "layer list": "layer:list_layers",
        "layer add": "layer:add_layer",
        "layer remove": "layer:remove_layer",
        "layer move": "layer:move_layer",
        "which": "view:which",
        "path": "view:path",
        "hide": "hide:hide",
        "unhide": "hide:unhide",
        "mount": "mount:mount",
    },
    "Keep healthy": {
        "gc": "care:gc",
        "verify": "care:verify",
        "recover": "care:recover",
        "stats": "care:stats",
    },
    "Extend": {
        "hooks list": "hooks:list_hooks",
        "hooks run": "hooks:run_hooks",
    },
    "Learn": {"demo": "learn:demo"},
}
"""Section of the help → command → module of `cas.cli.commands` and the name in it.

The name of a command is one word or two.
"""

_EPILOG = "New here? `cas demo` shows all of it in a minute. `cas COMMAND --help` has an example of each."

_PLACES = {name: place for section in SECTIONS.values() for name, place in section.items()}

_FAMILIES = {name.partition(" ")[0] for name in _PLACES if " " in name}
"""The first words of commands that have two."""


class App(TyperGroup):
    """`cas` itself: finds commands by the table above."""

    def __init__(self, *, params: list[Any], **attributes: Any) -> None:  # noqa: ANN401 - passed on to typer
        super().__init__(params=ours(params), **attributes)

    def options(self) -> list[Option]:
        """Give the global options and what is accepted before the command only."""
        return [param for param in self.params if isinstance(param, Option)]

    def everywhere(self) -> list[Option]:
        """Give the options that are accepted after the name of the command too."""
        return [option for option in self.options() if option.name != "show_completion"]

    def help_option(self) -> Option:
        """Give --help, which every command lists among its own options."""
        return next(option for option in self.options() if "--help" in option.opts)

    def list_commands(self, ctx: Context) -> list[str]:  # noqa: ARG002 - typer's signature
        """Name every command, in the order of the help."""
        return list(_PLACES)

    def get_command(self, ctx: Context, cmd_name: str) -> Command | None:  # noqa: ARG002 - typer's signature
        """Import the module of one command."""
        place = _PLACES.get(cmd_name)
        if place is None:
            return None
        module, _, attribute = place.partition(":")
        found = getattr(importlib.import_module(f"cas.cli.commands.{module}"), attribute)
        assert isinstance(found, Command)
        return found

    def split(self, words: Sequence[str]) -> tuple[str, list[str]]:
        """Split the name of a command from the words that follow it."""
        count = 2 if " ".join(words[:2]) in _PLACES else 1
        return " ".join(words[:count]), list(words[count:])

    def resolve_command(self, ctx: Context, args: list[str]) -> tuple[str, Command, list[str]]:
        """Find the command, or suggest the nearest; tell of a family of commands what is in it."""
        if args[0] == "help":
            args = [*args[1:], "--help"]
        name, rest = self.split(args)
        found = self.get_command(ctx, name)
        if found is not None:
            return name, found, rest
        if name == "--help":
            self._tell(ctx.get_help(), is_asked_for=True)
        is_json = "--json" in rest or ctx.ensure_object(Invocation).is_json
        is_word_missing = all(word.startswith("-") for word in rest)
        is_asked_for = not {"-h", "--help"}.isdisjoint(rest)
        if name in _FAMILIES and is_word_missing and (is_asked_for or not is_json):
            self._tell(self._family_help(ctx, name), is_asked_for=is_asked_for)
        raise _unknown(name, rest)

    def _tell(self, told: str, *, is_asked_for: bool) -> NoReturn:
        """End with help: as the result, or to whoever forgot a word."""
        print(told, file=sys.stdout if is_asked_for else sys.stderr)
        raise typer.Exit(ExitCode.DONE if is_asked_for else ExitCode.USAGE)

    def _family_help(self, ctx: Context, family: str) -> str:
        """Write what the commands do whose names begin with one word."""
        formatter = ctx.make_formatter()
        formatter.write_usage(f"cas {family}", "COMMAND [ARGS]...")
        with formatter.section("Commands"):
            names = [name for name in _PLACES if name.startswith(f"{family} ")]
            formatter.write_dl([(name, self._summary(ctx, name)) for name in names])
        formatter.write_paragraph()
        formatter.write_text(f"`cas {family} COMMAND --help` has an example of each.")
        return str(formatter.getvalue()).rstrip("\n")

    def format_options(self, ctx: Context, formatter: Any) -> None:  # noqa: ANN401 - typer's signature
        """Write the commands first, in their sections: they are what a reader looks for."""
        for title, section in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(f"{name:<10}", self._summary(ctx, name)) for name in section])
        write_options(formatter, "Global options, before or after the command", self.options(), ctx)

    def _summary(self, ctx: Context, name: str) -> str:
        found = self.get_command(ctx, name)
        return found.get_short_help_str(limit=80) if found is not None else ""


_OTHER_WORDS = {
    "add": "commit",
    "co": "checkout",
    "del": "remove",
    "delete": "remove",
    "get": "checkout",
    "history": "log",
    "list": "ls",
    "put": "commit",
    "rm": "remove",
    "undo": "restore",
}
"""What other tools call our commands."""


def _unknown(name: str, rest: Sequence[str]) -> InvalidError:
    """Build the error for what is no command; of two words the first may be right."""
    from difflib import get_close_matches  # noqa: PLC0415 - only on the way out

    family = f"{name} " if name in _FAMILIES else ""
    word = name if not family else next((one for one in rest if not one.startswith("-")), None)
    if word is None:
        return InvalidError(f"`cas {name}` needs another word", code="usage", hint=f"run `cas {name} --help`")
    known = [place.removeprefix(family) for place in _PLACES if place.startswith(family)]
    is_foreign = not family and word in _OTHER_WORDS
    near = [_OTHER_WORDS[word]] if is_foreign else get_close_matches(word, known, n=1)
    return InvalidError(
        f"there is no command '{family}{word}'",
        code="usage",
        hint=f"did you mean `cas {family}{near[0]}`?" if near else f"run `cas {family}--help`",
    )


def _make() -> App:
    definition = typer.Typer(
        name="cas",
        cls=App,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        no_args_is_help=True,
        add_help_option=False,
        context_settings=CONTEXT_SETTINGS,
        epilog=_EPILOG,
    )
    definition.callback()(everywhere.cas)
    made = get_command(definition)
    assert isinstance(made, App)
    return made


app = _make()
"""The whole command line."""
