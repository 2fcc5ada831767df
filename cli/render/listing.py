"""What `cas ls` lists: resources, and files of layers that have no resources."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cas.cli.render import text, versions
from cas.cli.render.table import Align, Column
from cas.layer_settings import REFS
from cas.view.node import Named

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from cas.repo import Repository
    from cas.versions.version import Version


@dataclass(frozen=True, slots=True)
class Listed:
    """One line."""

    name: str
    """Of a file, its path in the view."""
    layer: str
    size: int
    current: Version | None
    """None for a file."""
    version_count: int
    location: Path | None
    """Where a file is."""


def listings(repository: Repository, prefix: str, layer: str | None) -> list[Listed]:
    """Find what starts with `prefix` in the view, or all of that in one layer.

    Raises:
        NotFoundError: There is no such layer.
    """
    one = next((one for one in repository.view().layers if one.name == layer), None)
    if layer is not None and (one is None or one.kind == REFS):
        return [
            Listed(found.name, found.layer, found.current.size, found.current, found.version_count, None)
            for found in repository.names(prefix, layer=layer)
        ]
    if one is not None:
        return list(_files(found for _, found in one.marks(prefix) if isinstance(found, Named)))
    return list(_union(repository, prefix))


def _union(repository: Repository, prefix: str) -> Iterator[Listed]:
    current = {(one.name, one.layer): one for one in repository.names(prefix)}
    for named in repository.view().names(prefix):
        if named.host is not None:
            yield from _files([named])
        elif (found := current.get((named.path, named.layer))) is not None:  # else it is newer than `current`
            yield Listed(
                found.name, found.layer, found.current.size, found.current, found.version_count, None
            )


def _files(found: Iterable[Named]) -> Iterator[Listed]:
    for named in found:
        assert named.host is not None, "what is no resource is a file of the host's"
        try:
            size = named.host.lstat().st_size
        except OSError:  # it went away
            continue
        yield Listed(named.path, named.layer, size, None, 0, named.host)


def document(one: Listed) -> dict[str, Any]:
    """Describe a line."""
    return {
        "name": one.name,
        "layer": one.layer,
        "versions": one.version_count,
        "current": None if one.current is None else one.current.as_dict(),
        "size": one.size,
        "location": None if one.location is None else str(one.location),
    }


def table(found: Sequence[Listed]) -> tuple[list[Column], list[list[str]]]:
    """Lay lines out; of files only layer and size are told."""
    columns = [
        Column("NAME", floor=16),
        versions.LAYER,
        Column("VERSION", hides_when_empty=True),
        versions.SIZE,
        versions.FILES,
        Column("VERSIONS", Align.RIGHT, is_droppable=True, hides_when_empty=True),
        versions.WHEN,
        versions.TAGS,
    ]
    layers = versions.layer_labels(one.layer for one in found)
    return columns, [[one.name, layers[one.layer], *_of_version(one)] for one in found]


def _of_version(one: Listed) -> list[str]:
    current = one.current
    if current is None:
        return ["", text.size(one.size), "", "", "", ""]
    return [
        current.version.short,
        text.size(current.size),
        text.number(current.file_count),
        text.number(one.version_count),
        text.when(current.created_at),
        ", ".join(current.tags),
    ]
