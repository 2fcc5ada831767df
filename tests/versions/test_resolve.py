"""From a spec to a version, and what is said when there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest

from cas.errors import CasError, InvalidError, NotFoundError
from cas.testing.records import make_record
from cas.versions import query
from cas.versions.events import Collected, Committed, Removed, Tagged
from cas.versions.resolve import resolve, resolve_removed
from cas.versions.spec import Spec

if TYPE_CHECKING:
    from cas.objects.index import Index
    from cas.versions.events import AnyEvent
    from cas.versions.ledger import Ledger
    from cas.versions.record import Record
    from cas.versions.values import JSON
    from cas.versions.version import Version

LAYERS = ["work", "main"]
"""Uppermost first."""


class Roads(NamedTuple):
    """Three versions in `main`, one of `old` removed, one of `lost` collected; `work` on top."""

    ru: Record
    de: Record
    fr: Record
    work: Record
    old: Record
    lost: Record


@pytest.fixture
def roads(index: Index, ledger: Ledger) -> Roads:
    """The repository that all tests here ask."""
    ru, de, fr = (
        make_record("roads", {"region": region, "year": year, "n": n})
        for n, (region, year) in enumerate([("ru", 2016), ("de", 2016), ("fr", "2017")])
    )
    work = make_record("osm/rivers", {"region": "ru"})
    old, lost = make_record("old", {"n": 1}), make_record("lost", {"n": 1})
    everything = [("main", ru), ("main", de), ("main", fr), ("work", work), ("main", old), ("main", lost)]
    events: list[AnyEvent] = [
        *(Committed.of(layer, one) for layer, one in everything),
        Tagged("main", "roads", ru.version.raw, "v1"),
        Tagged("main", "roads", de.version.raw, "2016"),
        Tagged("main", "old", old.version.raw, "v0"),
        Removed("main", "old", old.version.raw),
        Removed("main", "lost", lost.version.raw),
        Collected("main", "lost", lost.version.raw),
    ]
    index.write(lambda txn: ledger.record(txn, events, now_ns=1))
    return Roads(ru, de, fr, work, old, lost)


def find(index: Index, text: str, *, include_removed: bool = False) -> Version:
    with index.read() as txn:
        return resolve(txn, LAYERS, Spec.parse(text), include_removed=include_removed)


def failure(index: Index, text: str) -> CasError:
    with pytest.raises(CasError) as caught:
        find(index, text)
    return caught.value


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("roads", "fr"),
        ("main:roads", "fr"),
        ("roads@~0", "fr"),
        ("roads@~2", "ru"),
        ("roads@v1", "ru"),
        ("roads@2016", "de"),
        ("roads@region=ru", "ru"),
        ("roads@year:=2016", "de"),
        ("roads@year=2016", "de"),
        ("roads@year=2017", "fr"),
        ("roads@year=2016,region=ru", "ru"),
        ("roads@n:=0.0", "ru"),
        ("osm/rivers", "work"),
    ],
)
def test_every_selector_finds_its_version(index: Index, roads: Roads, spec: str, expected: str) -> None:
    """One example of each form; text conditions match numbers that are written so."""
    assert find(index, spec).record == getattr(roads, expected)


@pytest.mark.parametrize("length", [4, 7, 12, 63, 64])
def test_ids_may_be_abbreviated(index: Index, roads: Roads, length: int) -> None:
    """Four digits are enough when only one version begins with them; case does not matter."""
    digits = str(roads.ru.version)[:length]

    assert find(index, f"roads@{digits}").record == roads.ru
    assert find(index, f"roads@{digits.upper()}").record == roads.ru


def test_the_uppermost_layer_with_the_name_wins(index: Index, ledger: Ledger, roads: Roads) -> None:
    """A name and `~N` belong to the top layer; tags, ids and properties look through it."""
    top = make_record("roads", {"region": "it"})
    index.write(lambda txn: ledger.record(txn, [Committed.of("work", top)], now_ns=2))

    assert find(index, "roads").record == top
    assert find(index, "main:roads").record == roads.fr
    assert find(index, "roads@v1").record == roads.ru
    assert find(index, "roads@region=de").record == roads.de
    assert find(index, f"roads@{roads.fr.version}").record == roads.fr
    assert failure(index, "roads@~1").why == "layer 'work' has 1 of it, so the oldest is ~0"


def test_one_version_in_two_layers_is_not_ambiguous(index: Index, ledger: Ledger, roads: Roads) -> None:
    """The upper layer hides the lower: both are the same version."""
    index.write(lambda txn: ledger.record(txn, [Committed.of("work", roads.ru)], now_ns=2))

    assert find(index, f"roads@{roads.ru.version.short}").layer == "work"


def test_ambiguous_prefixes_list_the_candidates(index: Index, ledger: Ledger) -> None:
    """Guessing would check the wrong data out; the user gets the longer forms to choose from."""
    made = [make_record("many", {"n": n}) for n in range(600)]
    index.write(lambda txn: ledger.record(txn, [Committed.of("main", one) for one in made], now_ns=1))
    by_prefix: dict[str, list[Record]] = {}
    for one in made:
        by_prefix.setdefault(str(one.version)[:4], []).append(one)
    digits, twins = next((digits, found) for digits, found in by_prefix.items() if len(found) > 1)

    error = failure(index, f"many@{digits}")

    assert isinstance(error, InvalidError)
    assert error.code == "ambiguous-version"
    assert error.why == "it fits " + ", ".join(sorted(f"many@{one.version.short}" for one in twins))
    assert error.hint == "add digits"


@pytest.mark.parametrize(
    ("spec", "code", "why", "hint"),
    [
        ("road", "no-such-name", "nothing of that name is in layer 'work' or 'main'", "mean 'roads'?"),
        ("zzz", "no-such-name", "nothing of that name", "cas ls"),
        ("work:roads", "no-such-name", "in layer 'work'", "cas ls"),
        ("nope:roads", "no-such-layer", "'work', 'main'", "cas layer list"),
        ("old", "name-removed", "all its versions were removed", "cas restore old"),
        ("old@v0", "name-removed", "all its versions were removed", "cas restore old"),
        ("roads@~3", "no-such-version", "has 3 of it, so the oldest is ~2", None),
        (f"roads@~{'9' * 20}", "no-such-version", "has 3 of it, so the oldest is ~2", None),
        (f"roads@~{'9' * 5000}", "no-such-version", "has 3 of it, so the oldest is ~2", None),
        ("roads@v9", "no-such-tag", "its tags are 2016, v1", "cas ls --versions roads"),
        ("osm/rivers@v9", "no-such-tag", "it has no tags", "needs 4 digits"),
        ("roads@0000", "no-such-version", "starts with 0000", "cas ls --versions roads"),
        ("roads@region=it", "no-such-version", "no version has these properties", "cas find region=it"),
        ("roads@year:=2017", "no-such-version", "no version has these properties", "cas find year:=2017"),
    ],
)
@pytest.mark.usefixtures("roads")
def test_what_is_not_there_is_explained(
    index: Index, spec: str, code: str, why: str, hint: str | None
) -> None:
    """Every refusal says what there is instead, and what to run."""
    error = failure(index, spec)

    assert isinstance(error, NotFoundError)
    assert error.code == code
    assert why in str(error.why)
    assert (hint is None) == (error.hint is None)
    assert str(hint or None) in str(error.hint)


def test_versions_that_are_gone_say_how_to_get_them_back(index: Index, roads: Roads) -> None:
    """An id that somebody wrote down is known for ever, whatever became of its content."""
    old, lost = f"old@{roads.old.version.short}", f"lost@{roads.lost.version.short}"

    assert failure(index, old).hint == f"run `cas restore {old}`"
    assert failure(index, lost).why == "gc took its content after it was removed"
    assert find(index, old, include_removed=True).record == roads.old
    assert find(index, lost, include_removed=True).record == roads.lost


def test_restore_finds_what_was_removed(index: Index, ledger: Ledger, roads: Roads) -> None:
    """By name the last one removed; by id, former tag or properties as usual."""

    def remove(one: Record, at_s: int) -> None:
        event = Removed("main", "roads", one.version.raw)
        index.write(lambda txn: ledger.record(txn, [event], now_ns=at_s * 10**9))

    remove(roads.de, 1)
    remove(roads.ru, 2)

    def find_removed(text: str) -> Record:
        with index.read() as txn:
            return resolve_removed(txn, LAYERS, Spec.parse(text)).record

    assert find_removed("roads") == roads.ru
    assert find_removed("main:roads") == roads.ru
    assert find_removed("roads@2016") == roads.de
    assert find_removed(f"roads@{roads.de.version.short}") == roads.de
    assert find_removed(f"roads@{roads.de.version}") == roads.de
    assert find_removed("roads@year=2016") == roads.ru
    assert find_removed("roads@region=de") == roads.de
    assert find_removed("old@v0") == roads.old


@pytest.mark.parametrize(
    ("spec", "code", "why"),
    [
        ("roads", "not-removed", "no removed version matches"),
        ("old@region=ru", "not-removed", "no removed version matches"),
        ("lost", "version-collected", "gc took its content"),
        ("old@~1", "bad-spec", "~N counts live versions"),
        ("zzz", "no-such-name", "nothing of that name"),
    ],
)
@pytest.mark.usefixtures("roads")
def test_what_cannot_be_restored_is_explained(index: Index, spec: str, code: str, why: str) -> None:
    """Live, collected, never known: three answers, not one."""
    with index.read() as txn, pytest.raises(CasError) as caught:
        resolve_removed(txn, LAYERS, Spec.parse(spec))

    assert caught.value.code == code
    assert why in str(caught.value.why)


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ({"region": "ru"}, ["work", "ru"]),
        ({"year": 2016}, ["de", "ru"]),
        ({"year": "2016"}, ["de", "ru"]),
        ({"year": 2017}, []),
        ({"n": True}, []),
        ({"n": 0.0}, ["ru"]),
        ({"region": "ru", "year": 2016}, ["ru"]),
        ({"nope": None}, []),
        ({}, ["work", "fr", "de", "ru"]),
    ],
)
def test_find_looks_in_all_names_and_layers(
    index: Index, roads: Roads, conditions: dict[str, JSON], expected: list[str]
) -> None:
    """Newest first; types count, except that text may mean the number it spells."""
    with index.read() as txn:
        found = query.find(txn, LAYERS, conditions)

    assert [version.record for version in found] == [getattr(roads, name) for name in expected]


@pytest.mark.usefixtures("roads")
def test_find_looks_only_in_the_layers_it_is_given(index: Index) -> None:
    """A layer that is configured away is not part of the view."""
    with index.read() as txn:
        found = query.find(txn, ["work"], {"region": "ru"})

    assert [version.layer for version in found] == ["work"]
