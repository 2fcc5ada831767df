"""Comparing recipes: what is named as a cause, and in which words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cas.graph.causes import Cause, Kind, Recipe, causes
from cas.ids import VersionId
from cas.testing import strategies
from cas.versions.identity import version_id
from cas.versions.properties import check_properties

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cas.versions.values import JSON

MIRRORED = {
    Kind.PROPERTY_ADDED: Kind.PROPERTY_DROPPED,
    Kind.PROPERTY_DROPPED: Kind.PROPERTY_ADDED,
    Kind.INPUT_ADDED: Kind.INPUT_DROPPED,
    Kind.INPUT_DROPPED: Kind.INPUT_ADDED,
}

NEAR, FAR = VersionId(b"n" * 32), VersionId(b"f" * 32)


def recipe(inputs: Mapping[str, VersionId] | None = None, **properties: object) -> Recipe:
    return Recipe(check_properties(properties), inputs or {})


class Book:
    """Recipes by their version, as a repository has them."""

    def __init__(self) -> None:
        self.recipes: dict[VersionId, Recipe] = {}

    def add(self, made: Recipe) -> VersionId:
        version = version_id(made.properties, made.inputs)
        self.recipes[version] = made
        return version

    def find(self, _: str, version: VersionId) -> Recipe | None:
        return self.recipes.get(version)


def compare(old: Recipe, new: Recipe, book: Book | None = None) -> list[Cause]:
    return list(causes(old, new, (book or Book()).find))


def recipes() -> st.SearchStrategy[Recipe]:
    return st.builds(Recipe, strategies.properties(), strategies.inputs())


@given(recipes(), recipes())
def test_there_is_a_cause_if_and_only_if_the_versions_differ(old: Recipe, new: Recipe) -> None:
    """Whatever the version id sees is seen here, and nothing else."""
    differs = version_id(old.properties, old.inputs) != version_id(new.properties, new.inputs)

    assert differs is bool(compare(old, new))


@given(strategies.json_values(), strategies.json_values())
def test_one_value_is_compared_as_the_version_id_does(old: JSON, new: JSON) -> None:
    """The same for one property, where nothing else can hide a mistake."""
    differs = version_id({"a": old}, {}) != version_id({"a": new}, {})

    assert differs is bool(compare(recipe(a=old), recipe(a=new)))


@given(recipes(), recipes())
def test_backwards_it_is_the_other_way_round(old: Recipe, new: Recipe) -> None:
    """What was added one way was dropped the other; nothing is found in one direction only."""
    there = {(MIRRORED.get(one.kind, one.kind), one.key, repr(one.new)) for one in compare(old, new)}
    back = {(one.kind, one.key, repr(one.old)) for one in compare(new, old)}

    assert there == back


@st.composite
def histories(draw: st.DrawFn) -> tuple[Book, VersionId, VersionId]:
    """Two versions of one pipeline of a few steps, with any property of any step changed."""
    book = Book()
    old: dict[str, VersionId] = {}
    new: dict[str, VersionId] = {}
    for name in "abcdef"[: draw(st.integers(1, 6))]:
        roles = draw(st.lists(st.sampled_from(sorted(old)), unique=True)) if old else []
        before, after = draw(st.integers(0, 2)), draw(st.integers(0, 2))
        old[name] = book.add(recipe({role: old[role] for role in roles}, step=name, value=before))
        new[name] = book.add(recipe({role: new[role] for role in roles}, step=name, value=after))
    return book, old[name], new[name]


@given(histories())
def test_each_path_leads_to_its_cause(history: tuple[Book, VersionId, VersionId]) -> None:
    """Step by step, the inputs of the recipes are what the path says, and the values at its end differ."""
    book, old, new = history
    for cause in compare(book.recipes[old], book.recipes[new], book):
        here = old, new
        for step in cause.path:
            recipes = [book.recipes[version] for version in here]
            assert [one.inputs[step.role] for one in recipes] == [step.old, step.new]
            here = step.old, step.new
        before, after = (book.recipes[version] for version in here)
        if cause.kind is Kind.INPUT_REPEATED:
            pair = str(before.inputs[cause.key]), str(after.inputs[cause.key])
        else:
            assert cause.kind is Kind.PROPERTY_CHANGED
            pair = before.properties[cause.key], after.properties[cause.key]  # type: ignore[assignment] # numbers
        assert pair == (cause.old, cause.new)
        assert cause.old != cause.new


@given(histories())
def test_every_changed_step_is_named_once(history: tuple[Book, VersionId, VersionId]) -> None:
    """However many ways lead to it."""
    book, old, new = history
    found = [one for one in compare(book.recipes[old], book.recipes[new], book) if "property" in one.kind]

    ends = [one.path[-1].new if one.path else new for one in found]

    assert len(ends) == len(set(ends))
    assert bool(found) is (old != new)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (recipe(a=1), recipe(a="1"), ["property 'a' differs: 1 -> \"1\""]),
        (recipe(a=True), recipe(a=1), ["property 'a' differs: true -> 1"]),
        (recipe(), recipe(a=None), ["property 'a' is new: null"]),
        (recipe(a=[1]), recipe(), ["property 'a' is gone: it was [1]"]),
        (recipe(a=0.1, b=2), recipe(a=0.2, b=3), [
            "property 'a' differs: 0.1 -> 0.2",
            "property 'b' differs: 2 -> 3",
        ]),
        (recipe(p={"a": 1, "b": 1}), recipe(p={"a": 2, "c": 1}), [
            "property 'p.a' differs: 1 -> 2",
            "property 'p.b' is gone: it was 1",
            "property 'p.c' is new: 1",
        ]),
        (recipe(p=[1, {"x": 2}]), recipe(p=[1, {"x": 3}]), ["property 'p[1].x' differs: 2 -> 3"]),
        (recipe(p=[1]), recipe(p=[1, 2]), ["property 'p' differs: [1] -> [1, 2]"]),
        (recipe(), recipe({"map": NEAR}), ["input 'map' is new: 6e6e6e6e6e6e"]),
        (recipe({"map": NEAR}), recipe(), ["input 'map' is gone: it was 6e6e6e6e6e6e"]),
        (recipe({"map": NEAR}), recipe({"map": FAR}), ["input 'map' differs: 6e6e6e6e6e6e -> 666666666666"]),
        (recipe({"a": NEAR}), recipe({"b": NEAR}), [
            "input 'a' is gone: it was 6e6e6e6e6e6e",
            "input 'b' is new: 6e6e6e6e6e6e",
        ]),
    ],
)  # fmt: skip
def test_what_is_said(old: Recipe, new: Recipe, told: list[str]) -> None:
    """One sentence a cause, values as JSON, so that a number and its text look different."""
    assert told == [str(one) for one in compare(old, new)]


def test_a_cause_further_down_says_the_way() -> None:
    """From what differs here to why."""
    book = Book()
    old, new = (book.add(recipe(region=region)) for region in ("ru", "fi"))
    before, after = (recipe({"roads": book.add(recipe({"map": version}))}) for version in (old, new))

    (found,) = compare(before, after, book)

    assert (
        f"input 'roads' differs ({found.path[0].old.short} -> {found.path[0].new.short}) because its "
        f"input 'map' differs ({old.short} -> {new.short}) because its "
        'property \'region\' differs: "ru" -> "fi"'
    ) == str(found)


def test_what_is_shared_is_explained_once() -> None:
    """The second time it is only said that it was said."""
    book = Book()
    old, new = (book.add(recipe(rate=rate)) for rate in (1, 2))
    before, after = (
        recipe({side: book.add(recipe({"config": version}, side=side)) for side in ("left", "right")})
        for version in (old, new)
    )

    found = compare(before, after, book)

    assert [Kind.INPUT_REPEATED, Kind.PROPERTY_CHANGED] == [one.kind for one in found]
    assert str(found[0]).endswith(f"input 'config' differs: {old.short} -> {new.short} (explained once)")


def test_many_parts_are_one_property() -> None:
    """A list of a thousand numbers is not a thousand causes."""
    (found,) = compare(recipe(a=list(range(1000))), recipe(a=list(range(1, 1001))))

    assert "a" == found.key
    assert len(str(found)) < 250


def test_of_long_values_the_difference_is_shown() -> None:
    """Where they begin alike, the beginning says nothing."""
    (found,) = compare(recipe(a="x" * 500 + "old"), recipe(a="x" * 500 + "new"))

    assert 'old" -> …' in str(found)
    assert str(found).endswith('new"')
    assert len(str(found)) < 120


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        (Kind.NEVER_MADE, "'roads' was never made"),
        (Kind.REMOVED, "'roads' was removed"),
        (Kind.COLLECTED, "'roads' was removed, and gc took its content"),
    ],
)
def test_what_is_not_there(kind: Kind, told: str) -> None:
    """These need no values."""
    assert told == str(Cause(kind, "roads"))
