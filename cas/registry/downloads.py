"""Downloading what a registry lists, into the writable directory layer and into the repository."""

from __future__ import annotations

import logging
import os
import shlex
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from cas.errors import CasError, NotFoundError
from cas.progress import Silent
from cas.registry.arrival import Arrival, ArrivedFile
from cas.registry.failures import told, unrecorded
from cas.registry.places import Place
from cas.registry.together import together
from cas.remotes.stamp import Stamp, hashed_at

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from cas.progress import Progress
    from cas.registry.entry import RemoteEntry
    from cas.remotes.settings import Settings
    from cas.repo.repository import Repository
    from cas.versions.version import Version
    from cas.view.view import View

log = logging.getLogger(__name__)

_SILENT = Silent()

_NOTE: Final = "the note that it came"
_AT_ONCE: Final = 4
"""Downloads at a time; each has many connections of its own."""


class Outcome(StrEnum):
    """What a download did."""

    DOWNLOADED = "downloaded"
    UNCHANGED = "unchanged"
    """What the far side has, or without the network what it had, was there already."""
    RESTORED = "restored"
    """It came back from the repository, without the network."""
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one entry."""

    entry: RemoteEntry
    outcome: Outcome
    path: Path | None = None
    """Where it is, absolute; None if it did not come."""
    size: int = 0
    """Of all its files. [bytes]"""
    files: int = 0
    url: str | None = None
    """Where it came from, without credentials: the entry's URL or a mirror."""
    version: Version | None = None
    """What it is in the repository; None without one."""
    is_committed: bool = False
    """Whether the version is new, or current again."""
    error: CasError | None = None
    """Why it failed: it did not come, or it is at `path` and no record of it could be made."""
    notes: tuple[str, ...] = ()
    """What else there is to say."""


@dataclass(frozen=True, slots=True)
class _Errand:
    """Everything that the downloads of one call have in common."""

    view: View
    repository: Repository | None
    settings: Settings
    is_offline: bool
    origin: str

    def run(self, entry: RemoteEntry, progress: Progress) -> Result:
        """Bring one entry here; a failure is a result."""
        try:
            place = Place.of(entry, self.view)
        except CasError as error:
            return Result(entry, Outcome.FAILED, error=told(entry, error, is_known=False))
        try:
            return self._run(place, progress)
        except CasError as error:
            is_known = not self.is_offline and self._is_known(place)
            return Result(entry, Outcome.FAILED, error=told(entry, error, is_known=is_known))

    def _is_known(self, place: Place) -> bool:
        """Whether what was downloaded before can be had without the network."""
        if self.repository is not None:
            from cas.registry.put_back import candidates  # noqa: PLC0415 - only on the way out

            if candidates(self.repository, place):
                return True
        arrival = place.arrival
        return (
            arrival is not None and arrival.is_of(place.entry) and arrival.seems_untouched(place.destination)
        )

    def _run(self, place: Place, progress: Progress) -> Result:
        place.prepare(self.view)
        with place.locked():
            if self.is_offline:
                return self._offline(place, progress)
            return self._online(place, progress)

    def _online(self, place: Place, progress: Progress) -> Result:
        from cas.registry.getting import get  # noqa: PLC0415 - --offline needs no transport

        got = get(place, self.settings, progress, make=lambda: place.make_folder(self.view))
        outcome = Outcome.UNCHANGED if got.is_unchanged else Outcome.DOWNLOADED
        result = replace(_result(place, outcome, got.arrival), notes=got.notes)
        what = _NOTE
        try:
            got.arrival.save(place.state)
            if self.repository is None:
                return result
            from cas.registry.keep import keep  # noqa: PLC0415 - without a repository nothing is hashed

            what = "its version in the repository"
            version, is_committed = keep(
                self.repository, place, got.arrival, origin=self.origin, progress=progress
            )
        except CasError as error:
            return _unrecorded(place, result, error, what)
        except BaseException:
            for note in got.notes:  # no result will say so
                log.warning("%s: %s", place.entry.name, note)
            raise
        return replace(result, version=version, is_committed=is_committed)

    def _offline(self, place: Place, progress: Progress) -> Result:
        arrival = _in_place(place)
        from cas.registry.put_back import put_back  # noqa: PLC0415 - as above
        from cas.registry.remember import unknown_key_notes  # noqa: PLC0415

        if arrival is not None:
            return replace(_result(place, Outcome.UNCHANGED, arrival), notes=tuple(unknown_key_notes(place)))

        found = (
            put_back(self.repository, place, progress, make=lambda: place.make_folder(self.view))
            if self.repository is not None
            else None
        )
        if found is None:
            raise _not_here(place)
        result = replace(
            _result(place, Outcome.RESTORED, found.arrival), version=found.version, notes=found.notes
        )
        try:
            found.arrival.save(place.state)
        except CasError as error:
            return _unrecorded(place, result, error, _NOTE)
        return result


