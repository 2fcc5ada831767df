"""Reading refs: what a name means, what it costs to ask, and who was made from what."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from cas.errors import ConflictError, NotFoundError
from cas.ids import VersionId
from cas.testing.records import make_record
from cas.versions import ledger as ledger_log
from cas.versions import refs
from cas.versions.events import (
    Collected,
    Committed,
    Removed,
    Renewed,
    Restored,
    Tagged,
    Untagged,
    VersionEvent,
)
from cas.versions.spec import Spec
from cas.versions.times import from_nanoseconds
from cas.versions.version import State

if TYPE_CHECKING:
    from cas.objects.index import Index
    from cas.versions.events import AnyEvent
    from cas.versions.ledger import Ledger
    from cas.versions.record import Record
    from cas.versions.version import Version


def record(index: Index, ledger: Ledger, *events: AnyEvent) -> None:
    index.write(lambda txn: ledger.record(txn, events, now_ns=5_000_000_000))


def commit(index: Index, ledger: Ledger, made: Record, layer: str = "main") -> Record:
    record(index, ledger, Committed.of(layer, made))
    return made


def get(index: Index, made: Record, layer: str = "main") -> Version:
    with index.read() as txn:
        found = refs.get(txn, layer, made.name, made.version)
    assert found is not None
    return found


def test_a_version_has_everything_of_its_record(index: Index, ledger: Ledger) -> None:
    """The JSON of a version is a promise: these keys, these forms."""
    source = commit(index, ledger, make_record("raw"))
    made = make_record("roads", {"region": "ru"}, inputs={"raw": source.version}, data=b"abc", message="hi")
    record(index, ledger, Committed.of("main", made), Tagged("main", "roads", made.version.raw, "v1"))

    version = get(index, made)

    assert version.as_dict() == {
        "name": "roads",
        "layer": "main",
        "version": str(made.version),
        "content": "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85",
        "kind": "file",
        "type": "file",
        "properties": {"region": "ru"},
        "inputs": {"raw": str(source.version)},
        "size": 3,
        "files": 1,
        "created_at": "2024-02-29T12:30:15.123456Z",
        "message": "hi",
        "origin": "",
        "tags": ["v1"],
        "state": "live",
        "current": True,
    }
    assert (version.type, version.size, version.file_count) == ("file", 3, 1)
    assert (version.created_at, version.inputs) == (made.created_at, made.inputs)
    assert version.ref == f"roads@{made.version.short}"
    assert Spec.parse(str(Spec.of(version))) == Spec.of(version)


def test_a_removed_current_falls_back_to_the_newest_live(index: Index, ledger: Ledger) -> None:
    """The name must go on meaning something; restoring puts it back where it was."""
    first, second, third = (commit(index, ledger, make_record("roads", {"n": n})) for n in range(3))
    record(index, ledger, Removed.on(get(index, third)))
    with index.read() as txn:
        current = refs.current(txn, "main", "roads")
    assert current is not None
    assert current.version == second.version
    assert get(index, third).removed_at is not None

    record(index, ledger, Removed.on(get(index, first)), Restored.on(get(index, third)))

    with index.read() as txn:
        assert [v.version for v in refs.versions(txn, "main", "roads")] == [third.version, second.version]
        everything = refs.versions(txn, "main", "roads", include_removed=True)
    assert [(v.version, v.state) for v in everything] == [
        (third.version, State.LIVE),
        (second.version, State.LIVE),
        (first.version, State.REMOVED),
    ]


def test_a_tag_that_was_taken_meanwhile_does_not_come_back(index: Index, ledger: Ledger) -> None:
    """Restoring must not steal; the tags that are still free return."""
    first, second = (commit(index, ledger, make_record("roads", {"n": n})) for n in range(2))
    where = ("main", "roads")
    record(index, ledger, Tagged(*where, first.version.raw, "v1"), Tagged(*where, first.version.raw, "best"))
    record(index, ledger, Removed.on(get(index, first)), Tagged(*where, second.version.raw, "best"))
    assert get(index, first).tags == ("best", "v1")

    record(index, ledger, Restored.on(get(index, first)))

    assert get(index, first).tags == ("v1",)
    assert get(index, second).tags == ("best",)


def test_a_commit_after_removal_starts_without_tags(index: Index, ledger: Ledger) -> None:
    """Only `restore` undoes a removal; a commit makes the version anew."""
    made = commit(index, ledger, make_record())
    record(index, ledger, Tagged("main", "roads", made.version.raw, "v1"), Removed.on(get(index, made)))

    commit(index, ledger, made)

    assert (get(index, made).state, get(index, made).tags) == (State.LIVE, ())


def test_a_collected_version_is_a_tombstone(index: Index, ledger: Ledger) -> None:
    """`get` still knows it, no list shows it, `restore` cannot help, a commit makes it live."""
    made = commit(index, ledger, make_record())
    version = get(index, made)
    record(index, ledger, Removed.on(version), Collected.on(version))
    assert get(index, made).state is State.COLLECTED
    with index.read() as txn:
        assert refs.versions(txn, "main", "roads") == []
        assert list(refs.names(txn, "main")) == []

    with pytest.raises(NotFoundError, match="gc took its content") as caught:
        record(index, ledger, Restored.on(version))
    assert caught.value.code == "version-collected"
    assert caught.value.hint == "commit it again"

    commit(index, ledger, made)
    assert get(index, made).state is State.LIVE


def test_a_tombstone_remembers_when_it_was_removed(index: Index, ledger: Ledger) -> None:
    """Collecting comes later, and is nothing that the user did."""
    made = commit(index, ledger, make_record())
    record(index, ledger, Removed.on(get(index, made)))
    removed_at = get(index, made).removed_at

    collected = Collected.on(get(index, made))
    index.write(lambda txn: ledger.record(txn, [collected], now_ns=9_000_000_000))

    assert get(index, made).removed_at == removed_at == from_nanoseconds(5_000_000_000)


def test_other_content_is_a_conflict_that_names_both(index: Index, ledger: Ledger) -> None:
    """Never silent; `replaces` decides, keeps the tags, and leaves the old record to the log."""
    old, new = make_record(data=b"old"), make_record(data=b"new")
    commit(index, ledger, old)
    record(index, ledger, Tagged("main", "roads", old.version.raw, "v1"))

    with pytest.raises(ConflictError) as caught:
        commit(index, ledger, new)
    assert caught.value.code == "version-conflict"
    assert str(old.content) in str(caught.value.why)
    assert str(new.content) in str(caught.value.why)

    record(index, ledger, Committed.of("main", new, replaces=True))
    assert (get(index, new).content, get(index, new).tags) == (new.content, ("v1",))
    with index.read() as txn:
        first = txn.get(txn.tables.log, (1).to_bytes(8))
    assert first is not None
    assert old.encode() in first


def test_renewing_makes_a_version_the_current_one(index: Index, ledger: Ledger) -> None:
    """Commit A, B, A again: the user's last word was A."""
    first, second = (commit(index, ledger, make_record("roads", {"n": n})) for n in range(2))

    record(index, ledger, Renewed.on(get(index, first)))

    assert get(index, first).is_current
    assert not get(index, second).is_current
    record(index, ledger, Removed.on(get(index, second)))
    with pytest.raises(NotFoundError, match="it was removed"):
        record(index, ledger, Renewed.on(get(index, second)))


