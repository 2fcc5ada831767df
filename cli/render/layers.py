"""Layers and whiteouts, as lines and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cas.cli.table import Align, Column, Overlong

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cas.repo.results import HideResult, LayerInfo
    from cas.view.node import Whiteout

COLUMNS = (
    Column("LAYER"),
    Column("KIND"),
    Column("ACCESS"),
    Column("NAMES", Align.RIGHT, hides_when_empty=True),
    Column("HIDDEN", Align.RIGHT, is_droppable=True, hides_when_empty=True),
    Column("WHERE", floor=12, overlong=Overlong.KEPT, hides_when_empty=True),
)

WHITEOUT_COLUMNS = (Column("HIDDEN", floor=32, overlong=Overlong.KEPT), Column("LAYER"), Column("HOW"))


def layer(one: LayerInfo) -> dict[str, Any]:
    """Describe a layer."""
    return {
        "name": one.name,
        "kind": one.kind,
        "writable": one.is_writable,
        "where": one.where,
        "names": one.names,
        "hidden": one.hidden,
        "problem": one.problem,
    }


def rows(layers: Sequence[LayerInfo]) -> list[list[str]]:
    """Give the rows of the table, the uppermost layer first."""
    return [
        [
            one.name,
            one.kind,
            "writable" if one.is_writable else "read-only",
            "" if one.names is None else str(one.names),
            str(one.hidden or ""),
            one.where or "",
        ]
        for one in layers
    ]


def hiding(result: HideResult) -> dict[str, Any]:
    """Describe what was hidden, or is shown again."""
    return {
        "path": result.path,
        "layer": result.layer,
        "opaque": result.is_opaque,
        "changed": result.is_changed,
        "notes": list(result.notes),
    }


def whiteout(one: Whiteout) -> dict[str, Any]:
    """Describe something that hides."""
    return {"path": one.path, "layer": one.layer, "opaque": one.is_opaque}


def whiteout_rows(found: Iterable[Whiteout]) -> list[list[str]]:
    """Give the rows of the table."""
    return [
        [one.path or "''", one.layer, "what lower layers have in it" if one.is_opaque else "all of it"]
        for one in found
    ]
