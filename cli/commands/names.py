"""Name versions, remove them, bring them back: tag, remove, restore."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Annotated, Final

import typer

from cas.cli import completers, options, text
from cas.cli.command import command
from cas.cli.console import Paint
from cas.cli.context import Invocation
from cas.cli.render import documents, shapes
from cas.errors import InvalidError

if TYPE_CHECKING:
    from cas.cli.console import Console
    from cas.versions.version import Version


_UNDOS: Final = 5
"""Removed versions that are shown with the way back."""


@command("tag", example="cas tag photos best", shape=shapes.VERSION)
def tag(
    ctx: typer.Context,
    spec: options.Spec,
    tag: Annotated[
        str | None,
        typer.Argument(metavar="[TAG]", help="The tag; with --delete it is part of SPEC: NAME@TAG."),
    ] = None,
    force: Annotated[
        bool, typer.Option("-f", "--force", help="Move the tag if it names another version already.")
    ] = False,
    delete: Annotated[
        bool, typer.Option("-d", "--delete", help="Take the tag of NAME@TAG away; the version stays.")
    ] = False,
) -> None:
    """Give a version a tag, or take one away

    A tag names one version of one resource. What has a tag is spelled NAME@TAG.
    """
    if delete and tag is not None:
        raise InvalidError(
            "--delete takes the tag as part of SPEC",
            code="usage",
            hint=f"run `cas tag --delete {spec}@{tag}`",
        )
    if not delete and tag is None:
        raise InvalidError("`cas tag` needs TAG", code="usage", hint="run `cas tag --help`")
    invocation = ctx.ensure_object(Invocation)
    with invocation.repository() as repository:
        version = repository.untag(spec) if tag is None else repository.tag(spec, tag, force=force)
    _show(
        invocation.console,
        version,
        "untagged" if tag is None else "tagged",
        "" if tag is None else f" as {tag}",
    )


@command("remove", example="cas remove photos@~1", shape=shapes.VERSION.many())
def remove(
    ctx: typer.Context,
    specs: options.Specs,
    all_versions: Annotated[
        bool, typer.Option("--all", help="Remove every version of each resource.")
    ] = False,
    force: Annotated[
        bool,
        typer.Option("-f", "--force", help="Remove what other versions were made from, too."),
    ] = False,
) -> None:
    """Remove versions

    Nothing is deleted yet: cas restore brings a version back until cas gc frees its space.
    """
    invocation = ctx.ensure_object(Invocation)
    console = invocation.console
    with invocation.repository() as repository:
        result = repository.remove(specs, all_versions=all_versions, force=force)
    if console.is_json:
        console.document(documents.versions(result.versions))
        for note in result.notes:  # the document is an array, which has no room for them
            console.failure("note:", text.printable(note), Paint.FAINT)
        return
    for note in result.notes:
        console.note(text.printable(note))
    for version in result.versions:
        _show(console, version, "removed")
    for version in result.versions[:_UNDOS]:
        console.note(f"undo with `cas restore {shlex.quote(version.ref)}`")
    if result.versions:
        console.note("`cas gc` frees the space")


@command("restore", example="cas restore photos@3f9a1c04b2d7", shape=shapes.VERSION)
def restore(
    ctx: typer.Context,
    spec: Annotated[
        str,
        typer.Argument(metavar="SPEC", autocompletion=completers.spec, help="The version that was removed."),
    ],
) -> None:
    """Bring a removed version back

    Possible until cas gc has collected it.
    """
    invocation = ctx.ensure_object(Invocation)
    with invocation.repository() as repository:
        version = repository.restore(spec)
    _show(invocation.console, version, "restored")


def _show(console: Console, version: Version, verb: str, rest: str = "") -> None:
    if console.is_json:
        console.document(version.as_dict())
        return
    reference = text.printable(version.ref)
    console.line(reference if console.is_quiet else f"{verb} {reference}{text.printable(rest)}")
