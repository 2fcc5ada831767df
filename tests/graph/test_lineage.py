"""Lineage: what a version was made from, and what was made from it."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cas.errors import NotFoundError
from cas.graph.lineage import Direction, Edge, lineage
from cas.ids import VersionId
from cas.repo import Repository
from tests.graph.families import bury, make

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cas.graph.lineage import Lineage

ELSEWHERE = VersionId(b"e" * 32)


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[Repository]:
    """Raw data and a configuration; a text made from both, and a model and a report from that."""
    with Repository.init(tmp_path) as opened:
        make(opened, "raw", lang="en")
        make(opened, "config", rate=1)
        make(opened, "text", ["source=raw", "config"])
        make(opened, "model", ["text", "config"])
        make(opened, "report", ["text"])
        yield opened


def names(found: Lineage) -> list[str]:
    return [key[0] for key in found.nodes]


def edges(found: Lineage) -> set[tuple[str, str, str]]:
    return {(edge.source[0], edge.role, edge.target[0]) for edge in found.edges}


def test_upwards(repository: Repository) -> None:
    """Everything that it needs, and nothing that is beside it."""
    found = lineage(repository, "model", Direction.UP)

    assert ["model", "config", "text", "raw"] == names(found)
    assert {
        ("config", "config", "model"),
        ("text", "text", "model"),
        ("config", "config", "text"),
        ("raw", "source", "text"),
    } == edges(found)


def test_downwards(repository: Repository) -> None:
    """Everything that needs it."""
    found = lineage(repository, "raw", Direction.DOWN)

    assert ["raw", "text", "model", "report"] == names(found)
    assert {("raw", "source", "text"), ("text", "text", "model"), ("text", "text", "report")} == edges(found)


def test_both_ways(repository: Repository) -> None:
    """Up and down, but not up and down again: another user of an input is not related."""
    found = lineage(repository, "report")

    assert ["report", "text", "config", "raw"] == names(found)
    assert {"text", "raw", "config", "model", "report"} == set(names(lineage(repository, "text")))


def test_old_versions_have_a_lineage_of_their_own(repository: Repository) -> None:
    """A version was made from a version, not from whatever has its name now."""
    old = lineage(repository, "model", Direction.UP)
    make(repository, "raw", lang="de")
    make(repository, "text", ["source=raw", "config"])
    make(repository, "model", ["text", "config"])

    same = lineage(repository, "model@~1", Direction.UP)
    assert (list(old.nodes), old.edges) == (list(same.nodes), same.edges)


def test_tombstones_are_in_it(repository: Repository) -> None:
    """In both directions, as what they are, and with the edges that they had."""
    before = [edges(lineage(repository, "raw")), edges(lineage(repository, "report"))]
    bury(repository, "text")
    repository.remove(["config"], force=True)

    found = lineage(repository, "model")

    states = {key[0]: node.state for key, node in found.nodes.items()}
    assert {"model": "live", "text": "collected", "config": "removed", "raw": "live"} == states
    assert before == [edges(lineage(repository, "raw")), edges(lineage(repository, "report"))]


@pytest.mark.parametrize("spec", ["raw", "raw@v1", "raw@lang=en"])
def test_what_was_removed_can_be_asked_for(repository: Repository, spec: str) -> None:
    """By its name, a tag that it had, its properties: by whatever would have found it."""
    version = repository.tag("raw", "v1")
    repository.remove(["raw"], force=True)

    for one in (spec, version.ref, f"main:{spec}"):
        assert ["raw", "text", "model", "report"] == names(lineage(repository, one))


@pytest.mark.parametrize("spec", ["raw", "raw@lang=en"])
def test_what_was_collected_can_be_asked_for(repository: Repository, spec: str) -> None:
    """By what the record says; tags are not in it."""
    bury(repository, "raw")

    assert ["raw", "text", "model", "report"] == names(lineage(repository, spec))


@pytest.mark.parametrize("spec", ["raw@v2", "raw@lang=de", "raw@~0", "nothing", "raw@ffff"])
def test_what_never_was_is_not_found(repository: Repository, spec: str) -> None:
    """Dead versions are searched, but only for what is meant."""
    bury(repository, "raw")

    with pytest.raises(NotFoundError):
        lineage(repository, spec)


def test_an_input_without_a_record_is_shown(repository: Repository) -> None:
    """It was made elsewhere; two that have it have the same one."""
    first = make(repository, "a", {"seed": ELSEWHERE}, x=1)
    make(repository, "b", {"salt": ELSEWHERE, "a": first.version})

    found = lineage(repository, "b", Direction.UP)

    unknown = found.nodes["", ELSEWHERE]
    assert ("unknown", None) == (unknown.state, unknown.version)
    assert {("", "seed", "a"), ("", "salt", "b"), ("a", "a", "b")} == edges(found)


def test_the_role_decides_between_resources_of_one_version(repository: Repository) -> None:
    """Two names with one recipe have one version id; the role is the name of one of them."""
    make(repository, "twin", lang="en")
    made = make(repository, "made", ["twin"])

    (edge,) = lineage(repository, "made", Direction.UP).edges

    assert Edge(("twin", made.inputs["twin"]), ("made", made.version), "twin") == edge
    assert "made" not in names(lineage(repository, "raw", Direction.DOWN))
    assert "made" in names(lineage(repository, "twin", Direction.DOWN))


def test_a_role_that_may_be_two_resources(repository: Repository) -> None:
    """The record does not say which, so the answer says that, in both directions."""
    make(repository, "twin", lang="en")

    found = lineage(repository, "text", Direction.UP)
    down = [lineage(repository, name, Direction.DOWN).edges[0] for name in ("raw", "twin")]

    (edge,) = (one for one in found.edges if one.role == "source")
    assert ("raw", ("twin",)) == (edge.source[0], edge.others)
    assert [("raw", ("twin",)), ("twin", ("raw",))] == [(one.source[0], one.others) for one in down]


def test_one_input_in_two_roles(repository: Repository) -> None:
    """Two edges between two nodes."""
    make(repository, "pair", ["left=raw", "right=raw"])

    assert {("raw", "left", "pair"), ("raw", "right", "pair")} == edges(lineage(repository, "pair"))
    assert {("raw", "left", "pair"), ("raw", "right", "pair")} <= edges(lineage(repository, "raw"))


def test_something_without_relations(repository: Repository) -> None:
    """One node."""
    make(repository, "alone", x=1)

    found = lineage(repository, "alone")

    assert (["alone"], ()) == (names(found), found.edges)


@settings(max_examples=25)
@given(st.lists(st.sets(st.integers(0, 6), max_size=3), min_size=1, max_size=7), st.data())
def test_it_is_all_ancestors_and_all_descendants(inputs: list[set[int]], data: st.DataObject) -> None:
    """Whatever was made from what, in whatever state it is, the walk finds what a plain search finds."""
    above = [{at for at in used if at < number} for number, used in enumerate(inputs)]
    removed = data.draw(st.sets(st.sampled_from(range(len(above)))))
    root = data.draw(st.sampled_from(range(len(above))))
    with tempfile.TemporaryDirectory() as folder, Repository.init(Path(folder)) as repository:
        for number, used in enumerate(above):
            make(repository, f"n{number}", [f"role{at}=n{at}" for at in sorted(used)], number=number)
        if removed:
            bury(repository, *(f"n{number}" for number in sorted(removed)))

        found = {way: set(names(lineage(repository, f"n{root}", way))) for way in Direction}

    ancestors, descendants = {root}, {root}
    for number in range(root, -1, -1):
        if number in ancestors:
            ancestors |= above[number]
    for number in range(root, len(above)):
        if above[number] & descendants:
            descendants.add(number)
    assert {f"n{number}" for number in ancestors} == found[Direction.UP]
    assert {f"n{number}" for number in descendants} == found[Direction.DOWN]
    assert found[Direction.UP] | found[Direction.DOWN] == found[Direction.BOTH]
