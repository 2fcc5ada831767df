"""Telling the transport what was put back: these files are as we left them, and nobody edited them.

What the far side calls the state that has these bytes is kept where it is known. Where it is not, the next
download asks for them again, and says nothing of edits.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from cas.remotes.manifest import Line, Manifest
from cas.remotes.place import Kept
from cas.remotes.place import Place as Records

if TYPE_CHECKING:
    from cas.registry.arrival import Arrival, ArrivedFile
    from cas.registry.places import Place


def remember(place: Place, arrival: Arrival) -> None:
    """Record what was just put back at `place`; the note of what was there before must still be there."""
    with Records(place.state, place.destination).held() as records:
        if arrival.is_directory:
            _remember_all(place, records, arrival)
        else:
            records.write(_kept(place, records.read(), arrival))


def _kept(place: Place, before: Kept | None, arrival: Arrival) -> Kept:
    entry, (file,) = place.entry, arrival.files
    came_from = next(at for at in entry.locations if at.without_credentials == arrival.url)
    digests = (str(entry.digest),) if entry.digest and entry.digest.algorithm != "blake3" else ()
    if before is not None and (before.url, before.blake3) == (came_from.identity, file.blake3.hex()):
        return replace(before, size=file.size, mtime_ns=file.mtime_ns, digests=digests)
    # A version does not say which key its URL had, and another key may name another file.
    mark = arrival.mark if came_from.identity == arrival.url else {}
    return Kept(
        url=came_from.identity,
        token=mark.get("generation") or mark.get("etag"),
        etag=mark.get("etag"),
        generation=mark.get("generation"),
        modified=None,
        size=file.size,
        mtime_ns=file.mtime_ns,
        blake3=file.blake3.hex(),
        digests=digests,
    )


def _remember_all(place: Place, records: Records, arrival: Arrival) -> None:
    before = place.arrival
    known = {file.path: file for file in before.files} if before is not None else {}
    manifest = Manifest(records.path("files"), arrival.url)
    for file in arrival.files:
        path = os.fsdecode(file.path)
        token = _token(manifest.lines.get(path), known.get(file.path), file)
        manifest.put(path, Line(token, file.size, file.mtime_ns))
    manifest.close()


def _token(line: Line | None, before: ArrivedFile | None, now: ArrivedFile) -> str | None:
    """What the far side called the file when it had these bytes; None if nobody knows."""
    if line is None or before is None or before.blake3 != now.blake3:
        return None
    return line.token if (line.size, line.mtime_ns) == (before.size, before.mtime_ns) else None
