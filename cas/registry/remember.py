"""Telling the transport what was put back: these files are as we left them, and nobody edited them.

What the far side calls the state that has these bytes is kept where it is known. Where it is not, the next
download asks for them again, and says nothing of edits.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from cas.remotes.manifest import Line, Manifest
from cas.remotes.place import Kept
from cas.remotes.place import Place as Records

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cas.registry.arrival import Arrival
    from cas.registry.entry import RemoteEntry
    from cas.registry.places import Place
    from cas.remotes.location import Location

UNKNOWN_KEY: Final = "#?"
"""Stands in a record where an identity has the hash of a key: no key has this one."""


def remember(place: Place, arrival: Arrival) -> None:
    """Record what was just put back at `place`."""
    with Records(place.state, place.destination).held() as records:
        if arrival.is_directory:
            _remember_all(records, arrival)
        else:
            records.write(_kept(place, records.read(), arrival))


def came_from(entry: RemoteEntry, url: str) -> Location:
    """Find which location of an entry the URL of a version names."""
    return next(at for at in entry.locations if at.without_credentials == url)


def unknown_key_notes(place: Place) -> Iterator[str]:
    """Say of what was put back, if it is so, that nobody knows with which key it once came."""
    record = Records(place.state, place.destination).read()
    if record is not None and record.url.endswith(UNKNOWN_KEY):
        url, locations = record.url.removesuffix(UNKNOWN_KEY), place.entry.locations
        # the registry may not list the mirror any more that it came from
        yield unknown_key_note(next((at for at in locations if at.without_credentials == url), locations[0]))


def unknown_key_note(location: Location) -> str:
    """Say that a version does not tell the key that `location` has."""
    what = ", ".join(f"'{key}'" for key in location.keys) or "it"
    return f"the repository does not say which key it was fetched with: {what} may have been another"


def _kept(place: Place, before: Kept | None, arrival: Arrival) -> Kept:
    entry, (file,) = place.entry, arrival.files
    location = came_from(entry, arrival.url)
    digests = (str(entry.digest),) if entry.digest and entry.digest.algorithm != "blake3" else ()
    if before is not None and (before.url, before.blake3) == (location.identity, file.blake3.hex()):
        return replace(before, stamp=file.stamp, digests=digests)
    # A version does not say which key its URL had, and another key may name another file.
    is_unknown = location.has_key and entry.digest is None
    mark = {} if location.has_key else arrival.mark
    return Kept(
        url=f"{arrival.url}{UNKNOWN_KEY}" if is_unknown else location.identity,
        token=mark.get("generation") or mark.get("etag"),
        etag=mark.get("etag"),
        generation=mark.get("generation"),
        modified=None,
        stamp=file.stamp,
        blake3=file.blake3.hex(),
        digests=digests,
    )


def _remember_all(records: Records, arrival: Arrival) -> None:
    manifest = Manifest(records.path("files"), arrival.url)
    for file in arrival.files:
        path = os.fsdecode(file.path)
        line, digest = manifest.lines.get(path), file.blake3.hex()
        # What the far side called the file when it had these bytes, if anybody knows.
        token = line.token if line is not None and line.blake3 == digest else None
        manifest.put(path, Line(token, file.stamp, digest))
    manifest.close()
