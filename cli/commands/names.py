"""Name versions, remove them, bring them back: tag, remove, restore."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cas.cli import completion, options
from cas.cli.command import argument, command
from cas.cli.context import Invocation, pass_invocation
from cas.cli.render import documents, shapes, text, versions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cas.cli.console import Console
    from cas.versions.version import Version


@command("tag", example="cas tag photos best", shape=shapes.VERSION)
@argument("spec", metavar="SPEC", shell_complete=completion.complete_spec, help=options.SPEC_HELP)
@argument("tag", metavar="[TAG]", required=False, help="The tag; with --delete it is part of SPEC: NAME@TAG.")
@click.option("-f", "--force", is_flag=True, help="Move the tag if it names another version already.")
@click.option("-d", "--delete", is_flag=True, help="Take the tag of NAME@TAG away; the version stays.")
@click.pass_context
def tag(context: click.Context, spec: str, tag: str | None, force: bool, delete: bool) -> None:
    """Give a version a tag, or take one away

    A tag names one version of one resource. What has a tag is spelled NAME@TAG.
    """
    if delete and tag is not None:
        raise click.UsageError(
            f"--delete takes the tag as part of SPEC: cas tag --delete {spec}@{tag}", context
        )
    if not delete and tag is None:
        raise click.MissingParameter(ctx=context, param=_parameter(context, "tag"))
    invocation = context.ensure_object(Invocation)
    with invocation.repository() as repository:
        version = repository.untag(spec) if tag is None else repository.tag(spec, tag, force=force)
    _show(
        invocation.console,
        version,
        "untagged" if tag is None else "tagged",
        "" if tag is None else f" as {tag}",
    )


def _parameter(context: click.Context, name: str) -> click.Parameter:
    return next(param for param in context.command.params if param.name == name)


@command("remove", example="cas remove photos@~1", shape=shapes.VERSION.many())
@argument(
    "specs",
    metavar="SPEC...",
    nargs=-1,
    required=True,
    shell_complete=completion.complete_spec,
    help=options.SPEC_HELP,
)
@click.option("--all", "all_versions", is_flag=True, help="Remove every version of each resource.")
@click.option(
    "-f", "--force", is_flag=True, help="Remove what has a tag or is an input of another version, too."
)
@pass_invocation
def remove(invocation: Invocation, specs: Sequence[str], all_versions: bool, force: bool) -> None:
    """Remove versions

    Nothing is deleted yet: cas restore brings a version back until cas gc frees its space.
    """
    console = invocation.console
    with invocation.repository() as repository:
        removed = repository.remove(specs, all_versions=all_versions, force=force)
    if console.is_json:
        console.document(documents.versions(removed))
        return
    for version in removed:
        _show(console, version, "removed")
    if removed:
        console.note(f"undo with `cas restore {versions.reference(removed[0])}`; `cas gc` frees the space")


@command("restore", example="cas restore photos@3f9a1c04b2d7", shape=shapes.VERSION)
@argument(
    "spec", metavar="SPEC", shell_complete=completion.complete_spec, help="The version that was removed."
)
@pass_invocation
def restore(invocation: Invocation, spec: str) -> None:
    """Bring a removed version back

    Possible until cas gc has collected it.
    """
    with invocation.repository() as repository:
        version = repository.restore(spec)
    _show(invocation.console, version, "restored")


def _show(console: Console, version: Version, verb: str, rest: str = "") -> None:
    if console.is_json:
        console.document(version.as_dict())
        return
    reference = text.printable(versions.reference(version))
    console.line(reference if console.is_quiet else f"{verb} {reference}{text.printable(rest)}")
