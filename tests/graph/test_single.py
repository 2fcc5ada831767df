"""A graph of one module from what a command line gives."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest

from cas.errors import InvalidError, NotFoundError
from cas.graph.module import Command, Input
from cas.graph.single import single_step
from cas.repo import Repository

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from cas.graph.graph import Graph


@pytest.fixture
def repository(home: Path) -> Iterator[Repository]:
    """A repository with two versions of one resource, and one of another."""
    with Repository.open(home) as opened:
        opened.commit("osm/roads", io.BytesIO(b"1"), properties={"year": 2023}, tag="old")
        opened.commit("osm/roads", io.BytesIO(b"2"), properties={"year": 2024})
        opened.commit("words", io.BytesIO(b"w"), properties={"lang": "en"})
        yield opened


def step(
    repository: Repository, *inputs: str, outputs: Sequence[str] = ("map/tiles",), type_name: str = "file"
) -> Graph:
    """Make the graph."""
    return single_step(
        repository,
        Command(("true",)),
        outputs=outputs,
        inputs=inputs,
        properties={"zoom": 3},
        type_name=type_name,
    )


def test_roles_are_given_or_are_the_last_part_of_a_name(repository: Repository) -> None:
    """What a command asks for should be short; a selector may have an `=` of its own."""
    graph = step(
        repository, "osm/roads@year=2023", "dictionary=words", outputs=["map/tiles", "list=map/index"]
    )

    [module] = graph.order
    assert module.name == "map/tiles"
    assert module.inputs == (Input("roads", "osm/roads"), Input("dictionary", "words"))
    assert [(one.role, one.name) for one in module.outputs] == [
        ("tiles", "map/tiles"),
        ("list", "map/index"),
    ]
    assert module.properties == {"zoom": 3}


def test_inputs_are_pinned_when_the_graph_is_made(repository: Repository) -> None:
    """The spec was meant when it was typed."""
    graph = step(repository, "osm/roads@old")

    assert graph.externals["osm/roads"].selector == str(repository.resolve("osm/roads@old").version)


def test_one_version_of_each_resource(repository: Repository) -> None:
    """Twice the same is fine, in two roles; two versions are refused with both."""
    graph = step(repository, "a=osm/roads", "b=osm/roads")
    assert len(graph.order[0].inputs) == 2

    with pytest.raises(InvalidError) as caught:
        step(repository, "a=osm/roads", "b=osm/roads@old")

    assert caught.value.code == "duplicate-input"
    assert caught.value.why is not None
    assert repository.resolve("osm/roads@old").version.short in caught.value.why


def test_what_is_not_there_is_named(repository: Repository) -> None:
    """An input, and a type."""
    with pytest.raises(NotFoundError, match="nothing"):
        step(repository, "nothing")
    with pytest.raises(NotFoundError, match="novel"):
        step(repository, type_name="novel")
