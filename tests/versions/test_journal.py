"""The journal: torn at every byte, contradicted by the index, replaced by a snapshot, written by many."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from blake3 import blake3

from cas import fs
from cas.errors import CorruptError
from cas.objects.index import Index
from cas.testing.records import make_record
from cas.versions import ledger as log
from cas.versions import refs
from cas.versions.events import (
    Collected,
    Committed,
    Entry,
    Kept,
    Removed,
    Renewed,
    Restored,
    Tagged,
    Untagged,
)
from cas.versions.journal_lines import Group, decode, encode
from cas.versions.version import State

if TYPE_CHECKING:
    from collections.abc import Callable

    from cas.layout import Layout
    from cas.objects.index import Txn
    from cas.versions.events import AnyEvent
    from cas.versions.journal import Journal
    from cas.versions.ledger import Ledger

VECTORS = Path(__file__).parent / "vectors"


class Crash(BaseException):
    """The process dies here."""


def commits(*numbers: int) -> list[AnyEvent]:
    return [Committed.of("main", make_record("roads", {"n": number})) for number in numbers]


def record(index: Index, ledger: Ledger, *numbers: int) -> None:
    index.write(lambda txn: ledger.record(txn, commits(*numbers), now_ns=1))


def record_and_crash(index: Index, ledger: Ledger, *numbers: int) -> None:
    def change(txn: Txn) -> None:
        ledger.record(txn, commits(*numbers), now_ns=1)
        raise Crash

    with pytest.raises(Crash):
        index.write(change)


def only_file(layout: Layout) -> Path:
    (path,) = layout.journal.iterdir()
    return path


def sequences(journal: Journal, on_damage: Callable[[str], None] | None = None) -> list[int]:
    return [entry.sequence for entry in journal.entries(on_damage)]


def test_journal_vector() -> None:
    """A journal of today must be readable by every later release: one line of each kind, both ways."""
    lines = (VECTORS / "journal.log").read_bytes().splitlines(keepends=True)
    made = make_record("карты/roads", {"region": "ru"}, message="first \u2028 €")
    where = ("main", "карты/roads", made.version.raw)
    kept = Kept(*where, made.encode(), State.REMOVED, 1709209815123456789, ["v1"])
    expected = [
        Group(0, 3, [Entry(2, 1709209815123456000, kept)], is_complete=False),
        Group(0, 3, []),
        Group(
            4,
            5,
            [
                Entry(4, 10, Committed(*where, made.encode(), replaces=True)),
                Entry(5, 10, Tagged(*where, "v1")),
            ],
        ),
        Group(6, 6, [Entry(6, 11, Renewed(*where))]),
        Group(7, 7, [Entry(7, 12, Untagged(*where, "v1"))]),
        Group(8, 9, [Entry(8, 13, Removed(*where)), Entry(9, 13, Restored(*where))]),
        Group(10, 11, [Entry(10, 14, Removed(*where)), Entry(11, 2**62, Collected(*where))]),
    ]

    assert expected == [decode(line) for line in lines]
    assert lines == [encode(group) for group in expected]


def test_a_group_is_one_line_in_one_file(index: Index, ledger: Ledger, layout: Layout) -> None:
    """All events of a command stand or fall together, so they are never spread over lines."""
    record(index, ledger, 1, 2)
    record(index, ledger, 3)

    assert only_file(layout).name == "00000000000000000001.log"
    assert len(only_file(layout).read_bytes().splitlines()) == 2
    assert sequences(ledger.journal) == [1, 2, 3]
    assert ledger.journal.last_sequence() == 3


def test_recording_nothing_writes_nothing(index: Index, ledger: Ledger, layout: Layout) -> None:
    """A command that turned out to have nothing to do costs no fsync."""
    record(index, ledger)

    assert not layout.journal.exists()
    assert sequences(ledger.journal) == []


def test_an_unfinished_line_torn_at_any_byte_is_cut(index: Index, ledger: Ledger, layout: Layout) -> None:
    """The writer died in the middle of its line: what was before is whole, the line never was."""
    record(index, ledger, 1)
    record(index, ledger, 2, 3)
    path = only_file(layout)
    whole = path.read_bytes()
    record_and_crash(index, ledger, 4)
    torn = path.read_bytes()

    for size in range(len(whole), len(torn)):
        path.write_bytes(torn[:size])

        assert sequences(ledger.journal) == [1, 2, 3]
        ledger.journal.check(index)
        index.write(ledger.journal.reconcile)
        assert path.read_bytes() == whole


def test_a_first_line_torn_at_any_byte_leaves_an_empty_journal(
    index: Index, ledger: Ledger, layout: Layout
) -> None:
    """The very first command of a repository can die too."""
    record_and_crash(index, ledger, 1)
    path = only_file(layout)
    torn = path.read_bytes()

    for size in range(len(torn)):
        path.write_bytes(torn[:size])
        assert sequences(ledger.journal) == []
        index.write(ledger.journal.reconcile)
        assert path.read_bytes() == b""

    record(index, ledger, 2)
    assert sequences(ledger.journal) == [1]


def test_a_group_whose_transaction_did_not_happen_is_dropped(
    index: Index, ledger: Ledger, layout: Layout
) -> None:
    """Written and synced, but the index never heard of it: the next command takes its number."""
    record(index, ledger, 1)
    before = only_file(layout).read_bytes()
    record_and_crash(index, ledger, 2, 3, 4)
    ledger.journal.check(index)

    record(index, ledger, 5)

    assert only_file(layout).read_bytes().startswith(before)
    assert sequences(ledger.journal) == [1, 2]
    with index.read() as txn:
        assert [version.properties for version in refs.versions(txn, "main", "roads")] == [{"n": 5}, {"n": 1}]


def test_blocks_that_reached_the_disk_out_of_order_are_torn_too(
    index: Index, ledger: Ledger, layout: Layout
) -> None:
    """After a power cut the end of a line may be there and its start zeros: only the checksum can tell."""
    record(index, ledger, 1)
    path = only_file(layout)
    whole = path.read_bytes()
    record_and_crash(index, ledger, 2)
    torn = path.read_bytes()

    path.write_bytes(whole + bytes(100) + torn[len(whole) + 100 :])
    assert sequences(ledger.journal) == [1]
    index.write(ledger.journal.reconcile)

    assert path.read_bytes() == whole


def test_a_committed_line_that_is_gone_stops_writing_but_not_reading(
    index: Index, ledger: Ledger, layout: Layout
) -> None:
    """A journal with a hole would recover to something wrong: say so before there is a hole."""
    record(index, ledger, 1)
    record(index, ledger, 2)
    path = only_file(layout)
    torn = path.read_bytes()[:-1]
    path.write_bytes(torn)

    ledger.journal.check(index)
    with pytest.raises(CorruptError) as caught:
        record(index, ledger, 3)

    assert caught.value.code == "journal-stale"
    assert caught.value.why == "the journal ends at event 1, the index knows 2"
    assert "verify --repair" in str(caught.value.hint)
    assert path.read_bytes() == torn


def test_a_snapshot_repairs_a_journal_that_lost_lines(index: Index, ledger: Ledger, layout: Layout) -> None:
    """The index is complete, so everything can be written anew from it."""
    record(index, ledger, 1)
    record(index, ledger, 2)
    only_file(layout).unlink()
    with pytest.raises(CorruptError, match="ends at event 0, the index knows 2"):
        index.write(ledger.journal.reconcile)

    index.write(ledger.compact)
    record(index, ledger, 3)

    assert sequences(ledger.journal) == [1, 2, 3]


def test_an_old_index_is_noticed(index: Index, ledger: Ledger, layout: Layout, tmp_path: Path) -> None:
    """An index restored from a backup must not be mistaken for the truth, nor the journal be cut to fit."""
    old = Index.open(tmp_path / "old", create=True, map_size=1 << 26)
    record(index, ledger, 1)
    ledger.journal.check(old)  # one group ahead is what an interrupted command leaves
    record(index, ledger, 2)
    before = only_file(layout).read_bytes()

    attempts: list[Callable[[], None]] = [
        lambda: ledger.journal.check(old),
        lambda: old.write(ledger.journal.reconcile),
        lambda: record(old, ledger, 3),
        lambda: old.write(ledger.compact),
    ]
    for attempt in attempts:
        with pytest.raises(CorruptError) as caught:
            attempt()
        assert caught.value.code == "index-stale"
        assert caught.value.why == "it knows 0 events, and the journal has 2"

    assert only_file(layout).read_bytes() == before
    old.close()


def test_an_index_in_the_middle_of_a_group_is_stale(index: Index, ledger: Ledger) -> None:
    """A group is one transaction: half of one cannot have happened."""
    record(index, ledger, 1, 2)
    index.write(lambda txn: txn.set_number(b"sequence", 1))

    with pytest.raises(CorruptError, match="it knows 1 events, and the journal has 2"):
        index.write(ledger.journal.reconcile)


def test_every_flipped_byte_is_noticed(index: Index, ledger: Ledger, layout: Layout) -> None:
    """Rot in the middle of the journal is refused, or reported and stepped over by `recover`."""
    for number in (1, 2, 3, 4):
        record(index, ledger, number)
    path = only_file(layout)
    intact = path.read_bytes()
    first, second = (len(line) for line in intact.splitlines(keepends=True)[:2])

    for at in range(first, first + second, 7):
        path.write_bytes(intact[:at] + bytes([intact[at] ^ 1]) + intact[at + 1 :])
        problems: list[str] = []

        assert sequences(ledger.journal, problems.append) == [1, 3, 4]
        assert problems == [
            f"line 2 of '{path}' does not match its checksum",
            "event 2 is missing: event 3 follows",
        ]
        with pytest.raises(CorruptError, match="line 2 of") as caught:
            sequences(ledger.journal)
        assert caught.value.code == "journal-damaged"


def test_lines_lost_at_the_start_are_noticed(index: Index, ledger: Ledger, layout: Layout) -> None:
    """Nothing but the numbers tells that a file used to begin earlier."""
    record(index, ledger, 1)
    record(index, ledger, 2)
    path = only_file(layout)
    path.write_bytes(path.read_bytes().splitlines(keepends=True)[1])

    with pytest.raises(CorruptError, match="event 1 is missing: event 2 follows"):
        sequences(ledger.journal)


def test_verify_reports_what_is_wrong(index: Index, ledger: Ledger, layout: Layout) -> None:
    """Every problem is a sentence; a sound journal has none."""
    problems: list[str] = []
    record(index, ledger, 1)
    record(index, ledger, 2)

    assert ledger.journal.verify(index, problems.append) == 2
    assert problems == []

    only_file(layout).write_bytes(only_file(layout).read_bytes()[:-5])
    assert ledger.journal.verify(index, problems.append) == 1
    assert problems == ["the journal ends at event 1, the index knows 2"]


def test_a_line_of_the_future_is_not_cut(index: Index, ledger: Ledger, layout: Layout) -> None:
    """A checksum that fits is no accident: a newer version wrote this, and it must survive the old one."""
    record(index, ledger, 1)
    text = b'{"first":2,"last":2,"changes":[]}'
    path = only_file(layout)
    with path.open("ab") as file:
        file.write(blake3(text).hexdigest(16).encode() + b" " + text + b"\n")
    before = path.read_bytes()

    with pytest.raises(CorruptError) as caught:
        record(index, ledger, 2)

    assert caught.value.code == "journal-unknown"
    assert path.read_bytes() == before


def test_the_tail_is_found_behind_a_long_line(index: Index, ledger: Ledger) -> None:
    """A group may be longer than what is read at once; the file is not read from its start."""
    record(index, ledger, 1)
    long = Committed.of("main", make_record("roads", message="x" * 300_000))
    index.write(lambda txn: ledger.record(txn, [long], now_ns=1))
    assert ledger.journal.last_sequence() == 2

    record(index, ledger, 2, 3)

    assert ledger.journal.last_sequence() == 4
    assert sequences(ledger.journal) == [1, 2, 3, 4]


def test_a_transaction_that_runs_twice_is_journalled_once(layout: Layout, ledger: Ledger) -> None:
    """When the map is full, LMDB makes the function run again: its first line is replaced."""
    small = Index.open(layout.index, create=True, map_size=1 << 18)
    record(small, ledger, 1)
    runs = 0

    def change(txn: Txn) -> None:
        nonlocal runs
        runs += 1
        ledger.record(txn, commits(2), now_ns=1)
        txn.put(txn.tables.stat, b"more than fits", bytes(1 << 18))

    small.write(change)

    assert runs > 1
    assert sequences(ledger.journal) == [1, 2]
    with small.read() as txn:
        assert [entry.sequence for entry in log.since(txn, 0)] == [1, 2]
    small.close()


def test_a_group_that_is_there_twice_counts_once(ledger: Ledger, layout: Layout) -> None:
    """Cutting makes this impossible here; another implementation may append instead, so readers allow it."""
    once, again = (Entry(2, at, commits(at)[0]) for at in (1, 2))
    first = Entry(1, 1, commits(0)[0])
    layout.journal.mkdir()
    lines = [Group(1, 1, [first]), Group(2, 2, [once]), Group(2, 2, [again])]
    (layout.journal / "00000000000000000001.log").write_bytes(b"".join(map(encode, lines)))

    assert list(ledger.journal.entries()) == [first, again]


def test_a_snapshot_takes_the_place_of_history(index: Index, ledger: Ledger, layout: Layout) -> None:
    """What is left is one entry for each version, in its place, and events go on after it."""
    record(index, ledger, 1, 2)
    made = make_record("roads", {"n": 1})
    events: list[AnyEvent] = [Tagged("main", "roads", made.version.raw, "v1"), *commits(3)]
    index.write(lambda txn: ledger.record(txn, events, now_ns=1))

    index.write(ledger.compact)
    record(index, ledger, 4)

    assert only_file(layout).name == "00000000000000000005.log"
    assert [(entry.sequence, entry.event.kind) for entry in ledger.journal.entries()] == [
        (1, "keep"),
        (2, "keep"),
        (4, "keep"),
        (5, "commit"),
    ]
    with index.read() as txn:
        assert [entry.event.kind for entry in log.history(txn)] == ["commit", "commit", "tag"] + [
            "commit"
        ] * 2


def test_a_snapshot_of_many_versions_is_many_lines(index: Index, ledger: Ledger, layout: Layout) -> None:
    """Memory stays flat: a thousand entries a line. A snapshot that lost its end is noticed."""
    record(index, ledger, *range(2500))
    index.write(ledger.compact)
    path = only_file(layout)
    lines = path.read_bytes().splitlines(keepends=True)
    assert len(lines) == 3
    assert sequences(ledger.journal) == list(range(1, 2501))

    path.write_bytes(b"".join(lines[:2]))

    with pytest.raises(CorruptError, match="the snapshot at event 2500 is cut short"):
        sequences(ledger.journal)
    with pytest.raises(CorruptError, match="the journal ends at event 0"):
        record(index, ledger, 9999)


def test_a_snapshot_of_nothing(index: Index, ledger: Ledger, layout: Layout) -> None:
    """Collecting may happen in an empty repository, twice, and commits follow."""
    index.write(ledger.compact)
    index.write(ledger.compact)
    record(index, ledger, 1)

    assert only_file(layout).name == "00000000000000000001.log"
    assert sequences(ledger.journal) == [1]


@pytest.mark.parametrize(
    "step", ["journal.snapshot-written", "journal.snapshot-published", "journal.snapshot-done"]
)
def test_a_crash_while_a_snapshot_is_made_loses_nothing(
    index: Index, ledger: Ledger, layout: Layout, step: str
) -> None:
    """Old journal or new, never neither: the newest whole file counts, and the next snapshot cleans up."""
    record(index, ledger, 1)
    record(index, ledger, 2)

    def crash(reached: str) -> None:
        if reached == step:
            raise Crash

    fs.observer = crash
    try:
        with pytest.raises(Crash):
            index.write(ledger.compact)
    finally:
        fs.observer = None

    assert sequences(ledger.journal) == [1, 2]
    record(index, ledger, 3)
    assert sequences(ledger.journal) == [1, 2, 3]
    index.write(ledger.compact)
    assert only_file(layout).name == "00000000000000000004.log"
    assert sequences(ledger.journal) == [1, 2, 3]


def test_replay_goes_on_after_damage(index: Index, ledger: Ledger, layout: Layout, tmp_path: Path) -> None:
    """`recover` must save what there is, and name each event that makes no sense without what is lost."""
    record(index, ledger, 1)
    version = make_record("roads", {"n": 1}).version
    index.write(lambda txn: ledger.record(txn, [Tagged("main", "roads", version.raw, "v1")], now_ns=1))
    record(index, ledger, 2)
    path = only_file(layout)
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[1:]))
    other = Index.open(tmp_path / "other", create=True, map_size=1 << 26)
    problems: list[str] = []

    count = other.write(lambda txn: ledger.replay(txn, problems.append))

    assert count == 2
    assert problems[0] == "event 1 is missing: event 2 follows"
    assert problems[1].startswith(f"event 2: cannot find 'roads@{version.short}': it was never committed")
    with other.read() as txn:
        assert txn.sequence == 3
        assert [found.properties for found in refs.live_versions(txn)] == [{"n": 2}]
    other.close()


def test_two_processes_make_one_history(index: Index, ledger: Ledger, layout: Layout) -> None:
    """The index's writer lock orders the journal too: no line is lost, torn or out of order."""
    program = """
import sys
from pathlib import Path
from cas.layout import Layout
from cas.objects.index import Index
from cas.testing.records import make_record
from cas.versions.events import Committed
from cas.versions.journal import Journal
from cas.versions.ledger import Ledger

layout = Layout(Path(sys.argv[1]))
index, ledger = Index.open(layout.index), Ledger(Journal(layout))
for n in range(15):
    event = Committed.of("main", make_record(sys.argv[2], {"n": n}))
    index.write(lambda txn: ledger.record(txn, [event], now_ns=n))
"""
    writers = [
        subprocess.Popen([sys.executable, "-c", program, str(layout.root), name]) for name in ("one", "two")
    ]

    assert [writer.wait() for writer in writers] == [0, 0]
    assert sequences(ledger.journal) == list(range(1, 31))
    with index.read() as txn:
        assert [(ref.name, ref.version_count) for ref in refs.names(txn, "main")] == [
            ("one", 15),
            ("two", 15),
        ]
        assert [entry.event for entry in log.since(txn, 0)] == [
            entry.event for entry in ledger.journal.entries()
        ]
