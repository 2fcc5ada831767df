"""What a download left behind: which files, as they were then, and what the far side called that state.

It is a note beside the state of the transport, so that "is it here?" is answered without network and without
reading a byte of content. Losing it costs a look at the files, nothing else.
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Final, Self

import msgspec

from cas import fs
from cas.ids import BlobId, Content, Kind, TreeId
from cas.objects.tree import Entry, encode_tree, tree_id
from cas.registry.hashing import content_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from cas.registry.entry import RemoteEntry

NOTE: Final = "arrival"
"""The file of the note."""


class ArrivedFile(msgspec.Struct, frozen=True, array_like=True):
    """One file as it was left."""

    path: bytes
    """Relative to the directory; empty for the one file of a resource that is a file."""
    size: int
    mtime_ns: int
    inode: int
    is_executable: bool
    blake3: bytes
    """32 bytes: its content id."""

    def looks_like(self, status: os.stat_result) -> bool:
        """Whether the file seems untouched: still a file, as large and as old as it was."""
        return (
            stat.S_ISREG(status.st_mode)
            and (self.size, self.mtime_ns) == (status.st_size, status.st_mtime_ns)
            and self.is_executable == bool(status.st_mode & 0o100)
        )


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
        return Content(Kind.EXECUTABLE if only.is_executable else Kind.FILE, BlobId(only.blake3))

    def is_of(self, entry: RemoteEntry) -> bool:
        """Whether it was downloaded for what `entry` says today."""
        return (
            self.is_directory == entry.is_directory
            and self.asked_url == entry.locations[0].identity
            and self.asked_digest == (str(entry.digest) if entry.digest else None)
        )

    def seems_untouched(self, destination: Path) -> bool:
        """Whether every file at `destination` is there and looks as it was left; reads none."""
        statuses = ((file, found(destination, file.path)) for file in self.files)
        return all(status is not None and file.looks_like(status) for file, status in statuses)

    def damaged(self, destination: Path) -> Iterator[str]:
        """Iterate over the files below `destination` that are gone or hold other bytes; reads all of them."""
        for file in self.files:
            if content_of(_below(destination, file.path)) != file.blake3:
                yield os.fsdecode(file.path)


def arrived(
    destination: Path, paths: Iterable[str], known: Mapping[bytes, ArrivedFile]
) -> tuple[ArrivedFile, ...]:
    """Look at the files of a directory that has just been fetched; read what `known` does not vouch for.

    Raises:
        NotFoundError: One of them is gone already.
    """
    return tuple(
        _arrived(destination, path, known.get(path)) for path in sorted(os.fsencode(path) for path in paths)
    )


def arrived_file(destination: Path, digest: bytes) -> ArrivedFile:
    """Look at a single file that has just been fetched, and hashes to `digest`."""
    with fs.explained(f"cannot look at '{destination}'"):
        return note_of(b"", os.lstat(destination), digest)


def note_of(path: bytes, status: os.stat_result, digest: bytes) -> ArrivedFile:
    """Note that the file at the relative `path` had this status when it hashed to `digest`."""
    return ArrivedFile(
        path, status.st_size, status.st_mtime_ns, status.st_ino, bool(status.st_mode & 0o100), digest
    )


def found(destination: Path, path: bytes) -> os.stat_result | None:
    """Look at a file below `destination`, symlinks not followed; None if nothing is there."""
    try:
        return os.lstat(_below(destination, path))
    except OSError:
        return None


def _arrived(destination: Path, path: bytes, known: ArrivedFile | None) -> ArrivedFile:
    place = _below(destination, path)
    with fs.explained(f"cannot look at '{os.fsdecode(place)}'"):
        status = os.lstat(place)
        if known is not None and known.inode == status.st_ino and known.looks_like(status):
            return known
        digest = content_of(place)
        if digest is None:
            raise FileNotFoundError(2, "it is gone, or no file any more", place)
    return note_of(path, status, digest)


def _below(destination: Path, path: bytes) -> bytes:
    return os.path.join(os.fsencode(destination), path) if path else os.fsencode(destination)


def _tree_of(files: Iterable[ArrivedFile]) -> TreeId:
    """Give the id of the tree that holds these files: what a commit of just them computes from the disk."""
    folders: dict[bytes, list[Entry]] = {b"": []}
    for file in files:
        folder, _, name = file.path.rpartition(b"/")
        kind = Kind.EXECUTABLE if file.is_executable else Kind.FILE
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
