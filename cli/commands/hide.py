"""Whiteouts: hide, unhide."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Annotated

import typer

from cas.cli import completers, text
from cas.cli.command import command
from cas.cli.context import Invocation
from cas.cli.render import layers, shapes

if TYPE_CHECKING:
    from cas.cli.console import Console
    from cas.repo.results import HideResult


@command("hide", example="cas hide models/old", shape=shapes.HIDING)
def hide(
    ctx: typer.Context,
    path: Annotated[
        str,
        typer.Argument(
            metavar="PATH",
            autocompletion=completers.view_path,
            help="A path of the view: a name, or a path below one.",
        ),
    ],
    layer: Annotated[
        str | None,
        typer.Option(
            "--layer",
            metavar="LAYER",
            autocompletion=completers.layer,
            help="Where to note it.  [default: the uppermost writable layer of refs]",
        ),
    ] = None,
    opaque: Annotated[
        bool,
        typer.Option(
            "--opaque", help="Keep PATH as a directory, and hide only what lower layers have in it."
        ),
    ] = False,
) -> None:
    """Hide a path, and what is below it, from the view

    Nothing is deleted: versions stay, and are named as before. What is committed there later is seen again.
    """
    invocation = ctx.ensure_object(Invocation)
    console = invocation.console
    with invocation.repository() as repository:
        result = repository.hide(path, layer=layer, opaque=opaque)
    _show(console, result, "hidden" if result.is_changed else "already hidden:")
    if result.is_changed:
        layer_name, hidden = (shlex.quote(text.printable(word)) for word in (result.layer, result.path))
        console.note(f"undo with `cas unhide --layer {layer_name} {hidden}`")


@command("unhide", example="cas unhide models/old", shape=shapes.HIDING)
def unhide(
    ctx: typer.Context,
    path: Annotated[
        str,
        typer.Argument(metavar="PATH", autocompletion=completers.hidden, help="A path that was hidden."),
    ],
    layer: Annotated[
        str | None,
        typer.Option(
            "--layer",
            metavar="LAYER",
            autocompletion=completers.layer,
            help="Where it was hidden.  [default: the uppermost writable layer that hides it]",
        ),
    ] = None,
) -> None:
    """Show again what was hidden"""
    invocation = ctx.ensure_object(Invocation)
    with invocation.repository() as repository:
        result = repository.unhide(path, layer=layer)
    _show(invocation.console, result, "shown again:")


def _show(console: Console, result: HideResult, verb: str) -> None:
    if console.is_json:
        console.document(layers.hiding(result))
        return
    path = text.printable(result.path) or "''"
    how = ", opaque" if result.is_opaque else ""
    console.line(path if console.is_quiet else f"{verb} {path} (layer {text.printable(result.layer)}{how})")
    for note in result.notes:
        console.note(text.printable(note))
