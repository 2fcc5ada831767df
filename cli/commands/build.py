"""Build what a pipeline file describes."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - typer evaluates the annotations of commands
from typing import TYPE_CHECKING, Annotated

import typer

from cas.cli import text
from cas.cli.command import command
from cas.cli.context import Invocation
from cas.cli.errors import ExitCode
from cas.cli.render import runs
from cas.errors import InvalidError

if TYPE_CHECKING:
    from cas.cli.console import Console
    from cas.graph.outcome import RunReport
    from cas.graph.plan import Plan


@command("build", example="cas build pipeline.yaml --dry-run", shape=runs.MODULE.many())
def build(  # noqa: PLR0913, PLR0917 - typer hands over one argument for each option
    ctx: typer.Context,
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", dir_okay=False, help="The pipeline file, in YAML; see docs/pipelines.md."
        ),
    ],
    targets: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[TARGET...]",
            help="Modules, or resources that they make, with all they need.  [default: every module]",
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("-n", "--dry-run", help="Say what would be built and why, and build nothing.")
    ] = False,
    force: Annotated[
        bool,
        typer.Option(
            "-f",
            "--force",
            help="Build the targets even if they are there; other bytes take the place of the old.",
        ),
    ] = False,
    check: Annotated[
        bool,
        typer.Option(
            "--check",
            help="Build the targets once more, store nothing, and compare the bytes with the stored.",
        ),
    ] = False,
    jobs: Annotated[
        int | None,
        typer.Option(
            "-j",
            "--jobs",
            min=1,
            metavar="N",
            help="Run so many modules at a time.  [default: as many as there are processors]",
        ),
    ] = None,
    keep_work: Annotated[
        bool, typer.Option("--keep-work", help="Leave the files of every module that runs in ./cas-work.")
    ] = False,
) -> None:
    """Build what a pipeline makes

    Only what is not there yet is built; every version is known before anything runs. A module that fails
    stops only those that need it. The exit status is 1 if a module failed, and 4 if --check found other
    bytes.
    """
    from cas.cli.building import manner, without_collector  # noqa: PLC0415 - the whole library
    from cas.graph.fill import fill_graph  # noqa: PLC0415 - as above
    from cas.graph.pins import pin  # noqa: PLC0415 - as above
    from cas.graph.pipeline_file import load_pipeline  # noqa: PLC0415 - as above
    from cas.graph.plan import plan  # noqa: PLC0415 - as above
    from cas.graph.reproduce import check as check_plan  # noqa: PLC0415 - as above
    from cas.graph.run import run  # noqa: PLC0415 - as above

    if check and (force or dry_run):
        raise InvalidError(
            f"`cas build` cannot use --check with {'--force' if force else '--dry-run'}",
            code="usage",
            why="a check builds everything that is there, and stores nothing",
        )
    invocation = ctx.ensure_object(Invocation)
    with without_collector(), invocation.repository() as repository:
        graph = load_pipeline(file)
        if targets:
            graph = graph.select(targets)
        planned = plan(repository, fill_graph(graph, pin(repository, graph)), force=force)
    if dry_run:
        _show_plan(invocation.console, planned)
        return
    building = [step for step in planned.steps if step.action.value == "build"]
    count = len(graph.targets) if check else len(building)
    how = manner(invocation, modules=count, jobs=jobs, is_forced=force, keeps_work=keep_work)
    report = (check_plan if check else run)(invocation.repository, planned, how)
    _show_report(invocation.console, report)


def _show_plan(console: Console, planned: Plan) -> None:
    if console.is_json:
        console.document([runs.step_document(step) for step in planned.steps])
    elif console.is_quiet:
        built = (step for step in planned.steps if step.action.value == "build")
        console.lines(text.printable(output.ref) for step in built for output in step.outputs)
    else:
        console.lines(runs.plan_lines(console, planned))


def _show_report(console: Console, report: RunReport) -> None:
    """Write what a run did; anything that failed decides the exit status."""
    from cas.cli.building import show_trouble  # noqa: PLC0415 - as above

    if console.is_json:
        console.document([runs.module_document(result) for result in report.modules])
    elif console.is_quiet:
        console.lines(text.printable(ref) for one in report.modules for ref in runs.references(one))
    else:
        console.table(*runs.report_table(report))
        console.lines(runs.mismatch_lines(report))
        console.line(runs.summary(console, report) or "there are no modules")
    show_trouble(console, report.modules)
    states = {result.state.value for result in report.modules}
    if "failed" in states:
        raise typer.Exit(ExitCode.FAILED)
    if "different" in states:
        raise typer.Exit(ExitCode.CONFLICT)