def test_the_log_says_what_happened(index: Index, ledger: Ledger) -> None:
    """Each entry has a kind, a version and a word of detail; nothing of it needs the tables."""
    old, new = make_record(data=b"old", message="first"), make_record(data=b"new", message="better")
    bare = make_record(data=b"bare")
    where = ("main", "roads", old.version.raw)
    record(index, ledger, Committed.of("main", old), Tagged(*where, "v1"), Untagged(*where, "v1"))
    record(index, ledger, Committed.of("main", new, replaces=True), Committed.of("main", bare, replaces=True))
    record(index, ledger, Removed(*where))

    with index.read() as txn:
        entries = ledger_log.history(txn, limit=6)
        assert ledger_log.history(txn, limit=0) == []
        assert ledger_log.history(txn, name="road") == []

    assert [(entry.event.kind, entry.event.detail) for entry in entries] == [
        ("remove", ""),
        ("commit", "replaces its content"),
        ("commit", "replaces its content: better"),
        ("untag", "v1"),
        ("tag", "v1"),
        ("commit", "first"),
    ]
    assert {entry.event.version_id for entry in entries} == {old.version}
    assert isinstance(entries[0].event, VersionEvent)
    assert entries[0].event.ref == f"roads@{old.version.short}"


def test_events_about_what_never_was_are_refused(index: Index, ledger: Ledger) -> None:
    """An event must not invent a version; the transaction fails and nothing is written."""
    with pytest.raises(NotFoundError, match="it was never committed to layer 'main'"):
        record(index, ledger, Removed("main", "roads", bytes(32)))
    made = commit(index, ledger, make_record())
    with pytest.raises(NotFoundError, match="never committed to layer 'work'"):
        record(index, ledger, Tagged("work", "roads", made.version.raw, "v1"))

    with index.read() as txn:
        assert txn.sequence == 1
    assert ledger.journal.last_sequence() == 1


