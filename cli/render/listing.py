"""The rows of `cas ls`, as a table and as JSON."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cas.cli import text
from cas.cli.render import versions
from cas.cli.table import Align, Column, Overlong

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cas.cli.listed import Listed


def document(one: Listed) -> dict[str, Any]:
    """Describe a line."""
    return {
        "name": one.name,
        "layer": one.layer,
        "versions": one.version_count,
        "current": None if one.current is None else one.current.as_dict(),
        "size": one.size,
        "files": one.files,
        "location": None if one.location is None else str(one.location),
    }


def table(found: Sequence[Listed]) -> tuple[list[Column], list[list[str]]]:
    """Lay rows out; of what is no version only layer, size and the number of files are told."""
    columns = [
        Column("NAME", floor=32, overlong=Overlong.KEPT),
        versions.LAYER,
        Column("VERSION", hides_when_empty=True),
        versions.SIZE,
        replace(versions.FILES, hides_when_empty=True),
        Column("VERSIONS", Align.RIGHT, is_droppable=True, hides_when_empty=True),
        replace(versions.WHEN, hides_when_empty=True),
        versions.TAGS,
    ]
    layers = versions.layer_labels(one.layer for one in found)
    return columns, [[one.name, layers[one.layer], *_of_version(one)] for one in found]


def _of_version(one: Listed) -> list[str]:
    current = one.current
    if current is None:
        count = text.number(one.files) if one.name.endswith("/") else ""
        return ["", text.size(one.size), count, "", "", ""]
    return [
        current.version.short,
        text.size(current.size),
        text.number(current.file_count),
        text.number(one.version_count),
        text.when(current.created_at),
        ", ".join(current.tags),
    ]
