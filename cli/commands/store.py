"""Put data in and take it out: init, commit, checkout, status."""

from __future__ import annotations

import contextlib
import shlex
import sys
from enum import StrEnum
from pathlib import Path  # noqa: TC003 - typer evaluates the annotations of commands
from typing import IO, TYPE_CHECKING, Annotated

import typer

from cas.cli import completers, options, streams, text
from cas.cli.command import command
from cas.cli.context import Invocation
from cas.cli.render import documents, shapes, versions
from cas.errors import InvalidError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cas.cli.console import Console
    from cas.config import LayerConfig
    from cas.repo.results import CheckoutResult, CheckoutStatus, CommitResult
    from cas.view.export import ExportReport


class Linking(StrEnum):
    """The values of `cas.worktree.link.Link`, without importing it for a page of help."""

    COPY = "copy"
    REFLINK = "reflink"
    HARDLINK = "hardlink"
    SYMLINK = "symlink"


class Conflict(StrEnum):
    """The values of `cas.repo.results.OnConflict`, for the same reason."""

    FAIL = "fail"
    KEEP = "keep"
    REPLACE = "replace"


@command("init", example="cas init", shape=shapes.INIT)
def init(
    ctx: typer.Context,
    directory: Annotated[
        Path | None,
        typer.Argument(
            metavar="[DIR]",
            file_okay=False,
            help="The directory to make it in.  [default: --repo, or here]",
        ),
    ] = None,
) -> None:
    """Make a repository

    It lives in DIR/.cas and serves DIR and everything below.
    """
    from cas.repo import Repository  # noqa: PLC0415 - the whole library

    invocation = ctx.ensure_object(Invocation)
    console = invocation.console
    with Repository.init(directory or invocation.new_repository_directory()) as repository:
        root, repository_id = repository.layout.root, repository.config.repository_id
        layers = repository.config.layers
    if console.is_json:
        console.document({"repository": str(root), "id": repository_id})
    elif console.is_quiet:
        console.line(text.printable(str(root)))
    else:
        console.line(f"made a repository in {text.printable(str(root))}")
        for note in _about_layers(layers):
            console.note(text.printable(note))
        console.note("next: cas commit NAME PATH")


def _about_layers(layers: tuple[LayerConfig, ...]) -> Iterator[str]:
    """Say what the view of a new repository is made of, and what it was made of until now."""
    from cas.lookup import announced_layers  # noqa: PLC0415 - looks at everything that is installed

    shown = [f"{one.name} ({one.path})" if one.path is not None else one.name for one in layers]
    yield f"its layers, the uppermost first: {', '.join(shown)}"
    for one in announced_layers():
        words = ("cas", "layer", "add", one.name, "--package", f"{one.package}:{one.folder}")
        yield f"the installed package '{one.package}' is no layer of it; to add it: {shlex.join(words)}"


@command("commit", example='cas commit photos ./photos -p camera=x100 -m "first import"', shape=shapes.COMMIT)
def commit(  # noqa: PLR0913, PLR0917 - typer hands over one argument for each option
    ctx: typer.Context,
    name: Annotated[
        str,
        typer.Argument(metavar="NAME", autocompletion=completers.name, help="What the resource is called."),
    ],
    path: Annotated[
        Path,
        typer.Argument(
            metavar="PATH", allow_dash=True, help="The file or directory to store; - reads standard input."
        ),
    ],
    assignments: options.Assignments = None,
    properties_file: options.PropertiesFile = None,
    inputs: options.Inputs = None,
    layer: Annotated[
        str | None,
        typer.Option(
            "--layer",
            metavar="LAYER",
            autocompletion=completers.layer,
            help="Commit to this layer.  [default: the uppermost writable one]",
        ),
    ] = None,
    message: Annotated[
        str, typer.Option("-m", "--message", metavar="TEXT", help="Say what this version is.")
    ] = "",
    tag: Annotated[
        str | None,
        typer.Option("--tag", metavar="TAG", help="Give the version a name of its own, as cas tag does."),
    ] = None,
    on_conflict: Annotated[
        Conflict,
        typer.Option(
            "--on-conflict",
            help="What to do when these properties and inputs were committed before with other content.",
        ),
    ] = Conflict.FAIL,
    dry_run: Annotated[
        bool, typer.Option("-n", "--dry-run", help="Say what would be stored, and store nothing.")
    ] = False,
) -> None:
    """Store a file, a directory or standard input as a version

    What the store has already is not stored again. A version is named by its properties and inputs; without
    any, by its content. Committing the same again changes nothing and is no error.
    """
    invocation = ctx.ensure_object(Invocation)
    properties = options.read_properties(assignments, properties_file)
    with (
        _source(invocation, path) as source,
        invocation.repository() as repository,
        invocation.progress() as progress,
    ):
        from cas.repo.results import OnConflict  # noqa: PLC0415 - loaded with the repository

        result = repository.commit(
            name,
            source,
            properties=properties,
            inputs=inputs or (),
            layer=layer,
            message=message,
            tag=tag,
            on_conflict=OnConflict(on_conflict),
            dry_run=dry_run,
            origin=invocation.origin(),
            progress=progress,
        )
    _show_commit(invocation.console, result)


@contextlib.contextmanager
def _source(invocation: Invocation, path: Path) -> Iterator[Path | IO[bytes]]:
    """Give what is to be read: a path, or standard input for `-`."""
    if str(path) != "-":
        yield path
        return
    if not sys.stdin.readable():
        raise InvalidError(
            "cannot read standard input",
            code="usage",
            why="it is closed",
            hint="pipe the data in, or name a file",
        )
    if sys.stdin.isatty():
        invocation.console.note("reading from the terminal; Ctrl-D ends it")
    with streams.standard_input() as source:
        yield source


