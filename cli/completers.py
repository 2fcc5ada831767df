"""What may stand where: names, tags, versions, layers and paths, for the `autocompletion` of parameters.

The shell asks at every press of Tab, so everything here is quick, and silent when anything is wrong: a
broken repository must not spill errors over somebody's command line.
"""

from __future__ import annotations

import itertools
import os
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import typer  # noqa: TC002 - typer evaluates the annotations of completers

from cas.cli import text
from cas.cli.context import Invocation
from cas.ids import Kind

if TYPE_CHECKING:
    from collections.abc import Callable

    from cas.repo import Repository

Offers: TypeAlias = list[tuple[str, str]]
"""Words, and for each what a shell that can may show beside it."""

_MOST_ITEMS = 10_000
"""Looked at when a path inside a version is completed; a Tab must not walk a million files."""


def spec(ctx: typer.Context, incomplete: str) -> Offers:
    """Complete `[LAYER:]NAME[@SELECTOR]`: names, then tags and version ids."""
    find = _selectors if "@" in incomplete else _names
    return _quietly(ctx, lambda repository: find(repository, incomplete))


def used(ctx: typer.Context, incomplete: str) -> Offers:
    """Complete `[ROLE=]SPEC`."""
    role, equals, wanted = incomplete.partition("=")
    if not equals or "@" in role:
        return spec(ctx, incomplete)
    return [(f"{role}={value}", told) for value, told in spec(ctx, wanted)]


def inside(ctx: typer.Context, incomplete: str) -> Offers:
    """Complete a path inside the version that was named before it."""
    version = str(ctx.params.get("spec") or "")
    folder, slash, _ = incomplete.rpartition("/")

    def find(repository: Repository) -> Offers:
        items = itertools.islice(repository.tree(version, folder or None), _MOST_ITEMS)
        depth = len(folder.split("/")) if slash else 0
        return [
            (item.path + ("/" if item.kind is Kind.DIRECTORY else ""), "")
            for item in items
            if item.path.count("/") == depth
        ]

    return _quietly(ctx, find)


def name(ctx: typer.Context, incomplete: str) -> Offers:
    """Complete the name of a resource."""
    return _quietly(ctx, lambda repository: _names(repository, incomplete))


def view_path(ctx: typer.Context, incomplete: str) -> Offers:
    """Complete a path of the view."""
    folder, slash, _ = incomplete.rpartition("/")
    try:
        with ctx.ensure_object(Invocation).view() as union:
            nodes = itertools.islice(union.list(folder), _MOST_ITEMS)
            start = f"{folder}{slash}"
            return [(start + one.basename + ("/" if one.is_directory else ""), "") for one in nodes]
    except Exception:  # noqa: BLE001 - as below
        return []


def hidden(ctx: typer.Context, incomplete: str) -> Offers:
    """Complete a path that is hidden: the view does not show it any more."""
    from cas.view.layer import Sign  # noqa: PLC0415 - only on this Tab

    wanted = ctx.params.get("layer")

    def find(repository: Repository) -> Offers:
        layers = [one for one in repository.view().layers if wanted in {None, one.name}]
        marks = itertools.chain.from_iterable(one.marks(incomplete) for one in layers)
        looked_at = itertools.islice(marks, _MOST_ITEMS)
        hidden = (os.fsdecode(key).rstrip("/") for key, found in looked_at if found is Sign.WHITEOUT)
        return [(path, "") for path in dict.fromkeys(hidden)]

    return _quietly(ctx, find)


def layer(ctx: typer.Context) -> Offers:
    """Complete the name of a layer."""
    return _quietly(ctx, lambda repository: [(one.name, "") for one in repository.config.layers])


def hook_point(ctx: typer.Context) -> Offers:  # noqa: ARG001 - a completer without parameters is not called
    """Complete the name of a hook point."""
    from cas.hooks.events import POINTS  # noqa: PLC0415 - pluggy, only on this Tab

    return [(point, "") for point in POINTS]


def resource(ctx: typer.Context) -> Offers:
    """Complete the id of a remote resource."""
    from cas.registry.registry_file import ALL, load  # noqa: PLC0415 - YAML, only on this Tab

    try:
        entries = load(Path(ctx.params.get("file") or "remote.yaml"))
    except Exception:  # noqa: BLE001 - as below
        return []
    return [*((entry.name, entry.dst_path) for entry in entries), (ALL, "everything")]


def _quietly(ctx: typer.Context, find: Callable[[Repository], Offers]) -> Offers:
    try:
        with ctx.ensure_object(Invocation).repository() as repository:
            return find(repository)
    except Exception:  # noqa: BLE001 - whatever it is, a half-typed line is no place to report it
        return []


def _names(repository: Repository, word: str) -> Offers:
    layer, colon, prefix = word.rpartition(":")
    found = repository.names(prefix, layer=layer or None)
    offers = [(value, "") for value in dict.fromkeys(f"{layer}{colon}{one.name}" for one in found)]
    layers = repository.config.refs_layers()
    if not colon and len(layers) > 1:
        offers += [(f"{one}:", "") for one in layers]
    return offers


def _selectors(repository: Repository, word: str) -> Offers:
    target, _, _ = word.rpartition("@")
    layer, _, name = target.rpartition(":")
    offers: Offers = []
    for version in repository.versions(name, layer=layer or None, include_removed=True):
        told = f"{text.when(version.created_at)} {version.record.message}".rstrip()
        offers += [(f"{target}@{tag}", told) for tag in version.tags]
        offers.append((f"{target}@{version.version.short}", told))
    return offers
