"""Inputs: which versions a version was made from, under which role."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest

from cas.errors import InvalidError
from cas.versions.identity import version_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cas.repo import Repository
    from cas.versions.version import Version


@pytest.fixture
def roads(repository: Repository) -> Repository:
    """A repository with two versions of one name, and something else."""
    for text in (b"old", b"new"):
        repository.commit(
            "osm/roads", io.BytesIO(text), properties={"text": text.decode()}, tag=text.decode()
        )
    repository.commit("a=b", io.BytesIO(b"odd name"))
    return repository


def make(repository: Repository, *inputs: str) -> Version:
    """Commit something that was made from these."""
    return repository.commit("made", io.BytesIO(b"made"), inputs=inputs).version


@pytest.mark.parametrize(
    ("inputs", "named"),
    [
        ([], {}),
        (["osm/roads"], {"osm/roads": "osm/roads@new"}),
        (["osm/roads@old"], {"osm/roads": "osm/roads@old"}),
        (["main:osm/roads@~1"], {"osm/roads": "osm/roads@old"}),
        (["before=osm/roads@old", "after=osm/roads"], {"before": "osm/roads@old", "after": "osm/roads@new"}),
        (["osm/roads@text=old"], {"osm/roads": "osm/roads@old"}),
        (["before=osm/roads@text=old"], {"before": "osm/roads@old"}),
        (["osm/roads", "osm/roads@new"], {"osm/roads": "osm/roads@new"}),
    ],
)
def test_an_input_is_called_by_its_role_or_its_name(
    roads: Repository, inputs: Sequence[str], named: dict[str, str]
) -> None:
    """What is recorded is the version that the spec meant at that moment."""
    assert {role: roads.resolve(spec).version for role, spec in named.items()} == make(roads, *inputs).inputs


def test_inputs_alone_make_a_version(roads: Repository) -> None:
    """Without properties too: it is known by what it was made from, and not by its content."""
    version = make(roads, "osm/roads")

    assert {} == version.properties
    assert version_id({}, {"osm/roads": roads.resolve("osm/roads").version}) == version.version


def test_roles_make_a_difference(roads: Repository) -> None:
    """The new one taken for the old is another result."""
    straight = make(roads, "before=osm/roads@old", "after=osm/roads@new")
    crossed = make(roads, "before=osm/roads@new", "after=osm/roads@old")

    assert straight.version != crossed.version


def test_a_newer_input_makes_a_newer_version(roads: Repository) -> None:
    """That is how a pipeline knows that something has to be made again."""
    before = make(roads, "osm/roads")
    roads.commit("osm/roads", io.BytesIO(b"newest"))

    assert before.version != make(roads, "osm/roads").version


@pytest.mark.parametrize(
    "inputs",
    [["osm/roads@old", "osm/roads@new"], ["x=osm/roads@old", "x=osm/roads@new"]],
)
def test_two_inputs_of_one_name_are_refused(roads: Repository, inputs: list[str]) -> None:
    """One would hide the other; the hint says how to name them apart."""
    with pytest.raises(InvalidError) as caught:
        make(roads, *inputs)

    assert "duplicate-input" == caught.value.code
    assert "-i other=" in str(caught.value.hint)


def test_a_name_with_an_equals_sign_needs_a_role(roads: Repository) -> None:
    """Before an `@`, what is left of the sign is a role."""
    version = make(roads, "odd=a=b")

    assert {"odd": roads.resolve("a=b").version} == version.inputs
