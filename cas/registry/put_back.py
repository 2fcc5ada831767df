"""Bringing back, without the network, what was downloaded before: the repository has each version of it."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cas.ids import BlobId
from cas.registry.arrival import Arrival, arrived, arrived_file
from cas.registry.displaced import displaced_notes
from cas.registry.hashing import hashes_to
from cas.registry.move_in import move_in
from cas.registry.remember import remember
from cas.worktree.link import Link

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cas.ids import Content
    from cas.progress import Progress
    from cas.registry.places import Place
    from cas.repo.repository import Repository
    from cas.versions.version import Version


@dataclass(frozen=True, slots=True)
class PutBack:
    """What is in its place again."""

    arrival: Arrival
    version: Version
    notes: tuple[str, ...]
    """What else there is to say."""


def put_back(
    repository: Repository, place: Place, progress: Progress, *, make: Callable[[], object]
) -> PutBack | None:
    """Bring back the newest version that came from one of the entry's URLs; None if there is none.

    Files of others, in a directory, are left alone; what is in the way is kept.

    Args:
        repository: What has the versions.
        place: Where it belongs.
        progress: Told about bytes.
        make: Makes the directory that it goes into, once there is something.

    Raises:
        ConflictError: Something is in the way.
        CasError: As of any checkout: its bytes are damaged, the disk is full.
    """
    entry = place.entry
    for version in candidates(repository, place):
        with repository.session() as session:
            scratch = place.state / "back"
            _clear(scratch)
            repository.place(version, scratch, session=session, link=Link.COPY, progress=progress)
        try:
            if entry.digest is None or hashes_to(scratch, entry.digest):
                make()
                paths, displaced = move_in(scratch, place)
                arrival = _arrival_of(place, version, paths)
                remember(place, arrival)
                return PutBack(arrival, version, tuple(displaced_notes(displaced, place.kept)))
        finally:
            _clear(scratch)
    return None


def candidates(repository: Repository, place: Place) -> list[Version]:
    """List the versions that came from one of the entry's URLs, the newest first."""
    entry, other = place.entry, _content_of_another_key(place)
    urls = {location.without_credentials for location in entry.locations}
    return [
        version
        for version in repository.versions(entry.path)
        if version.properties.get("url") in urls
        and version.content.is_directory == entry.is_directory
        and version.content != other
    ]


def _content_of_another_key(place: Place) -> Content | None:
    """What came last, if its URL differs from the entry's in nothing but a secret, which no version tells."""
    entry, note = place.entry, place.arrival
    if entry.digest is not None:  # that tells more
        return None
    if note is None or note.url != entry.public_url or note.asked_url == entry.locations[0].identity:
        return None
    return note.content if note.asked_url.partition("#")[0] == note.url else None


def _clear(scratch: Path) -> None:
    if scratch.is_dir() and not scratch.is_symlink():
        shutil.rmtree(scratch)
    else:
        scratch.unlink(missing_ok=True)


def _arrival_of(place: Place, version: Version, paths: list[str]) -> Arrival:
    entry = place.entry
    if entry.is_directory:
        files = arrived(place.destination, paths, {})
    else:
        assert isinstance(version.content.id, BlobId)
        files = (arrived_file(place.destination, version.content.id.raw),)
    marks: dict[str, str] = {
        key: str(version.properties[key]) for key in ("generation", "etag") if key in version.properties
    }
    return Arrival.of(entry, str(version.properties["url"]), marks, files)
