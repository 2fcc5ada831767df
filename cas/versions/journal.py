r"""The journal: every event that moved a ref, in plain files, so that the index can be lost.

Theory of operation
-------------------
A *group* is what one command did: its events, applied in one index transaction or not at all. One group is
one line with a checksum (`journal_lines`), so a group is never read in part.

The order of a command is: journal line, fsync, index transaction (synced). Only the holder of the index's
write transaction touches the journal, so there is one writer at a time over all processes.

Invariants, for a journal whose last group ends at J and an index whose sequence is I
1. J = I, or the last group starts at I + 1: it was written, and its transaction did not happen (or has not
   yet). It is *unfinished*, and cut by the next writer. There is never a second one.
2. Bytes after the last whole line are the start of a line whose writer died; they are cut likewise. A line
   with a wrong checksum at the end is the same, when blocks reached the disk out of order.
3. Anything else is damage, and is refused before anything is written:
   - J > I + one group (`index-stale`): the index lost transactions that were synced, as when an old copy is
     put back. The journal is right: `cas recover`.
   - J < I (`journal-stale`): the index was synced after the journal, so the journal lost lines. The index is
     right and reading goes on; but a journal with a hole would recover to something wrong later, so writing
     stops until `cas verify --repair` writes a snapshot in its place. It is not done unasked, because a disk
     that loses synced files is something the user wants to know.
4. A group that starts where the group before it started replaces it: the transaction ran twice.

What cannot be noticed: an index put back from a copy exactly one group old looks like invariant 1.

A *snapshot* replaces all lines by the state that they led to (gc does it, or the journal would only grow).
It is written beside the journal, synced, renamed and then the older files are unlinked; of several files,
the newest counts. Its lines have `first` = 0 and `last` = the sequence that it stands for.
"""

from __future__ import annotations

import contextlib
import os
import re
from typing import TYPE_CHECKING, Final

from cas import fs
from cas.errors import CorruptError
from cas.versions.journal_lines import Group, encode, find_tail, groups, snapshot_lines, without_replaced

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from cas.layout import Layout
    from cas.objects.index import Index, Txn
    from cas.versions.events import Entry
    from cas.versions.journal_lines import Tail

_FILE_NAME: Final = re.compile(r"[0-9]{20}\.log")
_TEMPORARY_NAME: Final = ".snapshot.tmp"


