"""Register what comes from outside: scan."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - typer evaluates the annotations
from typing import TYPE_CHECKING, Annotated

import typer

from cas.cli import text
from cas.cli.command import command
from cas.cli.context import Invocation
from cas.cli.render import explained

if TYPE_CHECKING:
    from cas.cli.console import Console
    from cas.graph.scan import ScanReport


@command("scan", example="cas scan sources.yaml --dry-run", shape=explained.SCAN)
def scan(
    ctx: typer.Context,
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", dir_okay=False, help="Rules in YAML; relative paths in it begin where it is."
        ),
    ],
    dry_run: Annotated[
        bool, typer.Option("-n", "--dry-run", help="Say what would be stored, and store nothing.")
    ] = False,
) -> None:
    """Commit the files that the rules of FILE find

    What is there already is not stored again. A file that changed becomes one more version. A file that is
    gone is reported, and its versions stay.
    """
    from cas.graph.scan import scan as run  # noqa: PLC0415 - the graph layer, only where it is asked for

    invocation = ctx.ensure_object(Invocation)
    with invocation.repository() as repository, invocation.progress() as progress:
        found = run(repository, file, dry_run=dry_run, origin=invocation.origin(), progress=progress)
    _show(invocation.console, found, dry_run=dry_run)


def _show(console: Console, found: ScanReport, *, dry_run: bool) -> None:
    if console.is_json:
        console.document(explained.scan(found, dry_run=dry_run))
        return
    for note in found.notes:
        console.note(text.printable(note))
    new = [one for one in found.scanned if one.outcome.value != "unchanged"]
    if console.is_quiet:
        console.lines(text.printable(one.version.ref) for one in new)
        return
    for one in new:
        reference, path = text.printable(one.version.ref), text.printable(one.path)
        size = text.size(one.version.size)
        console.line(f"{one.outcome.value.replace('-', ' ')} {reference}  ({size}) from {path}")
    for version in found.vanished:
        properties = ", ".join(f"{key}={value}" for key, value in explained.identifying(version))
        told = f" ({text.printable(properties)})" if properties else ""
        console.note(
            f"{text.printable(version.ref)}{told} has no file any more; it stays until it is removed"
        )
    console.line(
        f"{len(new):,} {'to create' if dry_run else 'created'}, {len(found.scanned) - len(new):,} unchanged"
    )