def test_doing_again_what_is_done_changes_nothing(index: Index, ledger: Ledger) -> None:
    """Two processes may decide on the same thing; the second to arrive must not spoil it."""
    made = commit(index, ledger, make_record())
    tagged = Tagged("main", "roads", made.version.raw, "v1")
    record(index, ledger, tagged, tagged, Untagged("main", "roads", made.version.raw, "other"))
    version = get(index, made)
    record(index, ledger, Restored.on(version))
    assert get(index, made) == version

    record(index, ledger, Removed.on(version), Removed.on(version))
    removed = get(index, made)
    assert removed.removed_at == from_nanoseconds(5_000_000_000)
    with pytest.raises(NotFoundError, match="it was removed") as caught:
        record(index, ledger, tagged)
    assert caught.value.hint == f"run `cas restore {version.ref}`"

    record(index, ledger, Collected.on(version), Removed.on(version))
    assert get(index, made).state is State.COLLECTED


def test_committing_the_same_content_again_makes_it_current(index: Index, ledger: Ledger) -> None:
    """Two commits of one key that race each other both succeed."""
    made = commit(index, ledger, make_record())
    commit(index, ledger, make_record("roads", {"n": 2}))

    commit(index, ledger, made)

    assert get(index, made).is_current


def test_an_empty_repository_has_nothing(index: Index) -> None:
    """Every way of looking has an answer for it."""
    with index.read() as txn:
        assert ledger_log.history(txn) == []
        assert list(ledger_log.since(txn, 0)) == []
        assert list(refs.all_versions(txn)) == []
        assert refs.layers(txn) == []
        assert refs.back(txn, "main", "roads", 0) is None


def test_compare_and_swap(index: Index, ledger: Ledger) -> None:
    """Whoever decided on what they saw is told when that has moved."""
    with index.read() as txn:
        refs.require_current(txn, "main", "roads", None)
    made = commit(index, ledger, make_record())
    with index.read() as txn:
        refs.require_current(txn, "main", "roads", made.version)
        with pytest.raises(ConflictError) as caught:
            refs.require_current(txn, "main", "roads", None)
        with pytest.raises(ConflictError, match=f"moved from 000000000000 to {made.version.short}"):
            refs.require_current(txn, "main", "roads", VersionId(bytes(32)))

    assert caught.value.code == "ref-moved"
    assert caught.value.why == f"it moved from nothing to {made.version.short} since it was read"


