"""A far side that is a directory, a registry that lists it, and a place for what comes of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cas.registry.arrival import Arrival, arrived, arrived_file
from cas.registry.entry import RemoteEntry
from cas.registry.hashing import content_of

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
        if place.entry.is_directory:
            files = arrived(place.destination, paths, {})
        else:
            digest = content_of(place.destination)
            assert digest is not None
            files = (arrived_file(place.destination, digest),)
        arrival = Arrival.of(place.entry, place.entry.public_url, self.mark, files)
        arrival.save(place.state)
        return arrival
