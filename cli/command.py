"""What every command has in common: global options, an example, a documented JSON shape, its help."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, cast

import typer
from typer.core import TyperCommand
from typer.main import get_command

from cas.cli.context import Invocation
from cas.cli.parameters import Argument, Context, Option, ours

if TYPE_CHECKING:
    from collections.abc import Callable

    from cas.cli.app import App
    from cas.cli.render.shapes import Shape

LABEL_CELLS = 24
"""Width of the column of options in the help."""

CONTEXT_SETTINGS = {"max_content_width": 96}
"""Settings of every context."""


class Command(TyperCommand):
    """A command of `cas`: takes the global options too, and can say what it prints."""

    shape: Shape
    """What --json prints."""

    def __init__(self, name: str, *, params: list[Any], **attributes: Any) -> None:  # noqa: ANN401 - passed on to typer
        super().__init__(name, params=ours(params), **attributes)

    @property
    def example(self) -> str:
        """One command line that a reader can try."""
        return self.epilog or ""

    def arguments(self) -> list[Argument]:
        """Give the positional arguments."""
        return [param for param in self.params if isinstance(param, Argument)]

    def options(self) -> list[Option]:
        """Give the options of this command alone."""
        return [param for param in self.params if isinstance(param, Option)]

    def get_params(self, ctx: Context) -> list[Any]:
        """Add the global options, which are accepted after the name of the command as well."""
        root = cast("App", ctx.find_root().command)
        return [*self.params, *root.everywhere()]

    def invoke(self, ctx: Context) -> Any:  # noqa: ANN401 - typer's signature
        """Run the command, when all options have been read."""
        ctx.ensure_object(Invocation).start_logging()
        return super().invoke(ctx)

    def format_help_text(self, ctx: Context, formatter: Any) -> None:  # noqa: ANN401, ARG002 - typer's signature
        """Write what the command does, not indented."""
        formatter.write_paragraph()
        formatter.write_text(inspect.cleandoc(self.help or ""))

    def format_options(self, ctx: Context, formatter: Any) -> None:  # noqa: ANN401 - typer's signature
        """Write the arguments and options of this command alone."""
        arguments = [(argument.label, argument.help or "") for argument in self.arguments()]
        if arguments:
            with formatter.section("Arguments"):
                formatter.write_dl(arguments)
        root = cast("App", ctx.find_root().command)
        write_options(formatter, "Options", [*self.options(), root.help_option()], ctx)

    def format_epilog(self, ctx: Context, formatter: Any) -> None:  # noqa: ANN401, ARG002 - typer's signature
        """Write the example, and where the rest of the options is."""
        with formatter.section("Example"):
            formatter.write_text("$ " + self.example)
        formatter.write_paragraph()
        formatter.write_text("The global options (--repo, --json, -q, …) work here too: see cas --help")


def write_options(formatter: Any, title: str, options: list[Option], ctx: Context) -> None:  # noqa: ANN401 - typer's, private
    """Write a section of the help."""
    records = [option.get_help_record(ctx) for option in options]
    with formatter.section(title):
        formatter.write_dl([record for record in records if record is not None], col_max=LABEL_CELLS)


def command(name: str, *, example: str, shape: Shape) -> Callable[[Callable[..., None]], Command]:
    """Declare a function as the command `cas NAME`; its docstring is the help."""

    def decorate(function: Callable[..., None]) -> Command:
        single = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
        single.command(
            name, cls=Command, epilog=example, context_settings=CONTEXT_SETTINGS, add_help_option=False
        )(function)
        made = get_command(single)
        assert isinstance(made, Command)
        made.shape = shape
        return made

    return decorate
