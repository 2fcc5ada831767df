"""Recognising, in what is here and is not what was downloaded last, a version that the repository has."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from cas.errors import CasError
from cas.ids import Kind
from cas.registry.hashing import content_of

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from cas.registry.places import Place
    from cas.repo.repository import Repository
    from cas.versions.version import Version


def recognise(repository: Repository, place: Place, changed: Collection[str]) -> Version | None:
    """Find the newest version of an entry's path that is at its place; None if none is.

    Other files may be there besides, as they may beside those of a download.

    Args:
        repository: What has the versions.
        place: Where to look.
        changed: The files, relative to the place, that are not what was downloaded; all of them must be
            what the version has, or lacks.

    Cost: hashes `changed` and, for each version that could be it, the rest of its files.
    """
    arrival = place.arrival
    here = {} if arrival is None else {os.fsdecode(file.path): file.blake3 for file in arrival.files}
    here |= {path: content_of(_below(place.destination, path)) or b"" for path in changed}
    for version in repository.versions(place.entry.path):
        is_alike = version.content.is_directory == place.entry.is_directory
        files = files_of(repository, version) if is_alike else None
        if files is None:
            continue
        files = {path: content for path, content in files.items() if place.entry.owner_of(path) is None}
        if any(files.get(path, b"") != here[path] for path in changed):
            continue
        if _are_here(files, here, place):
            return version
    return None


def files_of(repository: Repository, version: Version) -> dict[str, bytes] | None:
    """The files of a version, by relative path, and their content ids; None if the store has lost them."""
    if not version.content.is_directory:
        return {"": version.content.id.raw}
    spec = f"{version.layer}:{version.name}@{version.version}"
    try:
        items = list(repository.tree(spec))
    except CasError:  # `cas verify` tells; here it is one version less that could be it
        return None
    return {item.path: bytes.fromhex(item.id) for item in items if item.kind in {Kind.FILE, Kind.EXECUTABLE}}


def _are_here(files: dict[str, bytes], here: dict[str, bytes], place: Place) -> bool:
    def is_here(path: str, content: bytes) -> bool:
        if path not in here:
            here[path] = content_of(_below(place.destination, path)) or b""
        return here[path] == content

    return all(is_here(path, content) for path, content in files.items())


def _below(destination: Path, path: str) -> Path:
    return destination / path if path else destination
