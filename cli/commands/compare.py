"""Compare and search: diff, find, id."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from cas.cli import completers, options, text
from cas.cli.command import command
from cas.cli.console import Paint
from cas.cli.context import Invocation
from cas.cli.render import documents, shapes, versions
from cas.ids import VersionId

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cas.cli.console import Console
    from cas.repo.results import Difference, PropertyChange


@command("diff", example="cas diff photos@~1 photos", shape=shapes.DIFF)
def diff(
    ctx: typer.Context,
    a: Annotated[
        str,
        typer.Argument(metavar="A", autocompletion=completers.spec, help="The version before: a SPEC."),
    ],
    b: Annotated[
        str,
        typer.Argument(metavar="B", autocompletion=completers.spec, help="The version after: a SPEC."),
    ],
) -> None:
    """Tell how two versions differ: properties, inputs, files

    A for added, D for deleted, M for modified, T for another type of file. Equal directories are not
    read, so this is quick however large they are.
    """
    invocation = ctx.ensure_object(Invocation)
    console = invocation.console
    with invocation.repository() as repository:
        found = repository.diff(a, b)
    if console.is_json:
        console.document(documents.difference(found))
    elif console.is_quiet:
        console.lines(text.printable(change.path) for change in found.changes)
    else:
        _show_difference(console, found)


def _show_difference(console: Console, found: Difference) -> None:
    console.line(f"{console.paint('---', Paint.GONE)} {text.printable(found.a.ref)}")
    console.line(f"{console.paint('+++', Paint.GOOD)} {text.printable(found.b.ref)}")
    console.lines(_values(console, "property", found.properties))
    console.lines(_values(console, "input", found.inputs))
    console.lines(versions.changes(console, found.changes))
    console.line(console.paint(versions.summary(found.changes), Paint.FAINT))


def _values(console: Console, kind: str, changed: Sequence[PropertyChange]) -> Iterator[str]:
    for one in changed:
        key = text.printable(one.key)
        old = text.printable(_form(one.old)) if one.old is not None else ""
        new = text.printable(_form(one.new)) if one.new is not None else ""
        match old, new:
            case "", _:
                yield f"{console.paint('A', Paint.GOOD)}  {kind} {key}: {new}"
            case _, "":
                yield f"{console.paint('D', Paint.GONE)}  {kind} {key}: {old}"
            case _:
                yield f"{console.paint('M', Paint.CHANGED)}  {kind} {key}: {old} -> {new}"


def _form(value: object) -> str:
    """Write a value so that a text and a number look different; an input is a version, and short."""
    return value.short if isinstance(value, VersionId) else json.dumps(value, ensure_ascii=False)


@command("find", example="cas find camera=x100", shape=shapes.VERSION.many())
def find(
    ctx: typer.Context,
    conditions: Annotated[
        list[str],
        typer.Argument(
            metavar="KEY=VALUE...",
            help="Properties that must all match: KEY=TEXT, numbers too, or KEY:=JSON.",
        ),
    ],
) -> None:
    """Find versions by their properties

    Finding nothing is no error: the exit status is 0 and the result is empty.
    """
    invocation = ctx.ensure_object(Invocation)
    console = invocation.console
    wanted = options.read_conditions(conditions)
    with invocation.repository() as repository:
        found = repository.find(wanted)
    if console.is_json:
        console.document(documents.versions(found))
    elif console.is_quiet:
        console.lines(text.printable(one.ref) for one in found)
    else:
        console.table(*versions.version_table(found))
        if not found:
            console.note("no version has these properties")


@command("id", example="cas id -p camera=x100", shape=shapes.IDENTITY)
def identity(
    ctx: typer.Context,
    assignments: options.Assignments = None,
    properties_file: options.PropertiesFile = None,
    inputs: options.Inputs = None,
) -> None:
    """Tell the version id that properties and inputs give

    And whether it exists. A version is known before its data is: ask first, and build only what is not there.
    """
    invocation = ctx.ensure_object(Invocation)
    console = invocation.console
    properties = options.read_properties(assignments, properties_file)
    with invocation.repository() as repository:
        version_id, existing = repository.version_id(properties, inputs or ())
    if console.is_json:
        console.document({"version": str(version_id), "existing": documents.versions(existing)})
        return
    console.line(str(version_id))
    for version in existing:
        console.note(f"exists as {text.printable(version.ref)}")
    if not existing:
        console.note("does not exist yet")
