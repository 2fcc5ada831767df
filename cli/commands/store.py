"""Put data in and take it out: init, commit, checkout, status."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cas.cli import completion, options
from cas.cli.command import argument, command
from cas.cli.context import Invocation, pass_invocation
from cas.cli.render import documents, shapes, text, versions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cas.cli.console import Console
    from cas.repo.results import CheckoutResult, CheckoutStatus, CommitResult

_LINKS = ("copy", "reflink", "hardlink", "symlink")
_ON_CONFLICT = ("fail", "keep", "replace")


@command("init", example="cas init", shape=shapes.INIT)
@argument(
    "directory",
    metavar="[DIR]",
    required=False,
    type=click.Path(file_okay=False, path_type=Path),
    help="The directory to make it in.  [default: --repo, or here]",
)
@pass_invocation
def init(invocation: Invocation, directory: Path | None) -> None:
    """Make a repository

    It lives in DIR/.cas and serves DIR and everything below.
    """
    from cas.repo import Repository  # noqa: PLC0415 - the whole library

    console = invocation.console
    with Repository.init(directory or invocation.new_repository_directory()) as repository:
        root, repository_id = repository.layout.root, repository.config.repository_id
    if console.is_json:
        console.document({"repository": str(root), "id": repository_id})
    elif console.is_quiet:
        console.line(text.printable(str(root)))
    else:
        console.line(f"made a repository in {text.printable(str(root))}")
        console.note("next: cas commit NAME PATH")


@command("commit", example='cas commit photos ./photos -p camera=x100 -m "first import"', shape=shapes.COMMIT)
@argument(
    "name", metavar="NAME", shell_complete=completion.complete_name, help="What the resource is called."
)
@argument(
    "path",
    metavar="PATH",
    type=click.Path(allow_dash=True, path_type=Path),
    help="The file or directory to store; - reads standard input.",
)
@options.properties
@options.inputs
@options.layer("Commit to this layer.  [default: the uppermost writable one]")
@click.option("-m", "--message", metavar="TEXT", default="", help="Say what this version is.")
@click.option("--tag", metavar="TAG", help="Give the version a name of its own, as cas tag does.")
@click.option(
    "--on-conflict",
    type=click.Choice(_ON_CONFLICT),
    default="fail",
    show_default=True,
    help="What to do when these properties and inputs were committed before with other content.",
)
@options.dry_run("Say what would be stored, and store nothing.")
@pass_invocation
def commit(  # noqa: PLR0913, PLR0917 - click hands over one argument for each option
    invocation: Invocation,
    name: str,
    path: Path,
    assignments: Sequence[str],
    properties_file: Path | None,
    inputs: Sequence[str],
    layer: str | None,
    message: str,
    tag: str | None,
    on_conflict: str,
    dry_run: bool,
) -> None:
    """Store a file, a directory or standard input as a version

    What the store has already is not stored again. A version is named by its properties and inputs; without
    any, by its content. Committing the same again changes nothing and is no error.
    """
    properties = options.read_properties(assignments, properties_file)
    is_stdin = str(path) == "-"
    if is_stdin and sys.stdin.isatty():
        invocation.console.note("reading from the terminal; Ctrl-D ends it")
    with invocation.repository() as repository, invocation.progress() as progress:
        from cas.repo.results import OnConflict  # noqa: PLC0415 - loaded with the repository

        result = repository.commit(
            name,
            sys.stdin.buffer if is_stdin else path,
            properties=properties,
            inputs=inputs,
            layer=layer,
            message=message,
            tag=tag,
            on_conflict=OnConflict(on_conflict),
            dry_run=dry_run,
            origin=invocation.origin(),
            progress=progress,
        )
    _show_commit(invocation.console, result)


def _show_commit(console: Console, result: CommitResult) -> None:
    if console.is_json:
        console.document(documents.commit(result))
        return
    for note in result.notes:
        console.note(text.printable(note))
    reference = versions.reference(result.version)
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
@argument("spec", metavar="SPEC", shell_complete=completion.complete_spec, help=options.SPEC_HELP)
@argument(
    "destination",
    metavar="[DEST]",
    required=False,
    type=click.Path(path_type=Path),
    help="Where to put it.  [default: the last part of the name, here]",
)
@click.option(
    "--path",
    "inside",
    metavar="SUB",
    shell_complete=completion.complete_inside,
    help="Take only this path inside the version.",
)
@click.option(
    "--link",
    type=click.Choice(_LINKS),
    default="copy",
    show_default=True,
    help="How files get there; hard links and symlinks are read-only.",
)
@click.option("-f", "--force", is_flag=True, help="Overwrite what is there, local edits too.")
@pass_invocation
def checkout(  # noqa: PLR0913, PLR0917 - as above
    invocation: Invocation, spec: str, destination: Path | None, inside: str | None, link: str, force: bool
) -> None:
    """Put a version into a directory

    Only what differs is written. Local edits are never overwritten without --force.
    """
    with invocation.repository() as repository, invocation.progress() as progress:
        from cas.worktree.link import Link  # noqa: PLC0415 - loaded with the repository

        result = repository.checkout(
            spec, destination, path=inside, link=Link(link), force=force, progress=progress
        )
    _show_checkout(invocation.console, result)


def _show_checkout(console: Console, result: CheckoutResult) -> None:
    if console.is_json:
        console.document(documents.checkout(result))
        return
    for note in result.notes:
        console.note(text.printable(note))
    where = text.printable(str(result.destination))
    if console.is_quiet:
        console.line(where)
        return
    counts = [
        f"{text.counted(result.written, 'file')} written, {text.size(result.bytes_written)}"
        if result.written
        else "",
        f"{text.number(result.removed)} removed" if result.removed else "",
        f"{text.number(result.unchanged)} unchanged" if result.unchanged else "",
    ]
    told = "; ".join(filter(None, counts)) or "nothing to write"
    console.line(f"checked out {versions.reference(result.version)} to {where}  ({told})")


@command("status", example="cas status ./work", shape=shapes.STATUS.many())
@argument(
    "destination",
    metavar="[DEST]",
    required=False,
    type=click.Path(path_type=Path),
    help="A checkout, or a path in one.  [default: every checkout of the repository]",
)
@pass_invocation
def status(invocation: Invocation, destination: Path | None) -> None:
    """Tell what was changed in checkouts since they were made

    A for added, D for deleted, M for modified, T for another type of file.
    """
    console = invocation.console
    with invocation.repository() as repository, invocation.progress() as progress:
        found = repository.status(destination, progress=progress)
    if console.is_json:
        console.document([documents.status(one) for one in found])
        return
    if not found:
        console.note("nothing is checked out; `cas checkout SPEC` does it")
    for one in found:
        _show_status(console, one)


def _show_status(console: Console, found: CheckoutStatus) -> None:
    where = text.printable(str(found.destination))
    of = versions.reference(found.version) if found.version is not None else "a version that is gone"
    if found.is_missing:
        console.line(f"{where}  was {of}, and is not there any more")
    elif not found.changes:
        console.line(f"{where}  is {of}, unchanged")
    else:
        console.line(f"{where}  is {of}, with {versions.summary(found.changes)}")
        console.lines("  " + line for line in versions.changes(console, found.changes))
