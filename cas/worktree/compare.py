"""What differs between two directories known by their trees: equal ids are never looked into.

A *reader* gives the entries of a tree id; stored trees come from `ObjectStore.tree`. What a directory on
disk holds is compared by `cas.worktree.status`, in the same terms.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from cas.ids import Content, Kind, TreeId
from cas.objects.tree import Entry
from cas.worktree.walk import flatten

if TYPE_CHECKING:
    from typing import TypeAlias

TreeReader = Callable[[TreeId], Sequence[Entry]]
"""Gives the entries of a directory, sorted by name."""


class Status(StrEnum):
    """How a path differs."""

    ADDED = "added"
    REMOVED = "removed"
    MODIFIED = "modified"
    """Other bytes, another link target, or another executable bit."""
    TYPE = "type"
    """A file where a directory or a link was, or any other such pair."""


@dataclass(frozen=True, slots=True)
class Change:
    """One path that differs. A directory appears only if it is empty or took the place of something else."""

    status: Status
    path: str
    """Relative, with `/`; bytes that are not UTF-8 are surrogate escapes. Empty for a single file."""
    old: Entry | None
    new: Entry | None


def same(a: Entry, b: Entry) -> bool:
    """Whether two entries stand for equal things, whatever their names."""
    return a.id == b.id and a.kind is b.kind


def as_entry(content: Content | Entry) -> Entry:
    """Dress a content as the entry that it would be in a directory; its name is empty, its size unknown."""
    if isinstance(content, Content):
        return Entry.of(b"", content.kind, 0, content.id.raw)
    return Entry.of(b"", content.kind, 0, content.id)


def join(directory: bytes, name: bytes) -> bytes:
    """Put a relative path together; the top is the empty path.

    >>> join(b"", b"a"), join(b"a", b"b")
    (b'a', b'a/b')
    """
    return directory + b"/" + name if directory else name


def diff(
    read: TreeReader, a: Content | None, b: Content | None, *, read_b: TreeReader | None = None
) -> Iterator[Change]:
    """Iterate over what must change to turn `a` into `b`, sorted by the components of the path.

    Args:
        read: Reader of the trees of `a`, and of those of `b` unless `read_b` is given.
        a: The old side; None is nothing at all.
        b: The new side.
        read_b: Reader of the trees of `b`.

    Cost: two tree reads for each directory that differs, one for each that only one side has.
    """
    walk = _Walk(read, read_b or read)
    old = None if a is None else as_entry(a)
    new = None if b is None else as_entry(b)
    return flatten(walk.compare(b"", old, new), Change)


def removal(read: TreeReader, path: bytes, entry: Entry) -> Iterator[Change]:
    """Iterate over what is lost when `entry`, at `path`, is not there."""
    return flatten(_Walk(read, read).compare(path, entry, None), Change)


if TYPE_CHECKING:
    _Steps: TypeAlias = Generator[Change | "_Steps", None, None]


@dataclass(frozen=True, slots=True)
class _Walk:
    read_old: TreeReader
    read_new: TreeReader

    def compare(self, path: bytes, old: Entry | None, new: Entry | None) -> _Steps:
        if old is not None and new is not None:
            if same(old, new):
                return
            if not _are_directories(old, new):
                yield Change(status_of(old, new), os.fsdecode(path), old, new)
        below_old, below_new = _below(self.read_old, old), _below(self.read_new, new)
        if not below_old and not below_new and (old is None) is not (new is None):
            status = Status.REMOVED if new is None else Status.ADDED
            yield Change(status, os.fsdecode(path), old, new)
        for name, left, right in _pairs(below_old, below_new):
            yield self.compare(join(path, name), left, right)


def status_of(old: Entry, new: Entry) -> Status:
    """Name the difference between two entries that are not the same."""
    plain = (Kind.FILE, Kind.EXECUTABLE)
    is_same_type = old.kind is new.kind or (old.kind in plain and new.kind in plain)
    return Status.MODIFIED if is_same_type else Status.TYPE


def _are_directories(a: Entry, b: Entry) -> bool:
    return a.kind is Kind.DIRECTORY and b.kind is Kind.DIRECTORY


def _below(read: TreeReader, entry: Entry | None) -> Sequence[Entry]:
    return read(TreeId(entry.id)) if entry is not None and entry.kind is Kind.DIRECTORY else ()


def _pairs(a: Sequence[Entry], b: Sequence[Entry]) -> Iterator[tuple[bytes, Entry | None, Entry | None]]:
    """Merge two lists that are sorted by name."""
    i = j = 0
    while i < len(a) or j < len(b):
        if j == len(b) or (i < len(a) and a[i].name < b[j].name):
            yield a[i].name, a[i], None
            i += 1
        elif i == len(a) or b[j].name < a[i].name:
            yield b[j].name, None, b[j]
            j += 1
        else:
            yield a[i].name, a[i], b[j]
            i, j = i + 1, j + 1