def _show_commit(console: Console, result: CommitResult) -> None:
    if console.is_json:
        console.document(documents.commit(result))
        return
    for note in result.notes:
        console.note(text.printable(note))
    reference = result.version.ref
    if console.is_quiet:
        console.line(reference)
        return
    is_directory = result.version.content.is_directory
    amount = (
        f"{text.counted(result.files, 'file')}, {text.size(result.size)}"
        if is_directory
        else text.size(result.size)
    )
    if result.outcome.value in {"created", "replaced"}:
        amount += f"; {text.size(result.new_bytes)} new on disk"
    console.line(f"{result.outcome.value.replace('-', ' ')} {reference}  ({amount})")
    if result.outcome.value == "kept":
        console.note("the content committed before stays; --on-conflict replace would put yours in its place")


@command("checkout", example="cas checkout photos ./work", shape=shapes.CHECKOUT)
def checkout(  # noqa: PLR0913, PLR0917 - as above
    ctx: typer.Context,
    spec: Annotated[
        str | None,
        typer.Argument(metavar="SPEC", autocompletion=completers.spec, help=options.SPEC_HELP),
    ] = None,
    destination: Annotated[
        Path | None,
        typer.Argument(metavar="[DEST]", help="Where to put it.  [default: the last part of the name, here]"),
    ] = None,
    inside: Annotated[
        str | None,
        typer.Option(
            "--path",
            metavar="SUB",
            autocompletion=completers.inside,
            help="Take only this path inside the version.",
        ),
    ] = None,
    link: Annotated[
        Linking,
        typer.Option("--link", help="How files get there; hard links and symlinks are read-only."),
    ] = Linking.COPY,
    force: Annotated[
        bool, typer.Option("-f", "--force", help="Overwrite what is there, local edits too.")
    ] = False,
    view: Annotated[
        Path | None,
        typer.Option(
            "--view",
            metavar="DEST",
            file_okay=False,
            help="Put the union of all layers there, as copies, instead of one version.",
        ),
    ] = None,
) -> None:
    """Put a version, or the whole view, into a directory

    Only what differs is written. Local edits are never overwritten without --force.
    """
    invocation = ctx.ensure_object(Invocation)
    if view is not None:
        if spec or destination or inside or link is not Linking.COPY:
            raise InvalidError(
                "cannot check out the view and a version at once",
                code="usage",
                why="--view DEST takes neither SPEC nor --path nor --link",
                hint="cas checkout --view DEST",
            )
        _export(invocation, view, force=force)
        return
    if spec is None:
        raise InvalidError(
            "`cas checkout` needs SPEC", code="usage", hint="run `cas ls` to see what there is"
        )
    with invocation.repository() as repository, invocation.progress() as progress:
        from cas.worktree.link import Link  # noqa: PLC0415 - loaded with the repository

        result = repository.checkout(
            spec, destination, path=inside, link=Link(link), force=force, progress=progress
        )
    _show_checkout(invocation, result)


def _export(invocation: Invocation, destination: Path, *, force: bool) -> None:
    with invocation.repository() as repository, invocation.progress() as progress:
        report = repository.export_view(destination, force=force, progress=progress)
    if invocation.console.is_json:
        invocation.console.document(documents.export(report))
    else:
        _show_counts(invocation, "the view", report)


def _show_checkout(invocation: Invocation, result: CheckoutResult) -> None:
    console = invocation.console
    if console.is_json:
        console.document(documents.checkout(result))
        return
    for note in result.notes:
        console.note(text.printable(note))
    _show_counts(invocation, result.version.ref, result)


def _show_counts(invocation: Invocation, what: str, result: CheckoutResult | ExportReport) -> None:
    console = invocation.console
    if console.is_quiet:
        console.line(text.printable(str(result.destination)))
        return
    counts = [
        f"{text.counted(result.written, 'file')} written, {text.size(result.bytes_written)}"
        if result.written
        else "",
        f"{text.number(result.removed)} removed" if result.removed else "",
        f"{text.number(result.unchanged)} unchanged" if result.unchanged else "",
    ]
    where = text.printable(invocation.nearby(result.destination))
    told = "; ".join(filter(None, counts)) or "nothing to write"
    console.line(f"checked out {what} to {where}  ({told})")


@command("status", example="cas status ./work", shape=shapes.STATUS.many())
def status(
    ctx: typer.Context,
    destination: Annotated[
        Path | None,
        typer.Argument(
            metavar="[DEST]",
            help="A checkout, or a path in one.  [default: every checkout of the repository]",
        ),
    ] = None,
) -> None:
    """Tell what was changed in checkouts since they were made

    A for added, D for deleted, M for modified, T for another type of file.
    """
    invocation = ctx.ensure_object(Invocation)
    console = invocation.console
    with invocation.repository() as repository, invocation.progress() as progress:
        found = repository.status(destination, progress=progress)
    if console.is_json:
        console.document([documents.status(one) for one in found])
        return
    if not found:
        console.note("nothing is checked out; `cas checkout SPEC` does it")
    for one in found:
        _show_status(console, invocation.nearby(one.destination), one)


def _show_status(console: Console, place: str, found: CheckoutStatus) -> None:
    where = text.printable(place)
    of = found.version.ref if found.version is not None else "a version that is gone"
    if found.is_missing:
        console.line(f"{where}  was {of}, and is not there any more")
    elif not found.is_comparable:
        console.line(f"{where}  was {of}, whose content is not in the store any more: changes are unknown")
    elif not found.changes:
        console.line(f"{where}  is {of}, unchanged")
    else:
        console.line(f"{where}  is {of}, with {versions.summary(found.changes)}")
        console.lines("  " + line for line in versions.changes(console, found.changes))
