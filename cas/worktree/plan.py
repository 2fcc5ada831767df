"""What a checkout has to do: a walk over three trees at once, before anything is touched.

For each name there is what is on disk (W), what the version has (T), and what earlier checkouts put there
(P; two of them if one did not finish). Nothing else decides:

    W is T                    nothing to do
    no W                      place T
    W is P, or --force        replace W by T; without T, delete W
    W is not P, and T wants   a local edit (or a foreign file) is in the way: the checkout is refused
      the name, or P had it
    W, but neither T nor P    foreign: it stays

Directories are merged, never compared as a whole: W has no tree id, because looking for one would mean to
read everything. A directory that is left empty goes if P had it.

The steps go to a spool, not to a list: a million changed files cost no memory. All deletions in a directory
come before what is placed in it: on a disk that does not tell cases apart, `A` has to go before `a` comes.
"""

from __future__ import annotations

import os
import tempfile
from enum import IntEnum
from typing import IO, TYPE_CHECKING, Final

import msgspec

from cas.errors import InvalidError, NotFoundError
from cas.ids import Kind, TreeId
from cas.objects.tree import Entry
from cas.worktree.compare import join
from cas.worktree.present import Found
from cas.worktree.reserved import is_reserved, refused
from cas.worktree.seen import seen
from cas.worktree.unmade import TAKE_ANOTHER_PART
from cas.worktree.walk import flatten

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path
    from typing import TypeAlias

    from cas.progress import Progress
    from cas.worktree.compare import TreeReader
    from cas.worktree.present import Listing, Present

_SPOOL_IN_MEMORY: Final = 8 * 1024 * 1024
_BLOCK: Final = 1000
_SHOWN: Final = 5


class Action(IntEnum):
    """What a step does."""

    REMOVE_FILE = 0
    """Delete what is not a directory."""
    REMOVE_DIRECTORY = 1
    """Delete a directory, if nothing is left in it."""
    PLACE = 2
    """Put an entry of the version there, where nothing is."""
    REPLACE = 3
    """Put a file or a link there, over a file or a link."""


