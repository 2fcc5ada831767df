"""One path of the view: which, path."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from cas.cli import completers, text
from cas.cli.command import command
from cas.cli.console import Paint
from cas.cli.context import Invocation
from cas.cli.render import pairs, shapes, view

if TYPE_CHECKING:
    from pathlib import Path

    from cas.cli.console import Console

ViewPath: TypeAlias = Annotated[
    str,
    typer.Argument(
        metavar="PATH", autocompletion=completers.view_path, help="A path of the view; '' is its root."
    ),
]


@command("which", example="cas which photos/readme.txt", shape=shapes.WHICH)
def which(ctx: typer.Context, path: ViewPath) -> None:
    """Say where a path of the view comes from

    The layer that has it, the version, where it is on the disk, and what it hides in the layers below. A
    directory of several layers is merged: `cas ls --files` lists it.
    """
    invocation = ctx.ensure_object(Invocation)
    console = invocation.console
    with invocation.view() as union:
        found = union.which(path)
    if console.is_json:
        console.document(view.which(found))
    elif console.is_quiet:
        console.line(text.printable(found.node.layer))
    else:
        console.line(console.paint(view.shown(found.node), Paint.STRONG))
        pairs.show(console, list(view.description(found)), indent="  ")


@command("path", example="cas path photos/readme.txt", shape=shapes.PATH)
def path(
    ctx: typer.Context,
    path: ViewPath,
    writable: Annotated[
        bool,
        typer.Option(
            "--writable",
            help="Make the directory PATH in the uppermost writable directory layer, and print that.",
        ),
    ] = False,
) -> None:
    """Print the absolute path of a file or directory of the view

    Of the uppermost layer that has it. What is stored is put on the disk, under `.cas/views`, read-only; it
    stays there until room is needed, or until `cas gc`.
    """
    invocation = ctx.ensure_object(Invocation)
    with invocation.view() as union:
        found = union.get_resources_writable_directory(path) if writable else union.get_resource_path(path)
    _show(invocation.console, path, found)


def _show(console: Console, path: str, found: Path) -> None:
    if console.is_json:
        console.document({"path": path, "location": str(found)})
    elif sys.stdout.isatty():
        console.line(text.printable(str(found)))
    else:  # a script gets the very bytes
        console.data([os.fsencode(found), b"\n"])
