"""Keep the store healthy: gc, verify, recover, stats."""

from __future__ import annotations

from datetime import timedelta  # noqa: TC003 - typer evaluates the annotations of commands
from typing import TYPE_CHECKING, Annotated

import typer

from cas.cli import durations, text
from cas.cli.command import command
from cas.cli.console import Paint
from cas.cli.context import Invocation
from cas.cli.errors import ExitCode
from cas.cli.render import documents, shapes, versions
from cas.cli.table import Align, Column, Overlong

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cas.cli.console import Console
    from cas.maintenance.collect import GcReport
    from cas.maintenance.recover import RecoverReport
    from cas.maintenance.stats import Stats
    from cas.maintenance.verify import Problem, VerifyReport

_LARGEST_SHOWN = 5


@command("gc", example="cas gc --keep-removed 14d", shape=shapes.GC)
def gc(
    ctx: typer.Context,
    dry_run: Annotated[
        bool, typer.Option("-n", "--dry-run", help="Say what would be freed, and free nothing.")
    ] = False,
    keep_removed: Annotated[
        timedelta | None,
        typer.Option(
            "--keep-removed",
            metavar="AGE",
            parser=durations.option,
            help="Keep what was removed less than this ago: 30m, 12h, 14d, 2w.",
        ),
    ] = None,
) -> None:
    """Free the space of what was removed

    Safe while others commit and check out. What is collected cannot be restored. What a checkout with
    --link symlink leads to is kept as long as it does, and said so.
    """
    invocation = ctx.ensure_object(Invocation)
    with invocation.repository() as repository, invocation.progress() as progress:
        report = repository.gc(dry_run=dry_run, keep_removed=keep_removed, progress=progress)
    _show_gc(invocation.console, report)


def _show_gc(console: Console, report: GcReport) -> None:
    if console.is_json:
        console.document(documents.gc(report))
        return
    for note in report.notes:
        console.note(text.printable(note))
    if console.is_quiet:
        return
    freed = sorted(report.freed, key=lambda one: (one.name, one.layer, -one.bytes))
    layers = versions.layer_labels(one.layer for one in freed)
    console.table(
        [versions.reference_column(), versions.LAYER, Column("FREES", Align.RIGHT)],
        [[f"{one.name}@{one.version.short}", layers[one.layer], text.size(one.bytes)] for one in freed],
    )
    console.line(_gc_summary(report))


def _gc_summary(report: GcReport) -> str:
    stay = text.counted(report.live_objects, "object")
    if not (report.objects_deleted or report.bytes_freed or report.packs_deleted or report.leftovers):
        return f"nothing to free; {stay} in use"
    verb = "would free" if report.dry_run else "freed"
    parts = [
        text.counted(report.objects_deleted, "object"),
        f"{text.counted(report.packs_deleted, 'pack')} deleted",
    ]
    if report.packs_rewritten:
        parts.append(f"{report.packs_rewritten:,} rewritten")
    if report.leftovers:
        parts.append(text.counted(report.leftovers, "leftover"))
    return f"{verb} {text.size(report.bytes_freed)}: {', '.join(parts)}; {stay} stay"


@command("verify", example="cas verify --quick", shape=shapes.VERIFY)
def verify(
    ctx: typer.Context,
    quick: Annotated[
        bool, typer.Option("--quick", help="Look at the index and the packs, and re-hash no content.")
    ] = False,
    repair: Annotated[
        bool, typer.Option("--repair", help="Replace what is damaged by a good copy, where there is one.")
    ] = False,
) -> None:
    """Check that everything stored is what it was

    The exit status is 5 if there is damage that was not repaired.
    """
    invocation = ctx.ensure_object(Invocation)
    with invocation.repository() as repository, invocation.progress() as progress:
        report = repository.verify(quick=quick, repair=repair, progress=progress)
    _show_verify(invocation.console, report)
    if any(not problem.repaired for problem in report.problems):
        raise typer.Exit(ExitCode.DAMAGE)


