"""Bringing back, without the network, what was downloaded before: the repository has each version of it."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cas.registry.arrival import Arrival
from cas.registry.hashing import hashes_to
from cas.registry.move_in import move_in
from cas.registry.nested import drop_others, left_notes
from cas.registry.recognise import files_of
from cas.registry.remember import UNKNOWN_KEY, came_from, remember, unknown_key_note
from cas.remotes.displaced import displaced_notes
from cas.remotes.place import Place as Records
from cas.worktree.link import Link

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from cas.ids import Content
    from cas.progress import Progress
    from cas.registry.arrival import ArrivedFile
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

    Files of others, in a directory, are left alone; what is in the way is kept. No version says which key its
    URL had: one of which this is known here goes before, and of any other a note says that it is not.

    Args:
        repository: What has the versions.
        place: Where it belongs.
        progress: Told about bytes.
        make: Makes the directory that it goes into, once there is something.

    Raises:
        ConflictError: Something is in the way.
        CasError: As of any checkout: its bytes are damaged, the disk is full.
    """
    entry, proof = place.entry, _Proof(place)
    for version in candidates(repository, place):
        with repository.session() as session:
            scratch = place.state / "back"
            _clear(scratch)
            repository.place(version, scratch, session=session, link=Link.COPY, progress=progress)
        try:
            if entry.digest is None or hashes_to(scratch, entry.digest):
                left = drop_others(scratch, entry)
                make()
                files, displaced = move_in(scratch, place, files_of(repository, version) or {})
                arrival = _arrival_of(place, version, files)
                remember(place, arrival)
                notes = (*displaced_notes(displaced), *left_notes(left), *proof.missing_note(version))
                return PutBack(arrival, version, notes)
        finally:
            _clear(scratch)
    return None


def candidates(repository: Repository, place: Place) -> list[Version]:
    """List the versions that came from one of the entry's URLs: the newest first, of unknown keys last."""
    entry, other = place.entry, _content_of_another_key(place)
    urls = {location.without_credentials for location in entry.locations}
    found = (
        version
        for version in repository.versions(entry.path)
        if version.properties.get("url") in urls
        and version.content.is_directory == entry.is_directory
        and version.content != other
    )
    return sorted(found, key=_Proof(place).is_missing)


class _Proof:
    """What is known here of the keys with which versions came.

    The record of the transport may still say which bytes came last with the key of the entry. And bytes with
    the digest that the registry declares are those that were meant.
    """

    def __init__(self, place: Place) -> None:
        self._entry = place.entry
        record = Records(place.state, place.destination).read()
        urls = {location.identity for location in place.entry.locations}
        self._blake3 = record.blake3 if record is not None and record.url in urls else None

    def is_missing(self, version: Version) -> bool:
        """Whether a version may have come with another key than that of the entry."""
        return (
            self._entry.digest is None
            and came_from(self._entry, str(version.properties["url"])).has_key
            and version.content.id.raw.hex() != self._blake3
        )

    def missing_note(self, version: Version) -> Iterator[str]:
        """Say so, before the record is another one."""
        if self.is_missing(version):
            yield unknown_key_note(came_from(self._entry, str(version.properties["url"])))


def _content_of_another_key(place: Place) -> Content | None:
    """What came last, if its URL differs from the entry's in nothing but a secret, which no version tells."""
    entry, note = place.entry, place.arrival
    if entry.digest is not None:  # that tells more
        return None
    if note is None or note.url != entry.public_url or note.asked_url == entry.locations[0].identity:
        return None
    record = Records(place.state, place.destination).read()
    if record is not None and record.url.endswith(UNKNOWN_KEY):
        return None
    return note.content if note.asked_url.partition("#")[0] == note.url else None


def _clear(scratch: Path) -> None:
    if scratch.is_dir() and not scratch.is_symlink():
        shutil.rmtree(scratch)
    else:
        scratch.unlink(missing_ok=True)


def _arrival_of(place: Place, version: Version, files: list[ArrivedFile]) -> Arrival:
    marks: dict[str, str] = {
        key: str(version.properties[key]) for key in ("generation", "etag") if key in version.properties
    }
    in_order = tuple(sorted(files, key=lambda file: file.path))
    return Arrival.of(place.entry, str(version.properties["url"]), marks, in_order)
