"""A far side that is a directory, a registry that lists it, and a place for what comes of it."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cas.registry.arrival import Arrival, ArrivedFile, below
from cas.registry.entry import RemoteEntry
from cas.remotes.stamp import Stamp, hashed_at

if TYPE_CHECKING:
    from pathlib import Path

    from cas.registry.places import Place


def write(path: Path, text: str) -> Path:
    """Make a file, and what leads to it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def contents(folder: Path) -> dict[str, str]:
    """What is in a directory, what is ours in a layer left out."""
    return {
        path.relative_to(folder).as_posix(): path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".cas-downloads" not in path.parts
    }


def entry(name: str, source: Path, dst_path: str, **keys: Any) -> RemoteEntry:  # noqa: ANN401 - as the class takes them
    """An entry whose source is a file or a directory of this machine."""
    return RemoteEntry(name=name, dst_path=dst_path, url=source.as_uri(), **keys)


@dataclass(frozen=True, slots=True)
class Landing:
    """A place in which something lies as if it had just been downloaded."""

    place: Place
    mark: dict[str, str] = field(default_factory=dict)

    def note(self, *paths: str) -> Arrival:
        """Note that these files, or the one that the place is for, came from the entry's URL."""
        place = self.place
        place.state.mkdir(parents=True, exist_ok=True)
        names = sorted(map(os.fsencode, paths)) if place.entry.is_directory else [b""]
        files = tuple(self._found(name) for name in names)
        arrival = Arrival.of(place.entry, place.entry.public_url, self.mark, files)
        arrival.save(place.state)
        return arrival

    def _found(self, path: bytes) -> ArrivedFile:
        found = hashed_at(below(self.place.destination, path))
        assert found is not None
        return ArrivedFile(path, Stamp.of(found[0]), bytes.fromhex(found[1].blake3))
