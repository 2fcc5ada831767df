"""What every command has in common: global options, an example, a documented JSON shape, its help."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import click

from cas.cli.context import Invocation

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cas.cli.render.shapes import Shape

_WIDEST_HELP = 96
LABEL_CELLS = 24
"""Width of the column of options in the help."""


class Argument(click.Argument):
    """A positional argument with a sentence of help, which click itself has only of late."""

    def __init__(self, *args: Any, help: str, **attributes: Any) -> None:  # noqa: A002, ANN401 - click's own names and types
        super().__init__(*args, **attributes)
        self.help = help


class Command(click.Command):
    """A command of `cas`: takes the global options too, and can say what it prints."""

    def __init__(self, *args: Any, example: str, shape: Shape, **attributes: Any) -> None:  # noqa: ANN401 - passed on to click
        super().__init__(*args, **attributes)
        self.example = example
        """One command line that a reader can try."""

        self.shape = shape
        """What --json prints."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Add the global options, which are accepted after the name of the command as well."""
        return [*super().get_params(ctx), *GLOBAL_OPTIONS]

    def own_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Give the arguments and options of this command alone."""
        return super().get_params(ctx)

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the help: usage, text, arguments, options, the example."""
        self.format_usage(ctx, formatter)
        formatter.write_paragraph()
        formatter.write_text(inspect.cleandoc(self.help or ""))
        self._format_parameters(ctx, formatter)
        with formatter.section("Example"):
            formatter.write_text("$ " + self.example)
        formatter.write_paragraph()
        formatter.write_text("The global options (--repo, --json, -q, …) work here too: see cas --help")

    def _format_parameters(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        own = self.own_params(ctx)
        arguments = [
            (argument.make_metavar(ctx), argument.help or "")
            for argument in own
            if isinstance(argument, Argument)
        ]
        if arguments:
            with formatter.section("Arguments"):
                formatter.write_dl(arguments)
        records = [option.get_help_record(ctx) for option in own if isinstance(option, click.Option)]
        with formatter.section("Options"):
            formatter.write_dl([record for record in records if record is not None], col_max=LABEL_CELLS)


def command(name: str, *, example: str, shape: Shape) -> Callable[[Callable[..., None]], Command]:
    """Declare a function as the command `cas NAME`; its docstring is the help."""

    def decorate(function: Callable[..., None]) -> Command:
        return click.command(
            name, cls=Command, example=example, shape=shape, context_settings=CONTEXT_SETTINGS
        )(function)

    return decorate


def argument(
    name: str,
    *,
    help: str,  # noqa: A002 - click's own word
    **attributes: Any,  # noqa: ANN401 - passed on to click
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Declare a positional argument with its sentence of help."""
    return click.argument(name, cls=Argument, help=help, **attributes)


CONTEXT_SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": _WIDEST_HELP}
"""Settings of every click context."""


def _global_option(*names: str, stores: str, help: str, **attributes: Any) -> click.Option:  # noqa: A002, ANN401
    """Make an option that lands in the Invocation, wherever on the line it stands."""

    def store(ctx: click.Context, _param: click.Parameter, value: object) -> None:
        # Given twice, before and after the command: the later wins. Not given: leave what is there.
        if value:
            setattr(ctx.ensure_object(Invocation), stores, value)

    return click.Option(names, expose_value=False, callback=store, help=help, **attributes)


def _negative(names: Sequence[str], *, stores: str, help: str) -> click.Option:  # noqa: A002
    def store(ctx: click.Context, _param: click.Parameter, value: object) -> None:
        if value:
            setattr(ctx.ensure_object(Invocation), stores, False)

    return click.Option(names, expose_value=False, callback=store, help=help, is_flag=True)


def _print_version(ctx: click.Context, _param: click.Parameter, value: object) -> None:
    if value and not ctx.resilient_parsing:
        click.echo(f"cas {_version()}")
        ctx.exit()


def _version() -> str:
    from importlib import metadata  # noqa: PLC0415 - slow, and only --version asks

    try:
        return metadata.version("cas-store")
    except metadata.PackageNotFoundError:
        return "(run from a checkout, not installed)"


GLOBAL_OPTIONS: tuple[click.Option, ...] = (
    _global_option(
        "--repo",
        stores="directory",
        metavar="DIR",
        type=click.Path(file_okay=False),
        help="The directory that holds .cas/.  [env: CAS_REPO; default: the nearest one upwards]",
    ),
    _global_option("--json", stores="is_json", is_flag=True, help="Print the result as one JSON document."),
    _global_option(
        "-q",
        "--quiet",
        stores="is_quiet",
        is_flag=True,
        help="Print bare references, ids and paths; no notes.",
    ),
    _global_option(
        "-v",
        "--verbose",
        stores="verbosity",
        count=True,
        help="Log what is done to standard error; -vv for more.",
    ),
    _negative(("--no-progress",), stores="has_progress", help="Never draw a progress bar."),
    _global_option(
        "--traceback",
        stores="has_traceback",
        is_flag=True,
        help="Show where in the program an error was raised.",
    ),
    click.Option(
        ("--version",),
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=_print_version,
        help="Print the version of cas.",
    ),
)
"""Accepted before the name of the command and after it."""
