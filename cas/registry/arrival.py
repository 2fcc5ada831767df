"""What a download left behind: which files, as they were then, and what the far side called that state.

It is a note beside the state of the transport, so that "is it here?" is answered without network and without
reading what nobody touched. Losing it costs a look at the files, nothing else.
"""

from __future__ import annotations

import operator
import os
from typing import TYPE_CHECKING, Final, Self

import msgspec

from cas import fs
from cas.ids import BlobId, Content, Kind, TreeId
from cas.objects.tree import Entry, encode_tree, tree_id
from cas.registry.hashing import content_of
from cas.remotes.stamp import Stamp, hashed_at

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from cas.registry.entry import RemoteEntry

NOTE: Final = "arrival"
"""The file of the note."""


class ArrivedFile(msgspec.Struct, frozen=True, array_like=True):
    """One file as it was left."""

    path: bytes
    """Relative to the directory; empty for the one file of a resource that is a file."""
    stamp: Stamp
    """What it looked like when it had these bytes."""
    blake3: bytes
    """32 bytes: its content id."""

    @property
    def size(self) -> int:
        """In bytes."""
        return self.stamp.size

    def found_at(self, place: bytes) -> ArrivedFile | None:
        """Look at it: what is noted, or its bytes if it was touched; None if it is gone or has others."""
        status = _look(place)
        if self.stamp.fits(status):
            return self
        found = None if status is None or status.st_size != self.size else hashed_at(place)
        if found is None or found[1].blake3 != self.blake3.hex():
            return None
        return msgspec.structs.replace(self, stamp=self.stamp.renewed(found[0]))


class Arrival(msgspec.Struct, frozen=True):
    """What was downloaded for an entry."""

    asked_url: str
    """What the entry named as its URL then: its identity, without credentials."""
    asked_digest: str | None
    """What the entry said its digest is then."""
    url: str
    """Where it really came from, without credentials."""
    mark: dict[str, str]
    """What the far side called that state: `generation` or `etag`, or nothing."""
    is_directory: bool
    files: tuple[ArrivedFile, ...]
    """In the order of their paths."""

    @classmethod
    def of(
        cls, entry: RemoteEntry, url: str, mark: Mapping[str, str], files: tuple[ArrivedFile, ...]
    ) -> Self:
        """Note that `files` came from `url` for `entry`."""
        return cls(
            asked_url=entry.locations[0].identity,
            asked_digest=str(entry.digest) if entry.digest else None,
            url=url,
            mark=dict(mark),
            is_directory=entry.is_directory,
            files=files,
        )

    @classmethod
    def load(cls, state: Path) -> Self | None:
        """Read the note in `state`; None if there is none, or none that can be read."""
        try:
            return msgspec.msgpack.decode((state / NOTE).read_bytes(), type=cls)
        except (OSError, msgspec.DecodeError):  # a note is advice: whoever lost it looks at the files
            return None

    def save(self, state: Path) -> None:
        """Write the note into `state`."""
        with fs.explained(f"cannot write '{state / NOTE}'"):
            fs.write_atomically(state / NOTE, msgspec.msgpack.encode(self))

    def without_others(self, entry: RemoteEntry) -> Self:
        """Leave out what belongs to an entry below `entry`, which came before the registry said so."""
        own = (file for file in self.files if entry.owner_of(os.fsdecode(file.path)) is None)
        return msgspec.structs.replace(self, files=tuple(own))

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)

    @property
    def content(self) -> Content:
        """What a commit of these files, and of no others, would store."""
        if self.is_directory:
            return Content(Kind.DIRECTORY, _tree_of(self.files))
        (only,) = self.files
        return Content(Kind.EXECUTABLE if only.stamp.is_executable else Kind.FILE, BlobId(only.blake3))

    def is_of(self, entry: RemoteEntry) -> bool:
        """Whether it was downloaded for what `entry` says today."""
        return (
            self.is_directory == entry.is_directory
            and self.asked_url == entry.locations[0].identity
            and self.asked_digest == (str(entry.digest) if entry.digest else None)
        )

    def seems_untouched(self, destination: Path) -> bool:
        """Whether every file at `destination` is there and looks as it was left; reads none."""
        return all(file.stamp.fits(_look(below(destination, file.path))) for file in self.files)

    def renewed(self, destination: Path) -> Arrival | None:
        """Note anew what the files at `destination` look like; None if one is gone or holds other bytes.

        Reads those that were touched.
        """
        files = []
        for file in self.files:
            now = file.found_at(below(destination, file.path))
            if now is None:
                return None
            files.append(now)
        if all(map(operator.is_, files, self.files)):
            return self
        return msgspec.structs.replace(self, files=tuple(files))

    def restamped(self, stamp_of: Callable[[ArrivedFile], Stamp]) -> Arrival:
        """Say the same of the same files, which look otherwise."""
        files = tuple(msgspec.structs.replace(file, stamp=stamp_of(file)) for file in self.files)
        return msgspec.structs.replace(self, files=files)

    def damaged(self, destination: Path) -> Iterator[str]:
        """Iterate over the files below `destination` that are gone or hold other bytes; reads all of them."""
        for file in self.files:
            if content_of(below(destination, file.path)) != file.blake3:
                yield os.fsdecode(file.path)


def below(destination: Path, path: bytes) -> bytes:
    """Name the file at the relative `path`, or the one file of a resource that is a file."""
    return os.path.join(os.fsencode(destination), path) if path else os.fsencode(destination)


def _look(place: bytes) -> os.stat_result | None:
    try:
        return os.lstat(place)
    except OSError:
        return None


def _tree_of(files: Iterable[ArrivedFile]) -> TreeId:
    """Give the id of the tree that holds these files: what a commit of just them computes from the disk."""
    folders: dict[bytes, list[Entry]] = {b"": []}
    for file in files:
        folder, _, name = file.path.rpartition(b"/")
        kind = Kind.EXECUTABLE if file.stamp.is_executable else Kind.FILE
        folders.setdefault(folder, []).append(Entry.of(name, kind, file.size, file.blake3))
        while folder:  # a folder may hold nothing but folders
            folder = folder.rpartition(b"/")[0]
            folders.setdefault(folder, [])
    return _close(folders)


def _close(folders: dict[bytes, list[Entry]]) -> TreeId:
    """Hash the folders, each into its parent, the deepest first and the one called "" last."""
    tree = TreeId(b"")
    for folder in sorted(folders, key=lambda path: (path != b"", path.count(b"/")), reverse=True):
        entries = sorted(folders[folder], key=lambda entry: entry.name)
        tree = tree_id(encode_tree(entries))
        if folder:
            parent, _, name = folder.rpartition(b"/")
            size = sum(entry.size for entry in entries)
            folders[parent].append(Entry.of(name, Kind.DIRECTORY, size, tree.raw))
    return tree
