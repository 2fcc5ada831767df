"""Whether the far side has something else by now than what was downloaded: by what it says, not by bytes."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from cas.remotes.manifest import Manifest
from cas.remotes.place import Place as Records

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cas.registry.arrival import Arrival
    from cas.registry.places import Place
    from cas.remotes.location import Location
    from cas.remotes.manifest import Line
    from cas.remotes.source import RemoteFile


def has_moved_on(place: Place, location: Location, files: Sequence[RemoteFile]) -> bool:
    """Whether `location`, which has `files` now, had others when they were downloaded from it.

    False also if nothing was, or if the far side does not say enough to tell.
    """
    arrival = place.arrival
    if arrival is None or not arrival.is_of(place.entry) or arrival.url != location.without_credentials:
        return False
    records = Records(place.state, place.destination)
    if arrival.is_directory:
        lines = Manifest(records.path("files"), arrival.url).lines
        return _have_moved_on(arrival, lines, {file.path: file for file in files})
    (now,), kept = files, records.read()
    if kept is None or kept.url != location.identity:
        return False
    return _differs(now, token=kept.token, size=kept.stamp.size)


def _have_moved_on(arrival: Arrival, lines: dict[str, Line], files: dict[str, RemoteFile]) -> bool:
    sizes = {os.fsdecode(file.path): file.size for file in arrival.files}
    if not sizes.keys() <= files.keys():
        return True
    # What is new and empty may stand for a directory, and be no file.
    if any(file.size != 0 for path, file in files.items() if path not in sizes):
        return True
    tokens = {path: line.token for path, line in lines.items()}
    return any(_differs(files[path], token=tokens.get(path), size=size) for path, size in sizes.items())


def _differs(now: RemoteFile, *, token: str | None, size: int) -> bool:
    if now.size is not None and now.size != size:
        return True
    return token is not None and now.token is not None and now.token != token
