"""The ledger: how events get into the tables, the log and the journal, and out of them again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from cas.errors import CasError, CorruptError
from cas.versions import rows
from cas.versions.effects import apply, snapshot
from cas.versions.events import Entry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from cas.objects.index import Txn
    from cas.versions.events import AnyEvent
    from cas.versions.journal import Journal

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Entry)

_SEQUENCE = b"sequence"
"""The counter of the meta table that `Txn.sequence` reads."""


class Ledger:
    """The one way to change refs."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal

    def record(self, txn: Txn, events: Iterable[AnyEvent], now_ns: int) -> list[Entry]:
        """Make `events` happen, all or none, as one group; nothing if there are none.

        Call it once in a write transaction, last: the journal is synced when it returns, and only the end of
        the transaction makes the group count.

        Args:
            txn: A write transaction.
            events: In the order in which they happen.
            now_ns: When: nanoseconds since 1970.

        Raises:
            NotFoundError, ConflictError: See `effects.apply`.
            CorruptError: Index and journal contradict each other; see `journal`, invariant 3.
        """
        start = txn.sequence + 1
        entries = [Entry(sequence, now_ns, event) for sequence, event in enumerate(events, start)]
        if not entries:
            return []
        for entry in entries:
            apply(txn, entry)
            _log(txn, entry)
        txn.set_number(_SEQUENCE, entries[-1].sequence)
        self.journal.append(entries)
        return entries

    def replay(self, txn: Txn, on_damage: Callable[[str], None]) -> int:
        """Apply the whole journal to empty tables, for `recover`; how many events there were.

        An unfinished group at the end counts as done: the index that could tell is lost, and its content was
        on disk before it was written.

        Args:
            txn: A write transaction.
            on_damage: Called with a sentence for each place that is damaged and each event that makes no
                sense without what was lost; replaying goes on. Called again if the transaction runs twice.
        """
        count = 0
        for entry in self.journal.entries(on_damage):
            count += 1
            try:
                apply(txn, entry)
            except CasError as error:
                on_damage(f"event {entry.sequence}: {error}")
            else:
                _log(txn, entry)
        txn.set_number(_SEQUENCE, self.journal.last_sequence())
        return count

    def compact(self, txn: Txn) -> None:
        """Replace the journal by a snapshot of the tables; the log in the index keeps its history.

        Call it in a write transaction of its own, which changes nothing else (see
        `Journal.replace_by_snapshot`). It also repairs a journal that lost lines.
        """
        self.journal.replace_by_snapshot(txn.sequence, snapshot(txn))


def history(txn: Txn, *, name: str | None = None, limit: int | None = None) -> list[Entry]:
    """Return the log, newest first: all of it, or what happened to `name`, and at most `limit` entries.

    Raises:
        CorruptError: A newer version wrote something that this one does not know.
    """
    if limit is not None and limit <= 0:
        return []
    found = []
    mark = b"" if name is None else rows.path_bytes(name)
    for value in _newest_first(txn):
        if mark not in value:
            continue  # the name stands in the encoding as it is: this saves decoding all the others
        entry = _decode(value)
        if name is None or entry.event.name == name:
            found.append(entry)
            if len(found) == limit:
                break
    return found


def since(txn: Txn, sequence: int) -> Iterator[Entry]:
    """Iterate over the entries after `sequence`, oldest first; nothing is changed meanwhile."""
    cursor: Any
    with txn.raw.cursor(db=txn.tables.log) as cursor:
        if cursor.set_range(rows.SEQUENCE.pack(sequence + 1)):
            for value in cursor.iternext(keys=False, values=True):
                yield _decode(value)


def _decode(value: bytes) -> Entry:
    try:
        return _decoder.decode(value)
    except msgspec.DecodeError as error:
        raise CorruptError(
            "cannot understand the log",
            code="journal-unknown",
            why=f"one of its events is of no known kind: {error}",
            hint="a newer cas wrote it: upgrade with `pip install --upgrade cas-store`",
        ) from error


def _log(txn: Txn, entry: Entry) -> None:
    txn.put(txn.tables.log, rows.SEQUENCE.pack(entry.sequence), _encoder.encode(entry))


def _newest_first(txn: Txn) -> Iterator[bytes]:
    cursor: Any
    with txn.raw.cursor(db=txn.tables.log) as cursor:
        if cursor.last():
            yield from cursor.iterprev(keys=False, values=True)
