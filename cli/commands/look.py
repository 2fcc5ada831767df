"""Look at what is there: ls, tree, cat, show, log."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Annotated

import typer

from cas.cli import completers, listed, options, text
from cas.cli.command import command
from cas.cli.console import Paint
from cas.cli.context import Invocation
from cas.cli.render import documents, layers, listing, pairs, shapes, versions, view
from cas.cli.table import Align, Column
from cas.errors import InvalidError
from cas.ids import Kind
from cas.layer_names import no_such_layer
from cas.versions.version import State

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cas.cli.console import Console
    from cas.cli.listed import Listed
    from cas.repo import Repository
    from cas.repo.results import LogEntry, TreeItem
    from cas.versions.version import Version
    from cas.view.view import View

_SIZE_CELLS = 10


@command("ls", example="cas ls --versions photos", shape=shapes.LISTING.many())
def ls(  # noqa: PLR0913, PLR0917 - typer hands over one argument for each option
    ctx: typer.Context,
    prefix: Annotated[
        str,
        typer.Argument(
            metavar="[PREFIX]", autocompletion=completers.name, help="Only what starts with this."
        ),
    ] = "",
    layer: Annotated[
        str | None,
        typer.Option(
            "--layer",
            metavar="LAYER",
            autocompletion=completers.layer,
            help="Only this layer.  [default: all, the uppermost first]",
        ),
    ] = None,
    all_versions: Annotated[
        bool,
        typer.Option(
            "--versions",
            help="List every version instead, removed ones too; with --json an array of version objects.",
        ),
    ] = False,
    files: Annotated[
        bool,
        typer.Option(
            "--files",
            help="List every file and directory of the view below PREFIX, a path; with --json an array of "
            "node objects.",
        ),
    ] = False,
    hidden: Annotated[
        bool,
        typer.Option(
            "--hidden",
            help="List what `cas hide` hides, and where; with --json an array of whiteout objects.",
        ),
    ] = False,
) -> None:
    """List resources and their current versions

    And what is in layers that are directories or packages, a directory in one row: `cas ls DIRECTORY/` lists
    what it has. --files lists every file of the view, and works without a repository, too.
    """
    if files and layer is not None:
        raise InvalidError("--files lists the view, without --layer", code="usage")
    if files + all_versions + hidden > 1:
        raise InvalidError("--files, --versions and --hidden list different things", code="usage")
    invocation = ctx.ensure_object(Invocation)
    console = invocation.console
    if files or hidden:
        with invocation.view() as union:
            if files:
                _show_files(console, union, prefix)
            else:
                _show_hidden(console, union, prefix, layer)
        return
    with invocation.repository() as repository:
        if all_versions:
            _show_versions(console, _every_version(repository, prefix, layer))
        elif console.is_quiet and not console.is_json and layer is None:  # in flat memory
            console.lines(map(text.printable, listed.names(repository, prefix)))
        else:
            _show_listings(console, listed.listings(repository, prefix, layer), prefix)


def _show_listings(console: Console, found: list[Listed], prefix: str) -> None:
    if console.is_json:
        console.document([listing.document(one) for one in found])
    elif console.is_quiet:
        console.lines(text.printable(one.name) for one in found)
    else:
        console.table(*listing.table(found))
        if not found:
            console.note(f"no names start with '{prefix}'" if prefix else "the repository is empty")


def _show_files(console: Console, union: View, path: str) -> None:
    nodes = union.walk(path)
    if console.is_json:
        console.documents(map(view.node, nodes))
    elif console.is_quiet:
        console.lines(text.printable(one.path) for one in nodes)
    else:
        cells = max(text.width(text.printable(one.name)) for one in union.layers)
        is_empty = True
        for one in nodes:
            is_empty = False
            console.line(view.line(one, cells))
        if is_empty:
            console.note("nothing is there" if path else "the view is empty")


def _show_hidden(console: Console, union: View, prefix: str, layer: str | None) -> None:
    names = [one.name for one in union.layers]
    if layer is not None and layer not in names:
        raise no_such_layer(layer, names)
    found = [one for one in union.whiteouts(prefix) if layer in {None, one.layer}]
    if console.is_json:
        console.document([layers.whiteout(one) for one in found])
    elif console.is_quiet:
        console.lines(text.printable(one.path) for one in found)
    else:
        console.table(layers.WHITEOUT_COLUMNS, layers.whiteout_rows(found))
        if not found:
            console.note("nothing is hidden")


def _every_version(repository: Repository, prefix: str, layer: str | None) -> list[Version]:
    return [
        version
        for listing in repository.names(prefix, layer=layer)
        for version in repository.versions(listing.name, layer=listing.layer, include_removed=True)
        if version.state is not State.COLLECTED
    ]


def _show_versions(console: Console, found: list[Version]) -> None:
    if console.is_json:
        console.document(documents.versions(found))
    elif console.is_quiet:
        console.lines(text.printable(one.ref) for one in found)
    else:
        console.table(*versions.version_table(found))


@command("tree", example="cas tree photos --depth 1", shape=shapes.TREE_ITEM.many())
def tree(
    ctx: typer.Context,
    spec: options.Spec,
    inside: Annotated[
        str | None,
        typer.Argument(
            metavar="[PATH]",
            autocompletion=completers.inside,
            help="Only what is below this path inside the version.",
        ),
    ] = None,
    depth: Annotated[
        int | None, typer.Option("--depth", min=1, metavar="N", help="Go down this many levels only.")
    ] = None,
) -> None:
    """List the files inside a version

    A directory ends in /, an executable in *, a symlink shows where it points.
    """
    invocation = ctx.ensure_object(Invocation)
    console = invocation.console
    with invocation.repository() as repository:
        items = repository.tree(spec, inside)
        above = len([part for part in (inside or "").split("/") if part not in {"", "."}])
        if depth is not None:
            items = (item for item in items if item.path.count("/") < above + depth)
        if console.is_json:
            console.documents(map(documents.tree_item, items))
        elif console.is_quiet:
            console.lines(text.printable(item.path) for item in items)
        else:
            console.lines(_tree_lines(console, items, above))


def _tree_lines(console: Console, items: Iterator[TreeItem], above: int) -> Iterator[str]:
    for item in items:
        *folders, name = item.path.split("/")
        amount = "" if item.kind is Kind.SYMLINK else text.size(item.size)
        shown = text.printable(name)
        match item.kind:
            case Kind.DIRECTORY:
                shown = console.paint(f"{shown}/", Paint.STRONG)
            case Kind.EXECUTABLE:
                shown += "*"
            case Kind.SYMLINK:
                shown += f" -> {text.printable(item.id)}"
        yield f"{amount:>{_SIZE_CELLS}}  {'  ' * (len(folders) - above)}{shown}"


@command("cat", example="cas cat photos readme.txt", shape=shapes.CAT)
def cat(
    ctx: typer.Context,
    spec: options.Spec,
    inside: Annotated[
        str | None,
        typer.Argument(
            metavar="[PATH]",
            autocompletion=completers.inside,
            help="The file inside, where the version is a directory.",
        ),
    ] = None,
    unpickle: Annotated[
        bool,
        typer.Option(
            "--unpickle",
            help="Show the Python value that is stored, as repr() does; this runs code of whoever stored it.",
        ),
    ] = False,
) -> None:
    """Write the bytes of a file to standard output"""
    invocation = ctx.ensure_object(Invocation)
    console = invocation.console
    with invocation.repository() as repository:
        if unpickle:
            _show_value(console, repository, spec, inside)
        elif console.is_json:
            version = repository.resolve(spec)
            console.document(documents.cat(version, inside, repository.read(spec, inside)))
        else:
            console.data(repository.stream(spec, inside))


def _show_value(console: Console, repository: Repository, spec: str, inside: str | None) -> None:
    from cas.resources.values import PythonResource, describe  # noqa: PLC0415 - other commands need no pickle

    version = repository.resolve(spec)
    if version.type != PythonResource.type_name:
        raise InvalidError(
            f"cannot unpickle '{version.ref}'",
            code="wrong-type",
            why=f"it is of type '{version.type}', and only what is of type 'python' is unpickled",
            hint=f"cas cat {shlex.quote(version.ref)}",
        )
    data = repository.read(f"{version.layer}:{version.name}@{version.version}", inside)
    console.note(f"running code from the payload of '{version.ref}'")
    shown = describe(data, version.ref)
    if console.is_json:
        console.document(documents.value(version, inside, len(data), shown))
    else:
        console.lines(map(text.printable, shown.splitlines()))


@command("show", example="cas show photos@best", shape=shapes.VERSION)
def show(ctx: typer.Context, spec: options.Spec) -> None:
    """Show everything that is known about a version

    The content id of a file is what b3sum prints for it.
    """
    invocation = ctx.ensure_object(Invocation)
    console = invocation.console
    with invocation.repository() as repository:
        version = repository.resolve(spec)
    if console.is_json:
        console.document(version.as_dict())
    elif console.is_quiet:
        console.line(text.printable(version.ref))
    else:
        _show_version(console, version)


def _show_version(console: Console, version: Version) -> None:
    console.line(console.paint(text.printable(version.ref), Paint.STRONG))
    pairs.show(console, list(versions.description(version)), indent="  ")
    for title, rows in (
        ("properties", versions.properties(version)),
        ("inputs", [(role, f"{used}") for role, used in sorted(version.inputs.items())]),
    ):
        if rows:
            console.line(f"  {console.paint(title, Paint.FAINT)}")
            pairs.show(console, rows, indent="    ")


@command("log", example="cas log photos -n 10", shape=shapes.LOG_ENTRY.many())
def log(
    ctx: typer.Context,
    name: Annotated[
        str | None,
        typer.Argument(metavar="[NAME]", autocompletion=completers.name, help="Only this resource."),
    ] = None,
    limit: Annotated[
        int | None, typer.Option("-n", "--limit", min=1, metavar="N", help="Only the newest N events.")
    ] = None,
) -> None:
    """Tell what happened, the newest first"""
    invocation = ctx.ensure_object(Invocation)
    console = invocation.console
    with invocation.repository() as repository:
        found = repository.log(name, limit=limit)
    if console.is_json:
        console.document([documents.log_entry(entry) for entry in found])
        return
    columns = [
        Column("#", Align.RIGHT, is_droppable=True),
        Column("WHEN"),
        Column("EVENT"),
        versions.reference_column(),
        Column("DETAIL", floor=12, hides_when_empty=True),
    ]
    console.table(columns, [_log_row(entry) for entry in found])
    if not found:
        console.note("nothing has happened yet")


def _log_row(entry: LogEntry) -> list[str]:
    version = f"{entry.name}@{entry.version.short}" if entry.version is not None else entry.name
    detail = entry.detail.partition("\n")[0]
    return [str(entry.sequence), text.when(entry.at), entry.kind, version, detail]
