"""Whiteouts in tables, log and journal: what an index keeps of a hidden path, and what survives its loss."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import lmdb
import msgspec
import pytest
from blake3 import blake3

from cas.errors import CorruptError
from cas.objects.index import Index
from cas.testing.records import make_record
from cas.versions import effects, refs, rows
from cas.versions import ledger as log
from cas.versions.events import Committed, Entry, Hidden, Unhidden
from cas.versions.journal_lines import Group, decode, encode
from cas.versions.refs import Whiteout

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cas.layout import Layout
    from cas.versions.events import AnyEvent
    from cas.versions.ledger import Ledger

HIDE = (
    b'e3a8e73a115b33751e54925e79114b89 {"first":1,"last":2,"entries":[{"sequence":1,"at_ns":10,"event":'
    b'{"kind":"hide","layer":"main","path":"bW9kZWxzL/8=","is_opaque":false}},{"sequence":2,"at_ns":10,'
    b'"event":{"kind":"hide","layer":"main","path":"","is_opaque":true}}],"is_complete":true}\n'
)
UNHIDE = (
    b'8987019a1bbc8a41ecfbe0211c7a02b2 {"first":3,"last":3,"entries":[{"sequence":3,"at_ns":11,"event":'
    b'{"kind":"unhide","layer":"main","path":"bW9kZWxzL/8="}}],"is_complete":true}\n'
)
"""Both were made once, and are never made again."""


def record(index: Index, ledger: Ledger, *events: AnyEvent, now_ns: int = 5) -> None:
    index.write(lambda txn: ledger.record(txn, events, now_ns=now_ns))


def all_of(index: Index, layer: str = "main") -> dict[str, Whiteout]:
    with index.read() as txn:
        return refs.whiteouts(txn, layer)


def test_the_wire_form_is_pinned() -> None:
    """A journal of today must be readable by every later release, both ways."""
    groups = [
        Group(
            1,
            2,
            [Entry(1, 10, Hidden("main", b"models/\xff")), Entry(2, 10, Hidden("main", b"", is_opaque=True))],
        ),
        Group(3, 3, [Entry(3, 11, Unhidden("main", b"models/\xff"))]),
    ]

    assert groups == [decode(HIDE), decode(UNHIDE)]
    assert [HIDE, UNHIDE] == [encode(group) for group in groups]


def test_a_hidden_path_keeps_its_last_event(index: Index, ledger: Ledger) -> None:
    """One whiteout a path and layer: what is placed after the last one is newer than it."""
    record(index, ledger, Hidden("main", b"a"), Hidden("work", b"a"))
    record(index, ledger, Hidden("main", b"a", is_opaque=True))

    assert {"a": Whiteout("a", 3, is_opaque=True)} == all_of(index)
    assert {"a": Whiteout("a", 2, is_opaque=False)} == all_of(index, "work")


def test_what_is_shown_again_leaves_nothing(index: Index, ledger: Ledger) -> None:
    """And to show what is not hidden is no harm: a replay may do it."""
    record(index, ledger, Hidden("main", b"a"), Hidden("main", b"a/b"))
    record(index, ledger, Unhidden("main", b"a"), Unhidden("main", b"never"))

    assert ["a/b"] == list(all_of(index))


def test_a_path_of_any_bytes_is_a_path(index: Index, ledger: Ledger) -> None:
    """What a tree holds need not be UTF-8; the longest path fits into a key with the longest layer."""
    layer, longest = "l" * 40, b"p" * rows.MAX_WHITEOUT_SIZE
    record(index, ledger, Hidden(layer, b"\xff/\xc3"), Hidden(layer, longest))

    with index.read() as txn:
        found = [os.fsencode(one.path) for one in refs.iter_whiteouts(txn, layer)]
        assert [longest, b"\xff/\xc3"] == found
        assert 511 == len(rows.whiteout_key(layer, longest))


def test_the_log_names_the_path(index: Index, ledger: Ledger) -> None:
    """Whoever asks what happened to a name hears that it was hidden; there is no version to it."""
    record(index, ledger, Committed.of("main", make_record("a")), Hidden("main", b"a", is_opaque=True))
    record(index, ledger, Unhidden("main", b"a"), Hidden("main", b"a/b"))

    with index.read() as txn:
        events = [entry.event for entry in log.history(txn, name="a")]

    assert ["unhide", "hide", "commit"] == [event.kind for event in events]
    assert ["", "opaque", ""] == [event.detail for event in events]
    assert [True, True, False] == [event.version_id is None for event in events]


def test_a_snapshot_has_whiteouts_in_their_place(index: Index, ledger: Ledger, tmp_path: Path) -> None:
    """With sequence and time, between the versions: a name placed later stays visible after a recovery."""
    made = [make_record("a", {"n": number}) for number in range(2)]
    record(index, ledger, Committed.of("main", made[0]))
    record(index, ledger, Hidden("main", b"gone"), Hidden("main", b"a"), now_ns=77)
    record(index, ledger, Unhidden("main", b"gone"), Committed.of("main", made[1]))
    before = all_of(index)
    with index.read() as txn:
        entries = list(effects.snapshot(txn))
    index.write(ledger.compact)
    other = Index.open(tmp_path / "other", create=True, map_size=1 << 26)
    other.write(lambda txn: ledger.replay(txn, pytest.fail))

    assert ["keep", "hide", "keep"] == [entry.event.kind for entry in entries]
    assert [1, 3, 5] == [entry.sequence for entry in entries]
    assert 77 == entries[1].at_ns
    assert before == all_of(other)
    with other.read() as txn:
        assert 5 == txn.sequence
        assert [77] == [one.at_ns for one in log.history(txn) if isinstance(one.event, Hidden)]
    other.close()


def drop_table(path: Path) -> None:
    """Make an index as it was before there were whiteouts."""
    with lmdb.open(os.fspath(path), max_dbs=20) as environment:
        table = environment.open_db(b"whiteouts")
        with environment.begin(write=True) as txn:
            txn.drop(table)


def test_an_older_index_gets_the_table(layout: Layout, ledger: Ledger) -> None:
    """Nothing was hidden while it was made; from now on something can be."""
    Index.open(layout.index, create=True).close()
    drop_table(layout.index)

    index = Index.open(layout.index)
    assert {} == all_of(index)
    record(index, ledger, Hidden("main", b"a"))

    assert ["a"] == list(all_of(index))
    index.close()


def test_another_missing_table_is_damage(layout: Layout) -> None:
    """Only what was added later may be absent."""
    Index.open(layout.index, create=True).close()
    with lmdb.open(os.fspath(layout.index), max_dbs=20) as environment:
        table = environment.open_db(b"tags")
        with environment.begin(write=True) as txn:
            txn.drop(table)

    with pytest.raises(CorruptError, match="a table is missing"):
        Index.open(layout.index)


FUTURE = {"kind": "teleport", "layer": "main", "name": "roads"}


def test_an_event_of_the_future_in_the_log_is_told(index: Index) -> None:
    """What a newer version noted there is no reason for a traceback."""
    entry = {"sequence": 1, "at_ns": 5, "event": FUTURE}

    index.write(lambda txn: txn.put(txn.tables.log, rows.SEQUENCE.pack(1), msgspec.msgpack.encode(entry)))

    with index.read() as txn, pytest.raises(CorruptError) as caught:
        log.history(txn)
    assert "journal-unknown" == caught.value.code
    assert "upgrade" in str(caught.value.hint)


def test_an_event_of_the_future_in_the_journal_is_told(layout: Layout, ledger: Ledger, index: Index) -> None:
    """By whatever opens the repository, before anything is written; and nothing of it is cut."""
    record(index, ledger, Hidden("main", b"a"))
    group = {"first": 2, "last": 2, "entries": [{"sequence": 2, "at_ns": 5, "event": FUTURE}]}
    text = msgspec.json.encode(group)
    (path,) = layout.journal.iterdir()
    with path.open("ab") as file:
        file.write(blake3(text).hexdigest(16).encode() + b" " + text + b"\n")
    before = path.read_bytes()

    uses: list[Callable[[], None]] = [
        lambda: ledger.journal.check(index),
        lambda: record(index, ledger, Hidden("main", b"b")),
    ]
    for use in uses:
        with pytest.raises(CorruptError) as caught:
            use()
        assert "journal-unknown" == caught.value.code
        assert "upgrade" in str(caught.value.hint)
    assert before == path.read_bytes()