def test_names_are_listed_by_prefix_and_layer(index: Index, ledger: Ledger) -> None:
    """One layer's names must not leak into another whose name it begins."""
    for layer, name in [("a", "x"), ("a", "x/y"), ("a", "é"), ("ab", "x"), ("b", "z")]:
        commit(index, ledger, make_record(name), layer)

    with index.read() as txn:
        assert [ref.name for ref in refs.names(txn, "a")] == ["x", "x/y", "é"]
        assert [ref.name for ref in refs.names(txn, "a", "x/")] == ["x/y"]
        assert [ref.name for ref in refs.names(txn, "ab")] == ["x"]
        assert [ref.name for ref in refs.names(txn, "nothing")] == []
        assert refs.layers(txn) == ["a", "ab", "b"]
        assert refs.current(txn, "a", "nothing") is None
        assert {(v.layer, v.name) for v in refs.live_versions(txn)} == {
            ("a", "x"),
            ("a", "x/y"),
            ("a", "é"),
            ("ab", "x"),
            ("b", "z"),
        }


def test_names_that_begin_alike_do_not_share_versions(index: Index, ledger: Ledger) -> None:
    """The order of `road` must not run into that of `roads`, whose keys follow."""
    commit(index, ledger, make_record("roads", {"n": 1}))
    only = commit(index, ledger, make_record("road", {"n": 2}))
    commit(index, ledger, make_record("road2", {"n": 3}))

    with index.read() as txn:
        assert [v.version for v in refs.versions(txn, "main", "road")] == [only.version]
        assert refs.back(txn, "main", "road", 1) is None
        assert not refs.is_known(txn, "main", "roa")


def test_dependents_by_name_and_by_role(index: Index, ledger: Ledger) -> None:
    """Removing a version must name everything made from it, and nothing made from its namesake."""
    raw = commit(index, ledger, make_record("raw", {"n": 1}))
    twin = commit(index, ledger, make_record("twin", {"n": 1}))
    assert raw.version == twin.version
    by_name = commit(index, ledger, make_record("a", inputs={"raw": raw.version}))
    by_role = commit(index, ledger, make_record("b", inputs={"source": raw.version}), "work")
    of_twin = commit(index, ledger, make_record("c", inputs={"twin": twin.version}))
    gone = commit(index, ledger, make_record("d", {"x": 1}, inputs={"raw": raw.version}))
    record(index, ledger, Removed.on(get(index, gone)))

    with index.read() as txn:
        of_raw = [version.name for version in refs.dependents(txn, "raw", raw.version)]
        twins = [version.name for version in refs.dependents(txn, "twin", twin.version)]

    assert of_raw == [by_name.name, by_role.name]
    assert twins == [of_twin.name, by_role.name]


def test_versions_are_found_by_any_number_of_digits(index: Index, ledger: Ledger) -> None:
    """Hex digits come in odd numbers too, bytes do not."""
    made = [commit(index, ledger, make_record("roads", {"n": n})) for n in range(40)]

    with index.read() as txn:
        for length in range(1, 10):
            for each in made:
                digits = str(each.version)[:length]
                expected = sorted(str(one.version) for one in made if str(one.version).startswith(digits))
                found = [str(v.version) for v in refs.with_prefix(txn, "main", "roads", digits)]
                assert found == expected


def test_removing_many_versions_newest_first_is_not_quadratic(index: Index, ledger: Ledger) -> None:
    """Each removal moves the current version back; looking for the next must not pass those gone before."""
    made = [make_record("roads", {"n": n}) for n in range(3000)]
    record(index, ledger, *(Committed.of("main", one) for one in made))

    record(index, ledger, *(Removed("main", "roads", one.version.raw) for one in made[:0:-1]))

    with index.read() as txn:
        ref = refs.ref(txn, "main", "roads")
        first = refs.current(txn, "main", "roads")
    assert first is not None
    assert ref == refs.Ref("main", "roads", made[0].version, 1)
    assert first.version == made[0].version


def test_listing_needs_no_canonical_json() -> None:
    """`cas ls` must start fast: reading refs imports neither hashing of properties nor YAML."""
    program = "import sys, cas.versions.refs; print({'rfc8785', 'yaml', 'difflib'} & set(sys.modules))"

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize("count", [1, (1 << 63) - 1, 1 << 63, 10**30])
def test_too_far_back_is_nothing(index: Index, ledger: Ledger, count: int) -> None:
    """However far one goes back, there is an answer."""
    made = commit(index, ledger, make_record())

    with index.read() as txn:
        assert refs.back(txn, "main", made.name, count) is None
