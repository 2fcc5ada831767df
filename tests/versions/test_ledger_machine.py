"""The ledger beside a plain dictionary: whatever is done to both, they say the same."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from cas.errors import ConflictError, NotFoundError
from cas.ids import VersionId
from cas.layout import Layout
from cas.objects.index import Index
from cas.testing.records import make_record
from cas.versions import ledger as log
from cas.versions import query, refs
from cas.versions.events import (
    AnyEvent,
    Collected,
    Committed,
    Hidden,
    Removed,
    Renewed,
    Restored,
    Tagged,
    Unhidden,
    Untagged,
)
from cas.versions.journal import Journal
from cas.versions.ledger import Ledger
from cas.versions.version import State

if TYPE_CHECKING:
    from cas.objects.index import Txn
    from cas.versions.record import Record
    from cas.versions.values import JSON

LAYERS = ["main", "work"]
NAMES = ["roads", "roads/osm"]
PATHS = [b"", b"roads", b"roads!", b"roads/osm", b"roads/osm/a", b"roads/\xff", "карты".encode()]
TAGS = ["v1", "latest", "cafe"]
PROPERTIES: list[dict[str, JSON]] = [{"region": "ru"}, {"region": "de", "n": 1}, {"n": "1"}]
CONDITIONS: list[dict[str, JSON]] = [
    {"region": "ru"},
    {"n": 1},
    {"n": "1"},
    {"n": 1, "region": "de"},
    {"n": True},
]

Place = tuple[str, str]
Key = tuple[str, str, VersionId]


class Crash(BaseException):
    """The process dies before its transaction ends."""


@dataclass
class Modelled:
    """What a version should be."""

    record: Record
    position: int
    state: State = State.LIVE
    tags: set[str] = field(default_factory=set)


def dump(index: Index) -> dict[str, list[tuple[bytes, bytes]]]:
    """Every row that events are responsible for."""
    with index.read() as txn:
        tables = txn.tables
        return {
            name: list(txn.scan(table))
            for name, table in [
                ("refs", tables.refs),
                ("versions", tables.versions),
                ("tags", tables.tags),
                ("properties", tables.properties),
                ("dependents", tables.dependents),
                ("whiteouts", tables.whiteouts),
            ]
        }


class LedgerMachine(RuleBasedStateMachine):
    """Every event in any order, with crashes, torn journals and snapshots in between."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = tempfile.TemporaryDirectory()
        self.layout = Layout(Path(self.directory.name))
        self.index = Index.open(self.layout.index, create=True, map_size=1 << 26)
        self.ledger = Ledger(Journal(self.layout))
        self.model: dict[Key, Modelled] = {}
        self.hidden: dict[tuple[str, bytes], tuple[int, bool]] = {}
        self.sequence = 0

    def teardown(self) -> None:
        self.compare_with_recovered()
        self.index.close()
        self.directory.cleanup()

    def record(self, *events: AnyEvent) -> None:
        self.index.write(lambda txn: self.ledger.record(txn, events, now_ns=1000 * (self.sequence + 1)))
        self.sequence += len(events)

    def pick(self, number: int) -> Key:
        keys = sorted(self.model)
        return keys[number % len(keys)]

    def live(self, place: Place) -> list[VersionId]:
        """Newest first."""
        found = [
            (row.position, key[2])
            for key, row in self.model.items()
            if key[:2] == place and row.state is State.LIVE
        ]
        return [version for _, version in sorted(found, reverse=True)]

    @initialize()
    def begin(self) -> None:
        """Something for every rule to work on."""
        for layer, name, properties in product(LAYERS, NAMES[:1], PROPERTIES):
            self.commit_one(layer, make_record(name, properties, data=b"a"))

    @rule(
        layer=st.sampled_from(LAYERS),
        name=st.sampled_from(NAMES),
        properties=st.sampled_from(PROPERTIES),
        data=st.sampled_from([b"a", b"b"]),
        source=st.none() | st.none() | st.integers(0, 99),
        replaces=st.booleans(),
    )
    def commit(  # noqa: PLR0913 - hypothesis passes what it draws by name
        self,
        *,
        layer: str,
        name: str,
        properties: dict[str, JSON],
        data: bytes,
        source: int | None,
        replaces: bool,
    ) -> None:
        inputs = {}
        if source is not None and self.model:
            _, input_name, version = self.pick(source)
            inputs[input_name] = version
        self.commit_one(layer, make_record(name, properties, inputs=inputs, data=data), replaces=replaces)

    def commit_one(self, layer: str, record: Record, *, replaces: bool = False) -> None:
        key = (layer, record.name, record.version)
        old = self.model.get(key)
        if old is None or old.state is not State.LIVE:
            self.record(Committed.of(layer, record))
            self.model[key] = Modelled(record, self.sequence)
        elif old.record.content == record.content and not replaces:
            self.record(Renewed(layer, record.name, record.version.raw))
            old.position = self.sequence
        elif replaces:
            self.record(Committed.of(layer, record, replaces=True))
            old.record, old.position = record, self.sequence
        else:
            with pytest.raises(ConflictError):
                self.record(Committed.of(layer, record))

    @precondition(lambda self: bool(self.model))
    @rule(number=st.integers(0, 99), tag=st.sampled_from(TAGS))
    def tag(self, number: int, tag: str) -> None:
        layer, name, version = key = self.pick(number)
        event = Tagged(layer, name, version.raw, tag)
        if self.model[key].state is not State.LIVE:
            with pytest.raises(NotFoundError):
                self.record(event)
            return
        self.record(event)
        for other, row in self.model.items():
            if other[:2] == key[:2] and row.state is State.LIVE:
                row.tags.discard(tag)
        self.model[key].tags.add(tag)

    @precondition(lambda self: bool(self.model))
    @rule(number=st.integers(0, 99), tag=st.sampled_from(TAGS))
    def untag(self, number: int, tag: str) -> None:
        layer, name, version = key = self.pick(number)
        self.record(Untagged(layer, name, version.raw, tag))
        if self.model[key].state is State.LIVE:
            self.model[key].tags.discard(tag)

    @precondition(lambda self: bool(self.model))
    @rule(numbers=st.lists(st.integers(0, 99), min_size=1, max_size=3))
    def remove(self, numbers: list[int]) -> None:
        keys = [self.pick(number) for number in numbers]
        self.record(*(Removed(layer, name, version.raw) for layer, name, version in keys))
        for key in keys:
            if self.model[key].state is State.LIVE:
                self.model[key].state = State.REMOVED

    @precondition(lambda self: bool(self.model))
    @rule(number=st.integers(0, 99))
    def restore(self, number: int) -> None:
        layer, name, version = key = self.pick(number)
        event = Restored(layer, name, version.raw)
        row = self.model[key]
        if row.state is State.COLLECTED:
            with pytest.raises(NotFoundError):
                self.record(event)
            return
        self.record(event)
        if row.state is State.REMOVED:
            taken = set().union(*(self.model[*key[:2], other].tags for other in self.live(key[:2])))
            row.tags -= taken
            row.state = State.LIVE

    @precondition(lambda self: bool(self.model))
    @rule(number=st.integers(0, 99))
    def collect(self, number: int) -> None:
        layer, name, version = key = self.pick(number)
        self.record(Collected(layer, name, version.raw))
        self.model[key].state = State.COLLECTED
        self.model[key].tags = set()

    @rule(layer=st.sampled_from(LAYERS), path=st.sampled_from(PATHS), is_opaque=st.booleans())
    def hide(self, layer: str, path: bytes, is_opaque: bool) -> None:
        self.record(Hidden(layer, path, is_opaque))
        self.hidden[layer, path] = (self.sequence, is_opaque)

    @rule(layer=st.sampled_from(LAYERS), path=st.sampled_from(PATHS))
    def unhide(self, layer: str, path: bytes) -> None:
        self.record(Unhidden(layer, path))
        self.hidden.pop((layer, path), None)

    @rule(layer=st.sampled_from(LAYERS), name=st.sampled_from(NAMES), count=st.integers(1, 3))
    def crash_before_the_transaction_ends(self, layer: str, name: str, count: int) -> None:
        """The journal has the group, the index does not: it never happened."""
        events = [Committed.of(layer, make_record(name, {"crash": n})) for n in range(count)]

        def change(txn: Txn) -> None:
            self.ledger.record(txn, events, now_ns=7)
            raise Crash

        with pytest.raises(Crash):
            self.index.write(change)

    @precondition(lambda self: any(self.layout.journal.glob("*.log")))
    @rule(junk=st.sampled_from([b"x", b"\n", b"0123456789abcdef0123456789abcdef {}", b"\0", b"a\nb"]))
    def tear(self, junk: bytes) -> None:
        """A line that another writer began before it died."""
        with max(self.layout.journal.glob("*.log")).open("ab") as file:
            file.write(junk)

    @rule()
    def compact(self) -> None:
        self.index.write(self.ledger.compact)

    @rule()
    def reopen(self) -> None:
        self.index.close()
        self.index = Index.open(self.layout.index)
        self.ledger = Ledger(Journal(self.layout))
        self.ledger.journal.check(self.index)

    @rule()
    def compare_with_recovered(self) -> None:
        """Replaying the journal into empty tables gives these very tables."""
        self.index.write(self.ledger.journal.reconcile)
        assert self.ledger.journal.last_sequence() == self.sequence
        problems: list[str] = []
        with tempfile.TemporaryDirectory() as directory:
            other = Index.open(Path(directory) / "index", create=True, map_size=1 << 26)
            other.write(lambda txn: self.ledger.replay(txn, problems.append))
            with other.read() as txn:
                assert self.sequence == txn.sequence
            assert problems == []
            assert dump(self.index) == dump(other)
            other.close()

    @invariant()
    def names_are_right(self) -> None:
        with self.index.read() as txn:
            for layer in LAYERS:
                expected = {name: live for name in NAMES if (live := self.live((layer, name)))}
                found = {ref.name: (ref.current, ref.version_count) for ref in refs.names(txn, layer)}
                assert {name: (live[0], len(live)) for name, live in expected.items()} == found

    @invariant()
    def versions_are_right(self) -> None:
        with self.index.read() as txn:
            for layer, name in {key[:2] for key in self.model}:
                live = self.live((layer, name))
                found = refs.versions(txn, layer, name)
                assert live == [version.version for version in found]
                assert [True] + [False] * (len(live) - 1) == [v.is_current for v in found] or not live
                for count, version in enumerate([*live, None]):
                    back = refs.back(txn, layer, name, count)
                    assert version == (None if back is None else back.version)
            for key, row in self.model.items():
                got = refs.get(txn, *key)
                assert got is not None
                assert (row.record, row.position) == (got.record, got.sequence)
                assert (row.state, tuple(sorted(row.tags))) == (got.state, got.tags)
                assert (row.state is State.LIVE) == (got.removed_at is None)
            assert set(self.model) == {(v.layer, v.name, v.version) for v in refs.all_versions(txn)}

    @invariant()
    def tags_are_right(self) -> None:
        with self.index.read() as txn:
            for layer, name in {key[:2] for key in self.model}:
                expected = {
                    tag: version
                    for version in self.live((layer, name))
                    for tag in self.model[layer, name, version].tags
                }
                assert expected == refs.tags(txn, layer, name)
                for tag in TAGS:
                    found = refs.by_tag(txn, layer, name, tag)
                    assert expected.get(tag) == (None if found is None else found.version)

    @invariant()
    def whiteouts_are_right(self) -> None:
        with self.index.read() as txn:
            for layer, prefix in product(LAYERS, [os.fsdecode(path) for path in PATHS]):
                of_layer = {
                    os.fsdecode(path): found
                    for (one, path), found in sorted(self.hidden.items())
                    if one == layer
                }
                below = f"{prefix}/" if prefix else ""
                assert [
                    (path, *found)
                    for path, found in of_layer.items()
                    if path == prefix or path.startswith(below)
                ] == [(w.path, w.sequence, w.is_opaque) for w in refs.iter_whiteouts(txn, layer, prefix)]
                assert [
                    path for path in of_layer if path in {"", prefix} or prefix.startswith(f"{path}/")
                ] == [w.path for w in refs.whiteouts_over(txn, layer, prefix)]
                assert list(of_layer) == list(refs.whiteouts(txn, layer))

    @invariant()
    def queries_are_right(self) -> None:
        with self.index.read() as txn:
            for conditions in CONDITIONS:
                expected = [
                    (row.position, key)
                    for key, row in self.model.items()
                    if row.state is State.LIVE and query.is_match(row.record.properties, conditions.items())
                ]
                found = query.find(txn, LAYERS, conditions)
                assert [key for _, key in sorted(expected, reverse=True)] == [
                    (version.layer, version.name, version.version) for version in found
                ]

    @invariant()
    def dependents_are_right(self) -> None:
        with self.index.read() as txn:
            for _, name, version in self.model:
                expected = {
                    key
                    for key, row in self.model.items()
                    if row.state is State.LIVE and row.record.inputs.get(name) == version
                }
                found = refs.dependents(txn, name, version)
                assert expected == {(user.layer, user.name, user.version) for user in found}

    @invariant()
    def the_log_has_everything(self) -> None:
        with self.index.read() as txn:
            assert self.sequence == txn.sequence
            entries = list(log.since(txn, 0))
            assert list(range(1, self.sequence + 1)) == [entry.sequence for entry in entries]
            assert entries[::-1] == log.history(txn)
            for name in [*NAMES, "roads/\udcff"]:
                of_name = [entry for entry in entries[::-1] if entry.event.name == name]
                assert of_name == log.history(txn, name=name)
                assert of_name[:2] == log.history(txn, name=name, limit=2)


TestLedger = LedgerMachine.TestCase
TestLedger.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