class Step(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One change of the destination."""

    action: Action
    directory: bytes
    """Relative path of the directory that holds the name."""
    name: bytes
    entry: Entry | None
    """What to place."""
    source: bytes = b""
    """The path of a file that is no object of the store, where one is to be copied."""
    was: tuple[int, ...] = ()
    """What was seen of the file that goes, and nothing else may go; empty to let anything go."""


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(list[Step])


class Spool:
    """A long list of steps, kept in memory while it is short and in a nameless file after that."""

    def __init__(self, directory: Path) -> None:
        self._file: IO[bytes] = tempfile.SpooledTemporaryFile(_SPOOL_IN_MEMORY, dir=str(directory))  # noqa: SIM115 - closed by `close`
        self._block: list[Step] = []
        self.count = 0

    def append(self, step: Step) -> None:
        """Add a step at the end."""
        self._block.append(step)
        self.count += 1
        if len(self._block) >= _BLOCK:
            self._flush()

    def _flush(self) -> None:
        encoded = _encoder.encode(self._block)
        self._file.write(len(encoded).to_bytes(8, "big") + encoded)
        self._block = []

    def __iter__(self) -> Iterator[Step]:
        """Iterate from the first step; nothing may be appended any more."""
        if self._block:
            self._flush()
        self._file.seek(0)
        while size := self._file.read(8):
            yield from _decoder.decode(self._file.read(int.from_bytes(size, "big")))

    def close(self) -> None:
        """Drop the steps."""
        self._file.close()


if TYPE_CHECKING:
    _Steps: TypeAlias = Generator[Step | "_Steps", None, None]


class Planner:
    """Makes the plan of one checkout."""

    def __init__(
        self, present: Present, read: TreeReader, spool: Spool, progress: Progress, *, force: bool
    ) -> None:
        """`read` gives the entries of stored trees."""
        self._progress = progress
        self._present = present
        self._read = read
        self._spool = spool
        self._force = force
        self.unchanged = 0
        """Files and links of the version that are there already."""
        self.removed = 0
        """Files that will be deleted, with nothing in their place."""
        self.size = 0
        """Bytes to be placed, as far as it is known."""
        self.blocked_count = 0
        self.blocked: list[bytes] = []
        """The first few paths whose content would be lost."""

    def merge(self, found: Found, target: Entry, known: Sequence[Entry]) -> None:
        """Plan for a root that is a directory and shall be the directory `target`."""
        self._run(self._merge(b"", found, target, known))

    def put(self, name: bytes, found: Found | None, target: Entry, known: Sequence[Entry]) -> None:
        """Plan for one name in the root, which is not a directory on both sides."""
        self._run(self._put(name, found, target, known))

    def _run(self, steps: _Steps) -> None:
        for step in flatten(steps, Step):
            self._spool.append(step)

    def _put(self, name: bytes, found: Found | None, target: Entry, known: Sequence[Entry]) -> _Steps:
        if found is not None and found.is_like(target) and found.is_intact:
            self.unchanged += 1
            return
        if found is not None:
            yield self._make_way(b"", found, target, known)
        yield self._place(b"", name, found, target)

    def _merge(self, path: bytes, found: Found, target: Entry, known: Sequence[Entry]) -> _Steps:
        listing = self._present.list(path, found.status)
        self._progress.advance(len(listing.items))
        trees = listing.trees_if(target.id)
        if trees is not None:
            yield from self._descend(listing, trees, target, known)
            return
        entries = {entry.name: entry for entry in self._read(TreeId(target.id))}
        _refuse_repositories(path, entries)
        before = [entries if entry.id == target.id else self._read_before(entry) for entry in known]
        there = self._present.look(listing, [entries, *before])
        for name, one in there.items():
            yield self._make_way(path, one, entries.get(name), _named(before, name))
        for name, entry in entries.items():
            one_there = there.get(name)
            if one_there is not None and _are_directories(one_there, entry):
                yield self._merge(join(path, name), one_there, entry, _named(before, name))
            elif one_there is not None and one_there.is_like(entry) and one_there.is_intact:
                self.unchanged += 1
            else:
                yield self._place(path, name, one_there, entry)

    def _descend(
        self, listing: Listing, trees: Mapping[bytes, bytes], target: Entry, known: Sequence[Entry]
    ) -> _Steps:
        """Go on below a directory whose own files are as they should be."""
        self.unchanged += len(listing.items) - len(trees)
        if not trees:
            return
        entries = {name: Entry.of(name, Kind.DIRECTORY, 0, tree) for name, tree in trees.items()}
        before = [entries if entry.id == target.id else self._read_before(entry) for entry in known]
        for name, _, status in listing.items:
            if name in trees:
                one = Found(name, Kind.DIRECTORY, b"", status)
                yield self._merge(join(listing.path, name), one, entries[name], _named(before, name))

    def _place(self, path: bytes, name: bytes, found: Found | None, target: Entry) -> Step:
        self.size += target.size
        is_over = found is not None and found.kind is not Kind.DIRECTORY and target.kind is not Kind.DIRECTORY
        if found is None or not is_over:
            return Step(Action.PLACE, path, name, target)
        return Step(Action.REPLACE, path, name, target, was=self._seen(found))

    def _make_way(self, path: bytes, found: Found, target: Entry | None, known: Sequence[Entry]) -> _Steps:
        """Plan for what is on disk under a name: it stays, it is overwritten later, or it goes now."""
        if target is None:
            if known:
                yield self._clear(path, found, known, keep_foreign=True)
            return
        if found.is_repository:
            raise _in_repository(join(path, found.name))
        if _are_directories(found, target) or (found.is_like(target) and found.is_intact):
            return
        if found.kind is Kind.DIRECTORY:
            yield self._clear(path, found, known, keep_foreign=False)
        elif not self._may_go(found, known, target):
            self._block(join(path, found.name))
        elif target.kind is Kind.DIRECTORY:
            yield Step(Action.REMOVE_FILE, path, found.name, None, was=self._seen(found))

    def _clear(self, path: bytes, found: Found, known: Sequence[Entry], *, keep_foreign: bool) -> _Steps:
        """Delete what earlier checkouts put there; with `keep_foreign`, only that."""
        full = join(path, found.name)
        if found.is_repository:
            if not keep_foreign:
                raise _in_repository(full)
            return
        if found.kind is not Kind.DIRECTORY:
            if self._may_go(found, known):
                self.removed += 1
                yield Step(Action.REMOVE_FILE, path, found.name, None, was=self._seen(found))
            else:
                self._block(full)
            return
        if not any(entry.kind is Kind.DIRECTORY for entry in known):  # somebody has made it, empty perhaps
            if keep_foreign:
                return
            if not self._force:
                self._block(full)
                return
        before = [self._read_before(entry) for entry in known]
        listing = self._present.list(full, found.status)
        for one in self._present.look(listing, before).values():
            had = _named(before, one.name)
            if had or not keep_foreign:
                yield self._clear(full, one, had, keep_foreign=keep_foreign)
        yield Step(Action.REMOVE_DIRECTORY, path, found.name, None)

    def _seen(self, found: Found) -> tuple[int, ...]:
        """Remember what may go; by order, anything may."""
        return () if self._force else seen(found.status)

    def _may_go(self, found: Found, known: Sequence[Entry], *also: Entry) -> bool:
        """Whether nothing is lost: `cas` put it there, or it is to be lost by order."""
        return self._force or any(found.is_like(entry) for entry in (*known, *also))

    def _block(self, path: bytes) -> None:
        self.blocked_count += 1
        if len(self.blocked) < _SHOWN:
            self.blocked.append(path)

    def _read_before(self, entry: Entry) -> Mapping[bytes, Entry]:
        if entry.kind is not Kind.DIRECTORY:
            return {}
        try:
            return {child.name: child for child in self._read(TreeId(entry.id))}
        except NotFoundError:  # gc took the version that was here: everything that differs counts as edited
            return {}


def _named(lists: Sequence[Mapping[bytes, Entry]], name: bytes) -> list[Entry]:
    return [entries[name] for entries in lists if name in entries]


def _are_directories(found: Found, target: Entry) -> bool:
    return found.kind is Kind.DIRECTORY and target.kind is Kind.DIRECTORY


def _refuse_repositories(path: bytes, names: Iterable[bytes]) -> None:
    for name in names:
        if is_reserved(name):
            raise refused(os.fsdecode(join(path, name)), hint=TAKE_ANOTHER_PART)


def _in_repository(path: bytes) -> InvalidError:
    return InvalidError(
        f"cannot write '{os.fsdecode(path)}'",
        code="inside-repository",
        why="a repository is there",
        hint="check out to another directory",
    )
