"""The layers of the view: layer list, layer add, layer remove, layer move."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from cas.cli import completers, text
from cas.cli.command import command
from cas.cli.context import Invocation
from cas.cli.render import layers, shapes
from cas.config import LayerConfig
from cas.errors import InvalidError
from cas.layer_settings import CWD, DIRECTORY, PACKAGE, REFS

if TYPE_CHECKING:
    from cas.cli.console import Console
    from cas.repo.layer_changes import Position
    from cas.repo.results import LayerInfo

Name: TypeAlias = Annotated[
    str, typer.Argument(metavar="NAME", autocompletion=completers.layer, help="The layer.")
]

Top: TypeAlias = Annotated[bool, typer.Option("--top", help="Above all others.")]

Bottom: TypeAlias = Annotated[bool, typer.Option("--bottom", help="Below all others.")]

Above: TypeAlias = Annotated[
    str | None,
    typer.Option("--above", metavar="LAYER", autocompletion=completers.layer, help="Just above this layer."),
]

Below: TypeAlias = Annotated[
    str | None,
    typer.Option("--below", metavar="LAYER", autocompletion=completers.layer, help="Just below this layer."),
]


@command("layer list", example="cas layer list", shape=shapes.LAYER)
def list_layers(ctx: typer.Context) -> None:
    """List the layers, the one with the highest priority first

    Together they are the view: for each path, the uppermost layer that has it wins.
    """
    invocation = ctx.ensure_object(Invocation)
    console = invocation.console
    with invocation.repository() as repository:
        found = repository.layers()
    if console.is_json:
        console.document([layers.layer(one) for one in found])
    elif console.is_quiet:
        console.lines(text.printable(one.name) for one in found)
    else:
        console.table(layers.COLUMNS, layers.rows(found))
        _tell_problems(console, found)


@command("layer add", example="cas layer add shared --directory /data/shared --read-only", shape=shapes.LAYER)
def add_layer(  # noqa: PLR0913, PLR0917 - each is a word of its own on the command line
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What the layer is to be called.")],
    directory: Annotated[
        str | None,
        typer.Option(
            "--directory",
            metavar="PATH",
            help="A directory; '$(cwd)/…', in quotes, is below the directory that a command is run in.",
        ),
    ] = None,
    package: Annotated[
        str | None,
        typer.Option(
            "--package",
            metavar="PKG[:FOLDER]",
            help="What an installed Python package brings in this folder.  [FOLDER: blobs]",
        ),
    ] = None,
    read_only: Annotated[
        bool, typer.Option("--read-only", help="Nothing is committed, downloaded or hidden there.")
    ] = False,
    top: Top = False,
    bottom: Bottom = False,
    above: Above = None,
    below: Below = None,
) -> None:
    """Add a layer: of refs, or a directory, or data of a Python package

    By default on top of the others; a package goes below them. What is removed from the list and added again
    has lost nothing.
    """
    if directory is not None and package is not None:
        raise InvalidError(
            "--directory and --package are two kinds of layers",
            code="usage",
            hint="add one layer for each",
        )
    position = _position(top=top, bottom=bottom, above=above, below=below)
    invocation = ctx.ensure_object(Invocation)
    with invocation.repository() as repository:
        layer = _layer(
            name, directory, package, home=repository.layout.root.parent, is_writable=not read_only
        )
        repository.add_layer(layer, position=position)
        _show(invocation.console, repository.layers(), name, "added")


@command("layer remove", example="cas layer remove runtime", shape=shapes.LAYER)
def remove_layer(ctx: typer.Context, name: Name) -> None:
    """Take a layer out of the view

    What is in a directory or a package stays where it is. A layer of refs must be empty.
    """
    invocation = ctx.ensure_object(Invocation)
    with invocation.repository() as repository:
        repository.remove_layer(name)
        _show(invocation.console, repository.layers(), name, "removed")


@command("layer move", example="cas layer move runtime --below main", shape=shapes.LAYER)
def move_layer(  # noqa: PLR0913, PLR0917 - each is a word of its own on the command line
    ctx: typer.Context,
    name: Name,
    top: Top = False,
    bottom: Bottom = False,
    above: Above = None,
    below: Below = None,
) -> None:
    """Give a layer another priority"""
    position = _position(top=top, bottom=bottom, above=above, below=below)
    if position is None:
        raise InvalidError(
            "`cas layer move` needs a place",
            code="usage",
            hint=f"cas layer move {shlex.quote(name)} --top",
        )
    invocation = ctx.ensure_object(Invocation)
    with invocation.repository() as repository:
        repository.move_layer(name, position=position)
        _show(invocation.console, repository.layers(), name, "moved")


def _position(*, top: bool, bottom: bool, above: str | None, below: str | None) -> Position | None:
    """Give the place that was asked for; None if there is none."""
    from cas.repo.layer_changes import Position  # noqa: PLC0415 - `layer list` changes nothing

    given = [
        *([Position.top()] if top else []),
        *([Position.bottom()] if bottom else []),
        *([Position.above(above)] if above is not None else []),
        *([Position.below(below)] if below is not None else []),
    ]
    if len(given) > 1:
        raise InvalidError(
            "a layer has one place",
            code="usage",
            hint="use one of --top, --bottom, --above and --below",
        )
    return given[0] if given else None


def _layer(
    name: str, directory: str | None, package: str | None, *, home: Path, is_writable: bool
) -> LayerConfig:
    if directory is not None:
        return LayerConfig(name, DIRECTORY, is_writable, path=_path(directory, home))
    if package is not None:
        module, colon, folder = package.partition(":")
        layer = LayerConfig(name, PACKAGE, package=module)
        return LayerConfig(name, PACKAGE, package=module, folder=folder) if colon else layer
    return LayerConfig(name, REFS, is_writable)


def _path(directory: str, home: Path) -> str:
    """Write a path as `config.yaml` has it: what is typed is relative to here, and that to the repository."""
    if not directory:
        raise InvalidError("--directory needs a path", code="usage", hint="cas layer add --help")
    if directory.partition("/")[0] == CWD:
        return directory
    path = Path(os.path.abspath(directory))
    return os.fspath(path.relative_to(home) if path.is_relative_to(home) else path)


def _show(console: Console, found: list[LayerInfo], name: str, verb: str) -> None:
    if console.is_json:
        console.document([layers.layer(one) for one in found])
        return
    shown = text.printable(name)
    console.line(shown if console.is_quiet else f"{verb} layer {shown}")
    _tell_problems(console, [one for one in found if one.name == name])


def _tell_problems(console: Console, found: list[LayerInfo]) -> None:
    for one in found:
        if one.problem is not None:
            console.note(text.printable(f"layer '{one.name}' shows nothing: {one.problem}"))
