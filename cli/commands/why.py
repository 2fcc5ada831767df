"""Explain versions: why."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - typer evaluates the annotations
from typing import TYPE_CHECKING, Annotated

import typer

from cas.cli import completers, text
from cas.cli.command import command
from cas.cli.console import Paint
from cas.cli.context import Invocation
from cas.cli.render import explained
from cas.errors import InvalidError

if TYPE_CHECKING:
    from cas.cli.console import Console
    from cas.graph.expected import Expected
    from cas.graph.why import Difference
    from cas.repo import Repository


@command("why", example="cas why photos", shape=explained.WHY)
def why(
    ctx: typer.Context,
    a: Annotated[
        str,
        typer.Argument(
            metavar="A",
            autocompletion=completers.spec,
            help="A version: a SPEC; with --pipeline a module or a resource that the pipeline makes.",
        ),
    ],
    b: Annotated[
        str | None,
        typer.Argument(
            metavar="[B]",
            autocompletion=completers.spec,
            help="The version to explain; without it A is explained against the version before it.",
        ),
    ] = None,
    pipeline: Annotated[
        Path | None,
        typer.Option(
            "--pipeline",
            metavar="FILE",
            dir_okay=False,
            help="Say why this pipeline would build A, or that it would not.",
        ),
    ] = None,
) -> None:
    """Tell which property or input made a version another one

    Differences are followed through the inputs down to where they come from. Removed versions can be
    explained too.
    """
    if pipeline is not None and b is not None:
        raise InvalidError(
            "`cas why --pipeline` takes one name",
            code="usage",
            why=f"'{b}' is the second",
            hint=f"run `cas why {a} --pipeline {pipeline}`",
        )
    invocation = ctx.ensure_object(Invocation)
    with invocation.repository() as repository:
        if pipeline is None:
            _show_difference(invocation.console, _compare(repository, a, b))
        else:
            _show_expected(invocation.console, _expect(repository, pipeline, a))


def _compare(repository: Repository, a: str, b: str | None) -> Difference:
    from cas.graph.records import Records  # noqa: PLC0415 - the graph layer, only where it is asked for
    from cas.graph.why import compare_versions, version_before  # noqa: PLC0415 - as above

    records = Records(repository)
    first = records.find(a)
    if b is None:
        return compare_versions(repository, version_before(repository, first), first)
    return compare_versions(repository, first, records.find(b))


def _expect(repository: Repository, pipeline: Path, target: str) -> list[Expected]:
    from cas.graph.expected import explain_target  # noqa: PLC0415 - as above
    from cas.graph.pipeline_file import load_pipeline  # noqa: PLC0415 - as above

    return explain_target(repository, load_pipeline(pipeline), target)


def _show_difference(console: Console, found: Difference) -> None:
    if console.is_json:
        console.document([explained.difference(found)])
        return
    if not console.is_quiet:
        refs = f"{found.old.ref} -> {found.new.ref}"
        console.line(console.paint(text.printable(refs), Paint.STRONG))
    console.lines(explained.lines(found.causes))
    if not found.causes:
        same = found.old.content == found.new.content
        console.note(
            "both have the same properties and inputs"
            + ("" if same else ", but other content: what made them is not reproducible")
        )


def _show_expected(console: Console, found: list[Expected]) -> None:
    if console.is_json:
        console.document([explained.expected(one) for one in found])
        return
    for one in found:
        ref = f"{one.name}@{one.version.short}"
        if not console.is_quiet:
            console.line(console.paint(text.printable(ref), Paint.STRONG))
        console.lines(explained.lines(one.causes))
        if not one.causes:
            console.note(f"{text.printable(ref)} is there: nothing to build")