def _show_verify(console: Console, report: VerifyReport) -> None:
    if console.is_json:
        console.document(documents.verify(report))
        return
    for problem in report.problems:
        console.lines(_problem(console, problem))
    if console.is_quiet:
        return
    looked = f"{text.counted(report.objects, 'object')} in {text.counted(report.packs, 'pack')}"
    how = "looked at" if report.quick else "verified"
    repaired = sum(problem.repaired for problem in report.problems)
    left = len(report.problems) - repaired
    found = f"{text.counted(left, 'problem')} left" if left else "no damage"
    if repaired:
        found = f"{repaired:,} repaired, {found}"
    console.line(f"{how} {looked}, {text.size(report.bytes)}: {found}")
    if left:
        console.note(
            "`cas verify --repair` looks for good copies; commit the sources again to bring the rest back"
        )


def _problem(console: Console, problem: Problem) -> Iterator[str]:
    label = console.paint("repaired", Paint.GOOD) if problem.repaired else console.paint("damaged", Paint.BAD)
    yield f"{label}  {text.printable(problem.what)}  ({problem.code})"
    for reference in problem.affected:
        yield f"    used by {text.printable(reference)}"


@command("recover", example="cas recover", shape=shapes.RECOVER)
def recover(ctx: typer.Context) -> None:
    """Rebuild the index when it is lost or damaged

    From the packs and the journal. The exit status is 5 if something could not be brought back.
    """
    from cas.repo import Repository  # noqa: PLC0415 - the whole library

    invocation = ctx.ensure_object(Invocation)
    with invocation.progress() as progress:
        report = Repository.recover(invocation.repository_directory(), progress=progress)
    _show_recover(invocation.console, report)
    if report.lost:
        raise typer.Exit(ExitCode.DAMAGE)


def _show_recover(console: Console, report: RecoverReport) -> None:
    if console.is_json:
        console.document(documents.recover(report))
        return
    for lost in report.lost:
        console.line(f"{console.paint('lost', Paint.BAD)}  {text.printable(lost)}")
    if not console.is_quiet:
        found = f"{text.counted(report.versions, 'version')} and {text.counted(report.tags, 'tag')}"
        read = f"{text.counted(report.objects, 'object')} in {text.counted(report.packs, 'pack')}"
        console.line(f"recovered {found} from the {report.source}, {read}")


@command("stats", example="cas stats", shape=shapes.STATS)
def stats(ctx: typer.Context) -> None:
    """Show how much is stored, and how much was saved"""
    invocation = ctx.ensure_object(Invocation)
    console = invocation.console
    with invocation.repository() as repository, invocation.progress() as progress:
        found = repository.stats(progress=progress)
    if console.is_json:
        console.document(documents.stats(found))
    else:
        console.lines(_summary(found))
        if found.per_name:
            _show_names(console, found)


def _summary(found: Stats) -> Iterator[str]:
    rows = (
        (
            "logical",
            found.logical_bytes,
            f"{text.counted(found.versions, 'version')} of {text.counted(found.names, 'name')}",
        ),
        ("unique", found.unique_bytes, f"{found.dedup_ratio:.2f}x smaller: equal chunks are stored once"),
        ("on disk", found.stored_bytes, f"{found.compression_ratio:.2f}x smaller: compressed"),
        ("garbage", found.garbage_bytes, "what `cas gc` could free"),
    )
    for label, count, told in rows:
        yield f"{label:<8} {text.size(count):>10}  {told}"
    yield f"{'':<8} {'':>10}  {text.counted(found.objects, 'object')} in {text.counted(found.packs, 'pack')}"


def _show_names(console: Console, found: Stats) -> None:
    columns = [
        Column("NAME", floor=16, overlong=Overlong.KEPT),
        versions.LAYER,
        Column("VERSIONS", Align.RIGHT),
        Column("LOGICAL", Align.RIGHT),
        Column("ONLY ITS OWN", Align.RIGHT),
    ]
    layers = versions.layer_labels(one.layer for one in found.per_name)
    console.line()
    console.table(
        columns,
        [
            [
                one.name,
                layers[one.layer],
                text.number(one.versions),
                text.size(one.logical),
                text.size(one.unique),
            ]
            for one in found.per_name
        ],
    )
    console.line()
    console.table(*versions.version_table(found.largest[:_LARGEST_SHOWN], title="LARGEST"))