def download(  # noqa: PLR0913 - each is a word of its own on the command line
    entries: Sequence[RemoteEntry],
    *,
    view: View,
    settings: Settings,
    repository: Repository | None = None,
    is_offline: bool = False,
    origin: str = "",
    progress: Progress = _SILENT,
) -> list[Result]:
    """Bring entries of a registry here; one that fails does not keep the others from coming.

    A file or a directory is where its `dst_path` says, below the uppermost writable directory layer, whole
    and verified, or what was there before is there still. With a repository it is a version besides.

    Args:
        entries: What to bring, several at a time.
        view: Says where.
        settings: Credentials and whatever else is ambient.
        repository: Where each state of the far side is kept; None keeps none.
        is_offline: Ask nobody: what is here stays, and what is not comes from the repository.
        origin: Who asked for it, for the records of the versions.
        progress: Told about bytes.

    Returns:
        One result for each entry, in their order.
    """
    errand = _Errand(view, repository, settings, is_offline, origin)
    return together(errand.run, entries, count=_AT_ONCE, task="downloading", progress=progress)


def _unrecorded(place: Place, result: Result, error: CasError, what: str) -> Result:
    failure = unrecorded(place.entry, error, where=place.destination, what=what, notes=result.notes)
    return replace(result, outcome=Outcome.FAILED, error=failure)


def _not_here(place: Place) -> NotFoundError:
    """Build the error for what would have to be fetched."""
    return NotFoundError(
        f"cannot get '{place.entry.name}' without the network",
        code="not-downloaded",
        why=f"neither '{place.destination}' nor a repository has what came from {place.entry.locations[0]}",
        hint=f"run `cas resources download {shlex.quote(place.entry.name)}` without --offline",
    )


def _in_place(place: Place) -> Arrival | None:
    """Find what was downloaded before, if it is where it belongs and as it was; reads what was touched."""
    arrival = place.arrival
    if arrival is None or not arrival.is_of(place.entry):
        return _declared(place)
    now = arrival.renewed(place.destination)
    if now is None:  # it may be a link to the same
        return None if list(arrival.damaged(place.destination)) else arrival
    if now is not arrival:
        now.save(place.state)
    return now


def _declared(place: Place) -> Arrival | None:
    """Find what hashes to what the registry says, however it came here."""
    entry = place.entry
    if entry.digest is None:
        return None
    found = hashed_at(os.path.realpath(place.destination), entry.digest.algorithm)
    if found is None or found[1].digest(entry.digest.algorithm) != entry.digest:
        return None
    status, hashes = found
    file = ArrivedFile(b"", Stamp.of(status), bytes.fromhex(hashes.blake3))
    return Arrival.of(entry, entry.public_url, {}, (file,))


def _result(place: Place, outcome: Outcome, arrival: Arrival) -> Result:
    return Result(
        entry=place.entry,
        outcome=outcome,
        path=place.destination,
        size=arrival.size,
        files=len(arrival.files),
        url=arrival.url,
    )
