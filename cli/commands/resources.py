"""Remote resources: resources list, resources download, resources check."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, TypeAlias

import typer

from cas.cli import completers, text
from cas.cli.command import command
from cas.cli.context import Invocation, view_of
from cas.cli.errors import ExitCode, explain
from cas.cli.render import resources

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cas.cli.console import Console
    from cas.registry.checks import Finding
    from cas.registry.downloads import Result
    from cas.registry.entry import RemoteEntry
    from cas.registry.listing import Listed

DEFAULT_FILE: Final = Path("remote.yaml")

File: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--file", metavar="FILE", dir_okay=False, help="The registry.  [default: remote.yaml, here]"
    ),
]

Offline: TypeAlias = Annotated[bool, typer.Option("--offline", help="Ask nobody: use what is here.")]


@command("resources list", example="cas resources list", shape=resources.RESOURCE)
def list_resources(
    ctx: typer.Context,
    file: File = None,
    offline: Offline = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Fail if the far side of an entry cannot be asked.")
    ] = False,
) -> None:
    """List the remote resources of a registry

    With their sizes, which the far side is asked for, and whether each is here already.
    """
    from cas.registry import listing  # noqa: PLC0415 - the transport, only where it is asked for

    invocation = ctx.ensure_object(Invocation)
    entries = _load(invocation, file)
    settings = None if offline else invocation.settings()
    with invocation.view() as view:
        found = listing.list(entries, view=view, settings=settings)
    _show_list(invocation.console, found)
    if strict and any(one.problem is not None for one in found):
        raise typer.Exit(ExitCode.FAILED)


def _show_list(console: Console, found: Sequence[Listed]) -> None:
    if console.is_json:
        console.document([resources.listed(one) for one in found])
        return
    if console.is_quiet:
        console.lines(text.printable(one.entry.name) for one in found)
        return
    console.table(resources.LISTING_COLUMNS, resources.listing_rows(found))
    for one in found:
        if one.problem is not None:
            console.note(f"the size of {text.printable(f'{one.entry.name} is unknown: {one.problem}')}")


@command("resources download", example="cas resources download inception", shape=resources.DOWNLOAD)
def download_resources(
    ctx: typer.Context,
    ids: Annotated[
        list[str],
        typer.Argument(
            metavar="ID...",
            autocompletion=completers.resource,
            help="What to download, as the registry calls it; ALL is all of it.",
        ),
    ],
    file: File = None,
    offline: Annotated[
        bool, typer.Option("--offline", help="Ask nobody: what was downloaded before is put back.")
    ] = False,
) -> None:
    """Download remote resources to where they belong

    Into the writable directory layer and, in a repository, as a version of the name that is its path. What is
    here already is not fetched again. One that fails does not keep the others from coming.
    """
    from cas.registry.choice import choose  # noqa: PLC0415 - as above
    from cas.registry.downloads import download  # noqa: PLC0415

    invocation = ctx.ensure_object(Invocation)
    entries = choose(_load(invocation, file), ids)
    with invocation.repository_if_any() as repository, invocation.progress() as progress:
        results = download(
            entries,
            view=view_of(repository),
            repository=repository,
            settings=invocation.settings(),
            is_offline=offline,
            origin=invocation.origin(),
            progress=progress,
        )
    failed = [one.error for one in results if one.error is not None]
    if failed and len(results) == 1:
        raise failed[0]
    _show_results(invocation, results)
    if failed:
        raise typer.Exit(ExitCode.FAILED)


def _show_results(invocation: Invocation, results: list[Result]) -> None:
    console = invocation.console
    if console.is_json:
        console.document([resources.result(one) for one in results])
        return
    for one in results:
        for note in one.notes if one.error is None else ():  # an error says them itself
            console.note(text.printable(f"{one.entry.name}: {note}"))
        if one.error is not None:
            explain(one.error).show(console)
        elif one.path is not None and console.is_quiet:
            console.line(text.printable(str(one.path)))
        elif one.path is not None:
            console.line(_line(one, invocation.nearby(one.path)))
    if len(results) > 1 and not console.is_quiet:
        counts = Counter(one.outcome.value for one in results)
        console.line(", ".join(f"{count:,} {outcome}" for outcome, count in counts.items()))


def _line(one: Result, path: str) -> str:
    kept = "" if one.version is None else f", {'now' if one.is_committed else 'still'} {one.version.ref}"
    return text.printable(f"{one.outcome.value} {one.entry.name}  ({text.size(one.size)}) in {path}{kept}")


@command("resources check", example="cas resources check", shape=resources.CHECK)
def check_resources(
    ctx: typer.Context,
    ids: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="ID...",
            autocompletion=completers.resource,
            help="What to check.  [default: everything the registry lists]",
        ),
    ] = None,
    file: File = None,
    offline: Offline = False,
) -> None:
    """Check remote resources, at the far side and here

    Asks every source and every mirror, and re-hashes what was downloaded. The exit status is 5 if something
    here is damaged, 1 if something else is wrong.
    """
    from cas.registry.checks import About, check  # noqa: PLC0415 - as above
    from cas.registry.choice import choose  # noqa: PLC0415

    invocation = ctx.ensure_object(Invocation)
    entries = _load(invocation, file)
    chosen = choose(entries, ids) if ids else entries
    settings = None if offline else invocation.settings()
    with invocation.repository_if_any() as repository, invocation.progress() as progress:
        findings = check(
            chosen, view=view_of(repository), settings=settings, repository=repository, progress=progress
        )
    _show_findings(invocation.console, findings)
    if any(one.about is About.DAMAGE for one in findings):
        raise typer.Exit(ExitCode.DAMAGE)
    if not all(one.is_well for one in findings):
        raise typer.Exit(ExitCode.FAILED)


def _show_findings(console: Console, findings: list[Finding]) -> None:
    if console.is_json:
        console.document([resources.finding(one) for one in findings])
        return
    shown = [one for one in findings if not (console.is_quiet and one.is_well)]
    if console.is_quiet:
        console.lines(dict.fromkeys(text.printable(one.entry.name) for one in shown))
    else:
        console.table(resources.FINDING_COLUMNS, resources.finding_rows(shown))
        for note in dict.fromkeys(resources.advice(shown)):
            console.note(text.printable(note))


def _load(invocation: Invocation, file: Path | None) -> tuple[RemoteEntry, ...]:
    """Read the registry. That nobody named one, and there is none, is no error."""
    from cas.registry.registry_file import load  # noqa: PLC0415 - as above

    if file is None and not os.path.lexists(DEFAULT_FILE):
        above = _registry_above()
        then = f"to use the one above, add --file {above}" if above else "so there are no remote resources"
        invocation.console.note(text.printable(f"there is no '{DEFAULT_FILE}' here; {then}"))
        return ()
    return load(file or DEFAULT_FILE)


def _registry_above() -> str | None:
    """Find the nearest registry above. It is not used unasked: what it lists belongs below where it is."""
    for depth, folder in enumerate(Path.cwd().parents, 1):
        if (folder / DEFAULT_FILE).is_file():
            return str(Path(*[os.pardir] * depth, DEFAULT_FILE))
    return None
