"""Changing what is noted of how files look: in the note of the download, and in the records of the transport.

What they came as, and what the far side called that, stays.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from cas.remotes.manifest import Manifest
from cas.remotes.place import Place as Records
from cas.remotes.stamp import Stamp

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from cas.registry.arrival import Arrival, ArrivedFile
    from cas.registry.places import Place


def distrust(place: Place, paths: Collection[str]) -> None:
    """Note that files look as they were left and hold other bytes, so that the next download reads them.

    Only while nobody downloads there: a download looks for itself.
    """
    with place.locked(blocking=False) as is_ours:
        arrival = place.arrival
        if not is_ours or arrival is None:
            return

        def doubted(file: ArrivedFile) -> Stamp:
            return file.stamp.doubted if os.fsdecode(file.path) in paths else file.stamp

        _restamp(place, arrival, doubted)


def settle(place: Place, arrival: Arrival) -> None:
    """Note that files have had another name for a while, which changes nothing but the time of change.

    Whoever holds the lock of `place` has just read them by that name, and they are what is noted.
    """

    def settled(file: ArrivedFile) -> Stamp:
        now = Stamp.of(os.lstat(place.destination / os.fsdecode(file.path)))
        return now if now._replace(ctime_ns=file.stamp.ctime_ns) == file.stamp else file.stamp

    _restamp(place, arrival, settled)


def _restamp(place: Place, arrival: Arrival, stamp_of: Callable[[ArrivedFile], Stamp]) -> None:
    before = {file.path: file.stamp for file in arrival.files}
    now = arrival.restamped(stamp_of)
    now.save(place.state)
    with Records(place.state, place.destination).held() as records:
        if not arrival.is_directory:
            kept, (file,) = records.read(), now.files
            if kept is not None and kept.stamp == before[b""]:
                records.write(replace(kept, stamp=file.stamp))
            return
        manifest = Manifest(records.path("files"), arrival.url)
        for file in now.files:
            line = manifest.lines.get(os.fsdecode(file.path))
            if line is not None and line.stamp == before[file.path] != file.stamp:
                manifest.put(os.fsdecode(file.path), replace(line, stamp=file.stamp))
        manifest.close()
