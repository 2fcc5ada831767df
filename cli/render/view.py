"""What the view shows, as lines and as JSON."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from cas.cli import text
from cas.ids import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cas.view.node import Node, Which

_SIZE_CELLS = 10
_NOT_THERE = "not materialised; `cas path` does that"


def node(one: Node) -> dict[str, Any]:
    """Describe something in the view."""
    is_link = one.kind is Kind.SYMLINK
    return {
        "path": one.path,
        "layer": one.layer,
        "kind": one.kind.name.lower(),
        "size": one.size,
        "name": one.name,
        "version": None if one.version is None else str(one.version),
        "inner": None if one.name is None else one.inner,
        "content": None if one.content is None or is_link else one.content.hex(),
        "target": target(one) if is_link else None,
        "location": None if one.host is None else str(one.host),
    }


def which(found: Which) -> dict[str, Any]:
    """Describe everything about a path."""
    return {
        "node": node(found.node),
        "location": None if found.path is None else str(found.path),
        "shadows": [node(one) for one in found.shadows],
        "whiteouts": [{"layer": layer, "path": path} for layer, path in found.whiteouts],
    }


def target(one: Node) -> str:
    """Say where a symlink points."""
    if one.content is not None:
        return os.fsdecode(one.content)
    assert one.host is not None, "a symlink that is not stored is the host's"
    try:
        return os.readlink(one.host)
    except OSError:  # it went away
        return ""


def line(one: Node, cells: int) -> str:
    """Write one line of a list: size, layer in so many cells, path."""
    amount = "" if one.kind is Kind.DIRECTORY or one.size is None else text.size(one.size)
    return f"{amount:>{_SIZE_CELLS}}  {text.printable(one.layer):<{cells}}  {shown(one)}"


def shown(one: Node) -> str:
    """Write a path: a directory ends in /, an executable in *, a symlink says where it points."""
    path = text.printable(one.path)
    match one.kind:
        case Kind.DIRECTORY:
            return f"{path}/"
        case Kind.EXECUTABLE:
            return f"{path}*"
        case Kind.SYMLINK:
            return f"{path} -> {text.printable(target(one))}"
        case _:
            return path


def description(found: Which) -> Iterator[tuple[str, str]]:
    """Give everything that is known about a path as (label, value), in reading order."""
    one = found.node
    yield "layer", one.layer
    yield "kind", one.kind.name.lower()
    if one.size is not None:
        yield "size", f"{text.size(one.size)} ({text.number(one.size)} bytes)"
    if one.name is not None and one.version is not None:
        yield "version", f"{one.name}@{one.version.short}"
        if one.inner:
            yield "inside", one.inner
    if one.kind is Kind.SYMLINK:
        yield "target", _target(found)
    if found.target is not None:
        yield "path", _NOT_THERE if found.path is None else str(found.path)
    for other in found.shadows:
        is_merged = one.kind is Kind.DIRECTORY and other.kind is Kind.DIRECTORY and not found.whiteouts
        place = f" ({other.host})" if other.host is not None else ""
        yield "merges" if is_merged else "hides", f"{other.kind.name.lower()} of layer '{other.layer}'{place}"
    for layer, path in found.whiteouts:
        yield "whiteout", f"'{path}' in layer '{layer}'"


def _target(found: Which) -> str:
    to = target(found.node)
    if found.target is None:
        return f"{to}, which is not in the layer"
    if found.target.layer != found.node.layer:
        return f"{to}, which is not there: layer '{found.target.layer}' has the path"
    return to
