"""Tell where versions come from: lineage."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from cas.cli import (
    options,
    text,
)
from cas.cli.command import command
from cas.cli.context import Invocation
from cas.cli.render import explained

if TYPE_CHECKING:
    from cas.cli.console import Console
    from cas.graph.lineage import Direction, Lineage


class Format(StrEnum):
    """How a lineage is written."""

    TEXT = "text"
    JSON = "json"
    DOT = "dot"
    SVG = "svg"


@command("lineage", example="cas lineage photos --up", shape=explained.LINEAGE)
def lineage(
    ctx: typer.Context,
    spec: options.Spec,
    up: Annotated[
        bool, typer.Option("--up", help="Only what it was made from.  [default: both directions]")
    ] = False,
    down: Annotated[bool, typer.Option("--down", help="Only what was made from it.")] = False,
    form: Annotated[
        Format,
        typer.Option("--format", help="A tree of text, the document of --json, graphviz, or a picture."),
    ] = Format.TEXT,
) -> None:
    """Tell what a version was made from, and what was made from it

    Removed and collected versions are in it: their records stay. An input of which there is no record is
    shown as unknown.
    """
    from cas.graph import lineage as graph  # noqa: PLC0415 - the graph layer, only where it is asked for

    invocation = ctx.ensure_object(Invocation)
    with invocation.repository() as repository:
        found = graph.lineage(repository, spec, _direction(up=up, down=down))
    _show(invocation.console, found, form)


def _direction(*, up: bool, down: bool) -> Direction:
    from cas.graph.lineage import Direction  # noqa: PLC0415 - as above

    if up == down:
        return Direction.BOTH
    return Direction.UP if up else Direction.DOWN


def _show(console: Console, found: Lineage, form: Format) -> None:
    if console.is_json or form is Format.JSON:
        console.document(explained.lineage(found))
        return
    match form:
        case Format.DOT:
            from cas.graph import draw  # noqa: PLC0415 - as above

            console.lines(draw.dot(found))
        case Format.SVG:
            from cas.graph.svg import svg  # noqa: PLC0415 - as above

            console.lines(svg(found))
        case _:
            _show_tree(console, found)


def _show_tree(console: Console, found: Lineage) -> None:
    from cas.graph import draw  # noqa: PLC0415 - as above

    if console.is_quiet:
        console.lines(text.printable(draw.label(key)) for key in found.nodes)
        return
    console.lines(text.printable(line) for line in draw.text_tree(found))
    if not found.edges:
        console.note("no record connects it with another version")
