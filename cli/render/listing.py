"""What `cas ls` lists: resources, and files of layers that have no resources."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

from cas.cli import text
from cas.cli.render import versions
from cas.cli.table import Align, Column, Overlong
from cas.layer_names import no_such_layer
from cas.layer_settings import REFS
from cas.view.directory_folder import DOWNLOADS
from cas.view.node import Named

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from cas.repo import Repository
    from cas.repo.results import Listing
    from cas.versions.version import Version


@dataclass(frozen=True, slots=True)
class Listed:
    """One line."""

    name: str
    """Of a file, its path in the view."""
    layer: str
    """Where the view takes it from."""
    size: int
    current: Version | None
    """Of a file: what was downloaded there, if that is the current version and nobody touched it since."""
    version_count: int
    location: Path | None
    """Where a file is."""


def listings(repository: Repository, prefix: str, layer: str | None) -> list[Listed]:
    """Find what starts with `prefix` in the view, or all of that in one layer.

    Raises:
        NotFoundError: There is no such layer.
    """
    layers = {one.name: one for one in repository.view().layers}
    if layer is None:
        return list(_union(repository, prefix))
    one = layers.get(layer)
    if one is None:
        raise no_such_layer(layer, layers)
    if one.kind == REFS:
        return [
            Listed(found.name, found.layer, found.current.size, found.current, found.version_count, None)
            for found in repository.names(prefix, layer=layer)
        ]
    found = (found for _, found in one.marks(prefix) if isinstance(found, Named))
    return list(_files(found, _Downloads.of(repository, repository.names(prefix))))


def _union(repository: Repository, prefix: str) -> Iterator[Listed]:
    names = repository.names(prefix)
    current = {(one.name, one.layer): one for one in names}
    downloads = _Downloads.of(repository, names)
    for named in repository.view().names(prefix):
        if named.host is not None:
            yield from _files([named], downloads)
        elif (found := current.get((named.path, named.layer))) is not None:  # else it is newer than `current`
            yield Listed(
                found.name, found.layer, found.current.size, found.current, found.version_count, None
            )


def _files(found: Iterable[Named], downloads: _Downloads) -> Iterator[Listed]:
    for named in found:
        assert named.host is not None, "what is no resource is a file of the host's"
        try:
            size = named.host.lstat().st_size
        except OSError:  # it went away
            continue
        is_version = downloads.find(named)
        current, count = (None, 0) if is_version is None else (is_version.current, is_version.version_count)
        yield Listed(named.path, named.layer, size, current, count, named.host)


@dataclass(frozen=True, slots=True)
class _Downloads:
    """Knows of which files a download left them here, and which versions they are."""

    roots: Mapping[str, Path]
    """The directories of layers that have downloads."""
    current: Mapping[str, Listing]

    @classmethod
    def of(cls, repository: Repository, names: Iterable[Listing]) -> Self:
        """Look which layers have downloads at all: mostly none, and then no file costs anything."""
        layers = [(one.name, one.root) for one in repository.view().layers if one.is_writable]
        roots = {name: root for name, root in layers if root is not None and os.path.isdir(root / DOWNLOADS)}
        return cls(roots, {one.name: one for one in names} if roots else {})

    def find(self, named: Named) -> Listing | None:
        """Find the version that a file is; reads a note, and looks at the file."""
        root, listing = self.roots.get(named.layer), self.current.get(named.path)
        if root is None or listing is None or named.host is None:
            return None
        from cas.registry.arrival import Arrival  # noqa: PLC0415 - where nothing was downloaded, no registry
        from cas.registry.places import state_of  # noqa: PLC0415

        arrival = Arrival.load(state_of(root, named.path))
        if arrival is None or arrival.is_directory or not arrival.seems_untouched(named.host):
            return None
        return listing if arrival.content == listing.current.content else None


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
        return ["", text.size(one.size), "", "", "", ""]
    return [
        current.version.short,
        text.size(current.size),
        text.number(current.file_count),
        text.number(one.version_count),
        text.when(current.created_at),
        ", ".join(current.tags),
    ]
