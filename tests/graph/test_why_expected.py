"""Why a pipeline would build something: followed through what is not built yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cas.errors import NotFoundError
from cas.graph.expected import explain_target
from cas.graph.fill import fill_graph
from cas.graph.graph import Graph
from cas.graph.pins import pin
from cas.repo import Repository
from cas.resources.propagators import CopyFrom
from tests.graph.families import make
from tests.graph.graphs import step

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

GRAPH = Graph(
    [
        step("clean", {"source": "raw"}, "text", propagator=CopyFrom("source", "lang")),
        step("count", ["text"], "numbers", "index", properties={"code_version": 1}),
        step("other", {"source": "raw"}, "other"),
    ]
)


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[Repository]:
    """A repository in which everything is built, and then `raw` was committed anew."""
    with Repository.init(tmp_path) as opened:
        make(opened, "raw", lang="en", day=1)
        filled = fill_graph(GRAPH, pin(opened, GRAPH))
        for module in GRAPH.order:
            for output in module.outputs:
                make(opened, output.name, filled.input_versions(module), **filled.properties[output.name])
        make(opened, "raw", lang="en", day=2)
        yield opened


def test_it_is_followed_to_what_comes_from_outside(repository: Repository) -> None:
    """Nothing between is there; the plan knows its recipes."""
    (found,) = explain_target(repository, GRAPH, "numbers")

    (cause,) = found.causes
    assert ["text", "source"] == [one.role for one in cause.path]
    assert ("day", 1, 2) == (cause.key, cause.old, cause.new)
    assert ("numbers", None) == (
        found.name,
        repository.lookup([(found.name, found.version)]).get(("numbers", found.version)),
    )


def test_a_module_is_all_that_it_makes(repository: Repository) -> None:
    """In the order in which it declares it."""
    assert ["numbers", "index"] == [one.name for one in explain_target(repository, GRAPH, "count")]


def test_what_is_there_has_no_cause(repository: Repository) -> None:
    """Then there is nothing to build."""
    repository.remove(["raw@day:=2"])

    assert [()] == [one.causes for one in explain_target(repository, GRAPH, "index")]


def test_a_changed_module_is_a_cause(repository: Repository) -> None:
    """By the property that says so."""
    changed = Graph([step("clean", {"source": "raw"}, "text", propagator=CopyFrom("source", "lang", "day"))])

    (found,) = explain_target(repository, changed, "text")

    assert [
        "property 'day' is new: 2",
        "input 'source' differs",
    ] == [str(one).partition(" (")[0] for one in found.causes]


def test_what_nobody_makes_is_not_found(repository: Repository) -> None:
    """An external resource is not a target either."""
    for target in ("nothing", "raw"):
        with pytest.raises(NotFoundError):
            explain_target(repository, GRAPH, target)
