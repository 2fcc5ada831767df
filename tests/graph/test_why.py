"""Explaining versions by the records of a repository."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cas.errors import NotFoundError
from cas.graph.causes import Kind, Recipe
from cas.graph.why import Explainer, compare_versions, explain, version_before
from cas.ids import VersionId
from cas.repo import Repository
from cas.versions.identity import version_id
from tests.graph.families import bury, make

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cas.versions.version import Version

ELSEWHERE = VersionId(b"e" * 32)


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[Repository]:
    """An empty repository."""
    with Repository.init(tmp_path) as opened:
        yield opened


@pytest.fixture
def models(repository: Repository) -> tuple[Version, Version]:
    """Two versions of a model; two steps above them the region of a map is another."""
    made = []
    for region in ("ru", "fi"):
        make(repository, "osm/map", region=region)
        make(repository, "roads", ["map=osm/map"], width=2)
        made.append(make(repository, "model", ["roads"]))
    return made[0], made[1]


def test_a_difference_is_followed_to_its_root(
    repository: Repository, models: tuple[Version, Version]
) -> None:
    """Through an input that is called as its resource, and one that is called by its role."""
    found = compare_versions(repository, *models)

    (cause,) = found.causes
    assert (Kind.PROPERTY_CHANGED, "region", "ru", "fi") == (cause.kind, cause.key, cause.old, cause.new)
    assert ["roads", "map"] == [step.role for step in cause.path]


def test_it_is_told_after_the_content_is_gone(
    repository: Repository, models: tuple[Version, Version]
) -> None:
    """Records stay, so the answer stays."""
    before = compare_versions(repository, *models)
    bury(repository, "osm/map@region=ru", "roads@~1", "roads")

    assert before.causes == compare_versions(repository, *models).causes


def test_the_same_recipe_has_no_cause(repository: Repository) -> None:
    """Also under two names."""
    a, b = make(repository, "a", x=1), make(repository, "b", x=1)

    assert () == compare_versions(repository, a, b).causes


def test_an_input_without_a_record_ends_the_search(repository: Repository) -> None:
    """It was made elsewhere; that it is another one is all that can be said."""
    here = make(repository, "map", region="ru")
    old = make(repository, "roads", {"map": here.version})
    new = make(repository, "roads", {"map": ELSEWHERE})

    (cause,) = compare_versions(repository, old, new).causes

    assert (Kind.INPUT_CHANGED, "map", ()) == (cause.kind, cause.key, cause.path)
    assert (str(here.version), str(ELSEWHERE)) == (cause.old, cause.new)


def test_what_is_there_needs_no_reason(repository: Repository) -> None:
    """Whatever else there is of the name."""
    make(repository, "roads", width=1)
    make(repository, "roads", width=2)

    assert () == explain(repository, "roads", {"width": 1}, {})


def test_what_never_was_there(repository: Repository) -> None:
    """Other names with that version id do not count."""
    make(repository, "rails", width=1)

    assert ["'roads' was never made"] == [str(one) for one in explain(repository, "roads", {"width": 1}, {})]


def test_what_was_removed_and_collected(repository: Repository) -> None:
    """Not what differs from another version counts then, but that it is gone."""
    version = make(repository, "roads", width=1)
    make(repository, "roads", width=2)
    repository.remove([version.ref])
    (removed,) = explain(repository, "roads", {"width": 1}, {})
    repository.gc()
    (collected,) = explain(repository, "roads", {"width": 1}, {})

    assert [(Kind.REMOVED, version.ref), (Kind.COLLECTED, version.ref)] == [
        (one.kind, one.key) for one in (removed, collected)
    ]


def test_what_is_wanted_is_compared_with_what_is_current(repository: Repository) -> None:
    """Not with what is most like it."""
    make(repository, "roads", width=1, length=1)
    make(repository, "roads", width=2, length=2)

    found = explain(repository, "roads", {"width": 1, "length": 2}, {})

    assert ["property 'width' differs: 2 -> 1"] == [str(one) for one in found]


def test_without_a_live_version_the_last_is_compared(repository: Repository) -> None:
    """What was removed is still the best that is known."""
    make(repository, "roads", width=1)
    make(repository, "roads", width=2)
    bury(repository, "roads@width=1", "roads@width=2")

    found = explain(repository, "roads", {"width": 3}, {})

    assert ["property 'width' differs: 2 -> 3"] == [str(one) for one in found]


def test_an_input_that_is_not_made_yet_is_named(repository: Repository) -> None:
    """Unless its recipe is known, because it is planned: then it is looked into."""
    old = make(repository, "map", region="ru")
    make(repository, "roads", ["map"])
    planned = Recipe({"region": "fi"}, {})
    wanted = version_id(planned.properties, planned.inputs)

    (named,) = explain(repository, "roads", {}, {"map": wanted})
    (followed,) = Explainer(repository, {wanted: planned}).explain("roads", {}, {"map": wanted})

    assert f"input 'map' differs: {old.version.short} -> {wanted.short}" == str(named)
    assert "region" == followed.key


def test_the_version_before_counts_removed_ones(repository: Repository) -> None:
    """The order of a name is that of its commits, whatever came later."""
    first, second, third = (make(repository, "roads", width=width) for width in (1, 2, 3))
    repository.remove([second.ref])

    assert second.version == version_before(repository, third).version
    with pytest.raises(NotFoundError) as caught:
        version_before(repository, first)
    assert "no-version-before" == caught.value.code
