"""Checking a registry: is everything that it lists where it says, as it says, and intact here?"""

from __future__ import annotations

import contextlib
from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from cas.errors import CasError
from cas.progress import Silent
from cas.registry.freshness import has_moved_on
from cas.registry.getting import require_size, slash_error
from cas.registry.hashing import hashes_to
from cas.registry.here import Here, here
from cas.registry.nested import Own
from cas.registry.places import Place
from cas.registry.recognise import recognise
from cas.registry.restamp import distrust
from cas.registry.together import together
from cas.remotes.sources import open_source

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cas.progress import Progress
    from cas.registry.entry import RemoteEntry
    from cas.remotes.location import Location
    from cas.remotes.settings import Settings
    from cas.remotes.source import RemoteFile
    from cas.repo.repository import Repository
    from cas.view.view import View

_SILENT = Silent()
_AT_ONCE: Final = 8


class About(StrEnum):
    """What a finding is about."""

    SOURCE = "source"
    """The far side."""
    COPY = "copy"
    """What is here, as it should be."""
    DAMAGE = "damage"
    """What is here, and is not what it was, or not what it should be."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    entry: RemoteEntry
    about: About
    text: str
    """What was found: "not downloaded", "reachable, 12 bytes"."""
    error: CasError | None = None
    """What is wrong; None if nothing is."""
    is_outdated: bool = False
    """Whether the far side has something else by now than what was downloaded from it; nothing is wrong."""

    @property
    def is_well(self) -> bool:
        """Whether nothing is wrong."""
        return self.error is None and self.about is not About.DAMAGE


def check(
    entries: Sequence[RemoteEntry],
    *,
    view: View,
    settings: Settings | None,
    repository: Repository | None = None,
    progress: Progress = _SILENT,
) -> list[Finding]:
    """Look at the far side of each entry, its mirrors among them, and re-hash what is here.

    Args:
        entries: What to check.
        view: Says where they belong.
        settings: Credentials; None asks nobody.
        repository: Knows the versions that may be here instead of what was downloaded last.
        progress: Told about entries.

    Returns:
        At least one finding for each entry, in their order.
    """

    def one(entry: RemoteEntry, _: Progress) -> list[Finding]:
        place = Place.of(entry, view)
        remote = [] if settings is None else [_source(place, at, settings) for at in entry.locations]
        return [*remote, *_copy(place, repository)]

    findings = together(one, entries, count=_AT_ONCE, task="checking", progress=progress)
    return [finding for some in findings for finding in some]


def _source(place: Place, location: Location, settings: Settings) -> Finding:
    entry = place.entry
    try:
        with closing(open_source(location, settings)) as source:
            if entry.is_directory:
                files = list(Own(source, entry).list())
                require_size(entry, files)
                return _reachable(place, location, _counted(files), files)
            file = source.head()
            if file.size is not None:
                require_size(entry, [file])
            return _reachable(place, location, "a file", [file])
    except CasError as error:
        return Finding(entry, About.SOURCE, str(location), slash_error(entry, error))


def _reachable(place: Place, location: Location, told: str, files: Sequence[RemoteFile]) -> Finding:
    sizes = [file.size for file in files if file.size is not None]
    size = " of unknown size" if files and not sizes else f", {sum(sizes):,} bytes"
    is_outdated = has_moved_on(place, location, files)
    more = "; changed since it was downloaded" if is_outdated else ""
    if is_outdated and place.entry.digest is not None:
        more += ", and the registry pins the digest of what came then"
    text = f"{location}: {told}{size}{more}"
    return Finding(place.entry, About.SOURCE, text, is_outdated=is_outdated)


def _counted(files: Sequence[RemoteFile]) -> str:
    return "1 file" if len(files) == 1 else f"{len(files):,} files"


def _copy(place: Place, repository: Repository | None) -> Iterator[Finding]:
    """Compare what is here with what was downloaded, and with what the registry declares; reads all of it."""
    entry, arrival = place.entry, place.arrival
    state = here(place)
    if state is Here.NO:
        yield Finding(entry, About.COPY, "not here")
        return
    damaged = []
    if arrival is not None and state is not Here.STALE:
        damaged = list(arrival.damaged(place.destination))
    if damaged:
        yield from _other(place, damaged, repository)
        return
    if entry.digest is not None and not hashes_to(place.destination, entry.digest):
        yield Finding(entry, About.DAMAGE, f"'{place.destination}' does not hash to {entry.digest}")
    elif state is Here.STALE:
        yield Finding(entry, About.COPY, "downloaded before the registry named another URL or digest")
    elif arrival is None and entry.digest is None:
        yield Finding(entry, About.COPY, "here, but not downloaded: there is nothing to compare it with")
    else:
        yield Finding(entry, About.COPY, "intact")


def _other(place: Place, changed: list[str], repository: Repository | None) -> Iterator[Finding]:
    """Say what is here instead of what was downloaded last: an earlier version is no damage.

    Of damage that does not show from outside a note is made: the download that mends it has to read.
    """
    version = recognise(repository, place, changed) if repository is not None else None
    if version is not None:
        which = "the current" if version.is_current else "an earlier"
        yield Finding(place.entry, About.COPY, f"{which} version, not what came last: {version.ref}")
        return
    with contextlib.suppress(CasError):  # whoever may not write here may not download here either
        distrust(place, changed)
    for path in changed:
        yield Finding(place.entry, About.DAMAGE, f"'{place.destination / path}' is not what was downloaded")
