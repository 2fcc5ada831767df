"""Plans and runs of pipelines: as tables, as lines, as JSON."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from cas.cli import text
from cas.cli.console import Paint
from cas.cli.render.shapes import Shape
from cas.cli.table import Align, Column, Overlong

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cas.cli.console import Console
    from cas.cli.render.documents import Document
    from cas.graph.outcome import ModuleResult, RunReport
    from cas.graph.plan import Plan, PlannedOutput, Step

MODULE = Shape(
    {
        "module": "string: the name of the module",
        "state": "string: `built`, `skipped`, `failed` or `not-run`; with --check `same` or `different`; "
        "with --dry-run `would-build` or `would-skip`",
        "reasons": "array of strings: why it was built, or not",
        "outputs": Shape(
            {
                "name": "string: the name of the resource",
                "version": "string: its version id",
                "content": "string or null: the content id, if this run made it",
            },
            is_array=True,
        ),
        "seconds": "number: how long it took",
        "size": "number: bytes that it made",
        "mismatches": Shape(
            {
                "name": "string: the name of the resource",
                "version": "string: its version id",
                "stored": "string: the content id that is stored",
                "made": "string: the content id that came out this time",
            },
            is_array=True,
        ),
        "error": "object or null: `code`, `what`, `why` and `hint`, if it failed",
        "blockers": "array of strings: the failed modules because of which it was not run",
        "kept": "string or null: where its files are, with --keep-work",
        "notes": "array of strings: what else there is to say",
    },
    name="module run",
)

ALL_LISTED = 50
"""In a run of more modules, those that were skipped are counted and not listed."""

# The values of `cas.graph.outcome.State`, without importing it for a page of help.
_PAINTS = {
    "built": Paint.GOOD,
    "same": Paint.GOOD,
    "skipped": Paint.FAINT,
    "different": Paint.BAD,
    "failed": Paint.BAD,
    "not-run": Paint.CHANGED,
}


def module_document(result: ModuleResult) -> Document:
    """Describe what happened to a module."""
    contents = {made.version.name: str(made.version.content) for made in result.made}
    return {
        "module": result.module,
        "state": result.state.value,
        "reasons": list(result.reasons),
        "outputs": [_output(one, contents.get(one.name)) for one in result.outputs],
        "seconds": round(result.seconds, 3),
        "size": result.size,
        "mismatches": [
            {
                "name": one.output.name,
                "version": str(one.output.version),
                "stored": str(one.stored),
                "made": str(one.made),
            }
            for one in result.mismatches
        ],
        "error": result.error.as_dict() if result.error is not None else None,
        "blockers": list(result.blockers),
        "kept": str(result.kept) if result.kept is not None else None,
        "notes": list(result.notes),
    }


def step_document(step: Step) -> Document:
    """Describe what would happen to a module."""
    return {
        "module": step.module.name,
        "state": f"would-{step.action.value}",
        "reasons": list(step.reasons),
        "outputs": [_output(one, None) for one in step.outputs],
        "seconds": 0.0,
        "size": 0,
        "mismatches": [],
        "error": None,
        "blockers": [],
        "kept": None,
        "notes": [],
    }


def plan_lines(console: Console, plan: Plan) -> Iterator[str]:
    """Say what would be built and why; what would not is listed where it is not much."""
    is_short = len(plan.steps) <= ALL_LISTED
    for step in plan.steps:
        is_built = step.action.value == "build"
        if is_built or is_short:
            paint = Paint.GOOD if is_built else Paint.FAINT
            yield f"{console.paint(f'{step.action.value:5}', paint)}  {text.printable(step.module.name)}"
        if is_built:
            yield from (f"         {text.printable(reason)}" for reason in step.reasons)
    count = sum(step.action.value == "build" for step in plan.steps)
    yield f"would build {text.number(count)} of {text.counted(len(plan.steps), 'module')}"


def summary(console: Console, report: RunReport) -> str:
    """Say how many modules came to which end."""
    counts = Counter(one.state.value for one in report.modules)
    return ", ".join(
        console.paint(f"{_words(state)} {text.number(counts[state])}", paint)
        for state, paint in _PAINTS.items()
        if counts[state]
    )


def report_table(report: RunReport) -> tuple[list[Column], list[list[str]]]:
    """Lay out what happened to the modules, one line each."""
    columns = [
        Column("MODULE", floor=12, overlong=Overlong.KEPT),
        Column("ACTION"),
        Column("SECONDS", Align.RIGHT),
        Column("SIZE", Align.RIGHT, hides_when_empty=True),
        Column("WHY", floor=12, is_droppable=True, hides_when_empty=True),
    ]
    is_short = len(report.modules) <= ALL_LISTED
    rows = [_row(one) for one in report.modules if is_short or one.state.value != "skipped"]
    return columns, rows


def _row(result: ModuleResult) -> list[str]:
    has_run = result.state.value not in {"skipped", "not-run"}
    return [
        result.module,
        _words(result.state.value),
        f"{result.seconds:.1f}" if has_run else "",
        text.size(result.size) if result.made else "",
        _why(result),
    ]


def _why(result: ModuleResult) -> str:
    """Say why a module did not run; why one did is what --dry-run is for."""
    if result.blockers:
        return f"needs {', '.join(result.blockers)}"
    return "; ".join(result.reasons) if result.state.value == "skipped" else ""


def references(result: ModuleResult) -> list[str]:
    """List what a module made that was not there before; of a check, what came out with other bytes."""
    if result.mismatches:
        return [one.output.ref for one in result.mismatches]
    return [made.version.ref for made in result.made] if result.state.value == "built" else []


def mismatch_lines(report: RunReport) -> Iterator[str]:
    """Show which outputs came out with other bytes, with both content ids."""
    for result in report.modules:
        for one in result.mismatches:
            yield f"{text.printable(one.output.ref)} came out with other bytes"
            yield f"  stored  {one.stored}"
            yield f"  made    {one.made}"


def _words(state: str) -> str:
    return state.replace("-", " ")


def _output(output: PlannedOutput, content: str | None) -> Document:
    return {"name": output.name, "version": str(output.version), "content": content}
