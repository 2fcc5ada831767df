"""Entries below the directory of another entry: what belongs to them is none of the outer one's business.

The source of the outer entry may have files where an inner one belongs. They are left out wherever the outer
one is looked at: neither fetched nor stored, compared or counted. So the two never fight over a file,
and it does not matter which of them is downloaded first.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from _typeshed import ReadableBuffer

    from cas.registry.entry import RemoteEntry
    from cas.remotes.location import Location
    from cas.remotes.source import RemoteFile, Source


def nested(entries: Sequence[RemoteEntry]) -> tuple[RemoteEntry, ...]:
    """Tell each directory among `entries` which of the others lie below it."""
    inner: dict[str, dict[str, RemoteEntry]] = {entry.path: {} for entry in entries if entry.is_directory}
    for entry in entries:
        path = entry.path
        while "/" in path:
            path = path.rpartition("/")[0]
            if path in inner:
                inner[path][entry.path[len(path) + 1 :]] = entry
    return tuple(
        replace(entry, inner=inner[entry.path]) if inner.get(entry.path) else entry for entry in entries
    )


class Own:
    """The source of an entry, without what it has where other entries belong."""

    def __init__(self, source: Source, entry: RemoteEntry) -> None:
        self._source = source
        self._entry = entry
        self.left: Counter[str] = Counter()
        """How many files the last listing has left to whom, by their names in the registry."""

    @property
    def location(self) -> Location:
        """Where it is."""
        return self._source.location

    def head(self) -> RemoteFile:
        """Describe the one file."""
        return self._source.head()

    def list(self) -> Iterator[RemoteFile]:
        """Describe every file that is the entry's own."""
        left: Counter[str] = Counter()
        for file in self._source.list():
            owner = self._entry.owner_of(file.path)
            if owner is None:
                yield file
            else:
                left[owner] += 1
        self.left = left

    def read(self, file: RemoteFile, start: int, stop: int | None) -> Iterator[ReadableBuffer]:
        """Read the bytes of `file`."""
        return self._source.read(file, start, stop)

    def close(self) -> None:
        """Give connections up."""
        self._source.close()


def drop_others(scratch: Path, entry: RemoteEntry) -> Counter[str]:
    """Delete what is not of `entry` by now from a version of it that lies in `scratch`; count it by owner."""
    left: Counter[str] = Counter()
    for path in list(scratch.rglob("*")) if entry.inner else ():
        owner = entry.owner_of(path.relative_to(scratch).as_posix())
        if owner is not None and (path.is_symlink() or not path.is_dir()):
            left[owner] += 1
            path.unlink()
            _remove_if_empty(path.parent, scratch)
    return left


def _remove_if_empty(folder: Path, top: Path) -> None:
    """An empty directory would hide what lower layers have there."""
    while folder != top and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent


def left_notes(left: Counter[str]) -> Iterator[str]:
    """Say how many files were left to which entries."""
    for name, count in sorted(left.items()):
        what = "1 file is" if count == 1 else f"{count:,} files are"
        yield f"{what} left to '{name}', which belongs there"