class Journal:
    """The journal of one repository. Keeps no state: every call looks at the files."""

    def __init__(self, layout: Layout) -> None:
        self._directory = layout.journal

    def append(self, entries: Sequence[Entry]) -> None:
        """Make the group `entries` durable; it replaces an unfinished one of the same place.

        Call it inside the index's write transaction, as the last thing before that commits.

        Raises:
            CorruptError: Index and journal contradict each other (invariant 3); nothing was written.
            StorageError: The disk is full or failed.
        """
        first, last = entries[0].sequence, entries[-1].sequence
        line = encode(Group(first, last, list(entries)))
        tail = self._settle(first - 1)
        with fs.explained("cannot write the journal"):
            if tail is None:
                fs.make_directory(self._directory)
            _append_line(self._directory / _file_name(first) if tail is None else tail.path, line)
            if tail is None:
                fs.fsync_directory(self._directory)
        fs.reached("journal.appended")

    def reconcile(self, txn: Txn) -> None:
        """Cut what is torn or unfinished; `txn` is a write transaction, so nobody is appending.

        Raises:
            CorruptError: Index and journal contradict each other (invariant 3).
        """
        self._settle(txn.sequence)

    def check(self, index: Index) -> None:
        """Notice an index that lost transactions; for every open, it takes no lock and writes nothing.

        Raises:
            CorruptError: The journal is ahead by more than one group.
        """
        tail = self._tail()  # before the transaction: a commit in between would look like a lost one
        with index.read() as txn:
            if tail is not None and tail.first > txn.sequence + 1:
                raise _index_stale(tail, txn.sequence)

    def last_sequence(self) -> int:
        """Return the sequence of the last event; 0 if there is none."""
        tail = self._tail()
        return 0 if tail is None else tail.last

    def entries(self, on_damage: Callable[[str], None] | None = None) -> Iterator[Entry]:
        """Iterate over all events in order, from the newest snapshot on. Memory: one group.

        Args:
            on_damage: Called with a sentence about each damaged place, and reading goes on after it.

        Raises:
            CorruptError: A place is damaged and there is no `on_damage`.
        """
        paths = self._paths()
        if not paths:
            return
        report = on_damage or _raise_damage
        with fs.explained("cannot read the journal"), open(paths[-1], "rb") as file:
            yield from without_replaced(groups(file, report), report)

    def verify(self, index: Index, on_damage: Callable[[str], None]) -> int:
        """Read everything and call `on_damage` with a sentence for each problem; how many events there are.

        Takes no lock; commits may go on meanwhile.
        """
        with index.read() as txn:  # before reading: the journal may only be ahead of what is found here
            sequence = txn.sequence
        count = sum(1 for _ in self.entries(on_damage))
        last = self.last_sequence()
        if last < sequence:
            on_damage(f"the journal ends at event {last}, the index knows {sequence}")
        return count

    def replace_by_snapshot(self, sequence: int, entries: Iterable[Entry]) -> None:
        """Replace everything up to `sequence` by `entries`, which lead to the same tables.

        Call it inside a write transaction that changes nothing, where `sequence` is the index's own: the
        snapshot must not hold what is not committed. A crash at any step leaves the old journal or the new.

        Raises:
            CorruptError: The index lost transactions that only the journal has.
        """
        tail = self._tail()
        if tail is not None and tail.last > sequence and tail.first != sequence + 1:
            raise _index_stale(tail, sequence)
        with fs.explained("cannot write the journal"):
            fs.make_directory(self._directory)
            old = self._paths()
            new = self._directory / _file_name(sequence + 1)
            temporary = self._directory / _TEMPORARY_NAME
            with open(temporary, "wb") as file:
                file.writelines(snapshot_lines(sequence, entries))
                file.flush()
                os.fsync(file.fileno())
            fs.reached("journal.snapshot-written")
            os.rename(temporary, new)
            fs.fsync_directory(self._directory)
            fs.reached("journal.snapshot-published")
            for path in old:
                if path != new:
                    path.unlink()
        fs.reached("journal.snapshot-done")

    def _settle(self, sequence: int) -> Tail | None:
        """Bring the journal to end exactly at `sequence`, the index's; invariants 1 to 3."""
        tail = self._tail()
        while tail is not None and tail.last > sequence:
            if tail.first != sequence + 1:
                raise _index_stale(tail, sequence)
            _cut(tail.path, tail.start)
            tail = self._tail()
        if (0 if tail is None else tail.last) != sequence:
            raise CorruptError(
                "cannot write to the repository",
                code="journal-stale",
                why=f"the journal ends at event {tail.last if tail else 0}, the index knows {sequence}",
                hint="the index is complete: run `cas verify --repair` to write the journal anew from it",
            )
        if tail is not None and os.stat(tail.path).st_size > tail.end:
            _cut(tail.path, tail.end)
        return tail

    def _paths(self) -> list[Path]:
        """Files of the journal, oldest first; there is more than one only while a snapshot is published."""
        try:
            names = sorted(filter(_FILE_NAME.fullmatch, os.listdir(self._directory)))
        except FileNotFoundError:
            return []
        return [self._directory / name for name in names]

    def _tail(self) -> Tail | None:
        with fs.explained("cannot read the journal"):
            while paths := self._paths():
                # a snapshot may take the file away between listing and opening: list again
                with contextlib.suppress(FileNotFoundError), open(paths[-1], "rb", buffering=0) as file:
                    return find_tail(paths[-1], file.fileno())
        return None


def _file_name(first: int) -> str:
    return f"{first:020}.log"


def _append_line(path: Path, line: bytes) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fs.write_all(fd, line)
        fs.reached("journal.written")
        os.fsync(fd)
    finally:
        os.close(fd)


def _cut(path: Path, size: int) -> None:
    """Shorten the file; not synced, because what is cut means nothing whether it is there or not."""
    with fs.explained("cannot write the journal"):
        os.truncate(path, size)
    fs.reached("journal.cut")


def _raise_damage(sentence: str) -> None:
    raise CorruptError(
        "cannot read the journal",
        code="journal-damaged",
        why=sentence,
        hint="run `cas verify --repair` while the index is intact",
    )


def _index_stale(tail: Tail, sequence: int) -> CorruptError:
    return CorruptError(
        "cannot trust the index",
        code="index-stale",
        why=f"it knows {sequence} events, and the journal has {tail.last}",
        hint="run `cas recover` to rebuild it",
    )
