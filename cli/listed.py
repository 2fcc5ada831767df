"""What `cas ls` lists: resources, and what is in layers that have no resources.

Those layers have files, and may have a great many. So of them it lists one level at a time, as other `ls` do:
a directory is one row. Where the directory is that of a resource, too, its row is below the resource's; and
files that a download has left there, as the current version of the resource, are that row, and no other.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self

from cas.layer_names import no_such_layer
from cas.layer_settings import REFS
from cas.view.directory_folder import DOWNLOADS
from cas.view.node import Named

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from cas.repo import Repository
    from cas.repo.results import Listing
    from cas.versions.version import Version


@dataclass(slots=True)
class Listed:
    """One row."""

    name: str
    """Of a file, its path in the view; of a directory too, with a `/` at its end."""
    layer: str
    """Where the view takes it from."""
    size: int
    files: int
    current: Version | None = None
    """Of a file or directory: what was downloaded there, if that is current and nobody touched it since."""
    version_count: int = 0
    location: Path | None = None
    """Where a file or directory is."""

    @classmethod
    def of(cls, found: Listing) -> Self:
        """List a resource."""
        current = found.current
        return cls(found.name, found.layer, current.size, current.file_count, current, found.version_count)


def listings(repository: Repository, prefix: str, layer: str | None) -> list[Listed]:
    """Find what starts with `prefix` in the view, or all of that in one layer, in the order of names.

    Raises:
        NotFoundError: There is no such layer.
    """
    if any(one.name == layer and one.kind == REFS for one in repository.view().layers):
        return list(map(Listed.of, repository.names(prefix, layer=layer)))
    resources = repository.names(prefix)
    known = {(one.name, one.layer): one for one in resources}
    rows: dict[tuple[str, str], Listed] = {}
    for found in _sorted_out(repository, prefix, layer, resources):
        named, key = found.named, (found.name, found.named.layer)
        if named.host is None:
            if (resource := known.get(key)) is not None:  # else it was committed a moment ago
                rows[key] = Listed.of(resource)
        elif found.download is not None:
            row = Listed.of(found.download)
            row.layer, row.location = named.layer, _folder(named.host, named.path, found.name)
            rows.pop((found.name, found.download.layer), None)
            rows[key] = row
        elif (size := _size(named.host)) is not None:
            row = rows.setdefault(
                key, Listed(*key, 0, 0, location=_folder(named.host, named.path, found.name))
            )
            row.size, row.files = row.size + size, row.files + 1
    return sorted(rows.values(), key=lambda row: os.fsencode(row.name))


def names(repository: Repository, prefix: str) -> Iterator[str]:
    """Iterate over the names of the rows; in flat memory, unless something was downloaded."""
    told: set[str] = set()
    for found in _sorted_out(repository, prefix, None, None):
        if found.named.host is None or found.name == found.named.path:
            yield found.name
        elif found.name not in told and found.download is None:
            told.add(found.name)
            yield found.name


class _Found(NamedTuple):
    """A resource or a file, and the row that it belongs to."""

    named: Named
    name: str
    """Of the row."""
    download: Listing | None = None
    """The resource whose current version a download has left there."""


def _sorted_out(
    repository: Repository, prefix: str, layer: str | None, resources: Iterable[Listing] | None
) -> Iterator[_Found]:
    """Iterate over what starts with `prefix`, in the view or in a layer, and say to which row it belongs."""
    downloads = _Downloads.of(repository, prefix, resources)
    above = _Above()
    for named in _in_view(repository, prefix, layer):
        resource = above.of(named)
        if named.host is None:
            yield _Found(named, named.path)
        elif (download := downloads.find(named)) is not None:
            yield _Found(named, download.name, download)
        else:
            yield _Found(named, f"{resource}/" if resource else _one_level(named.path, prefix))


def _in_view(repository: Repository, prefix: str, layer: str | None) -> Iterator[Named]:
    view = repository.view()
    if layer is None:
        return view.names(prefix)
    layers = {one.name: one for one in view.layers}
    if layer not in layers:
        raise no_such_layer(layer, layers)
    return (found for _, found in layers[layer].marks(prefix) if isinstance(found, Named))


class _Above:
    """Finds the resource above a file, while paths come in the order of their bytes.

    Between a name and what is below it come only names that begin with it, and go on with less than a `/`. So
    those that may still have something below them each begin with the one before.
    """

    def __init__(self) -> None:
        self._names: list[bytes] = []

    def of(self, named: Named) -> str | None:
        """Return the nearest resource above a file; of a resource, note that it is one."""
        path, names = os.fsencode(named.path), self._names
        while names and path >= names[-1] + b"0":  # what comes after all that go on with a `/`
            names.pop()
        if named.host is None:
            names.append(path)
            return None
        found = (name for name in reversed(names) if path.startswith(name + b"/"))
        return next(map(os.fsdecode, found), None)


def _one_level(path: str, prefix: str) -> str:
    """Name the file, or the directory that has it, in the directory that `prefix` is in."""
    base = prefix.rpartition("/")[0]
    start = len(base) + 1 if base else 0
    first, slash, _ = path[start:].partition("/")
    return f"{path[:start]}{first}{slash}"


def _folder(host: Path, path: str, name: str) -> Path:
    """Say where `name` is, at or above `path`, which is at `host`."""
    levels = path[len(name.rstrip("/")) :].count("/")
    return Path(*host.parts[: len(host.parts) - levels]) if levels else host


def _size(host: Path) -> int | None:
    try:
        return host.lstat().st_size
    except OSError:  # it went away
        return None


@dataclass(slots=True)
class _Downloads:
    """Knows of which files a download left them here, and which versions they are."""

    roots: Mapping[str, Path]
    """The directories of layers that have downloads."""
    current: Mapping[str, Listing]
    _notes: dict[tuple[str, str], frozenset[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, repository: Repository, prefix: str, resources: Iterable[Listing] | None) -> Self:
        """Look which layers have downloads at all: mostly none, and then no file costs anything."""
        layers = [(one.name, one.root) for one in repository.view().layers if one.is_writable]
        roots = {name: root for name, root in layers if root is not None and os.path.isdir(root / DOWNLOADS)}
        if not roots:
            return cls({}, {})
        listed = repository.names(prefix) if resources is None else resources
        return cls(roots, {one.name: one for one in listed})

    def find(self, named: Named) -> Listing | None:
        """Find the resource of whose current version a file is, if a download has left that as it is."""
        if named.layer not in self.roots:
            return None
        name = named.path
        while name not in self.current:
            name, slash, _ = name.rpartition("/")
            if not slash:
                return None
        listing, key = self.current[name], (named.layer, name)
        if key not in self._notes:
            self._notes[key] = _untouched(self.roots[named.layer], listing)
        return listing if named.path in self._notes[key] else None


def _untouched(root: Path, listing: Listing) -> frozenset[str]:
    """Read which files a download has left of a resource, if by their looks they are its current version."""
    from cas.registry.arrival import Arrival  # noqa: PLC0415 - where nothing was downloaded, no registry
    from cas.registry.places import state_of  # noqa: PLC0415

    arrival = Arrival.load(state_of(root, listing.name))
    if arrival is None or arrival.content != listing.current.content:
        return frozenset()
    if not arrival.seems_untouched(root / listing.name):
        return frozenset()
    files = (os.fsdecode(file.path) for file in arrival.files)
    return frozenset(f"{listing.name}/{path}" if path else listing.name for path in files)
