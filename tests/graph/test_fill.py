"""Filling a graph: every version known before anything ran, from the graph and the pins alone."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cas.errors import CasError, ConflictError, InvalidError, NotFoundError
from cas.graph.fill import fill_graph
from cas.graph.graph import Graph
from cas.graph.module import Command
from cas.ids import VersionId
from cas.resources.propagators import CopyFrom, EnsureEqualProperties
from cas.testing import strategies
from cas.versions.identity import version_id
from tests.graph.graphs import pinned, step
from tests.processes import printed, say

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cas.graph.fill import FilledGraph
    from cas.graph.module import Module
    from cas.versions.values import JSON


def pipeline() -> FilledGraph:
    """Two sources, a module with a constant, and one that reads its output and a source."""
    graph = Graph(
        [
            step(
                "clean",
                ["raw"],
                "text",
                propagator=EnsureEqualProperties("lang"),
                properties={"code_version": 2},
            ),
            step(
                "count",
                {"text": "text", "stop": "words/stop"},
                "numbers",
                "index",
                propagator=CopyFrom("text", "lang", "code_version"),
            ),
        ]
    )
    return fill_graph(graph, {"raw": pinned(lang="en", rows=7), "words/stop": pinned(lang="en")})


def fill_with_nothing() -> None:
    """Fill a graph where no file can be opened and no connection made; say what comes of it."""
    pipeline()  # what is imported late is imported now

    def refuse(event: str, _: tuple[Any, ...]) -> None:
        if event.startswith(("open", "socket", "subprocess", "os.")):
            os.write(2, f"tried {event}\n".encode())
            os._exit(1)

    os.environ.clear()
    sys.addaudithook(refuse)
    filled = pipeline()
    say(*(f"{name}={version}" for name, version in sorted(filled.versions.items())))


def test_versions_are_hashes_of_properties_and_inputs() -> None:
    """The rule of the format, applied from the sources on: by role, constants over what is propagated."""
    raw, stop = version_id({"lang": "en", "rows": 7}, {}), version_id({"lang": "en"}, {})
    text = version_id({"lang": "en", "code_version": 2}, {"raw": raw})
    numbers = version_id({"lang": "en", "code_version": 2}, {"text": text, "stop": stop})

    filled = pipeline()

    assert filled.versions == {
        "raw": raw,
        "words/stop": stop,
        "text": text,
        "numbers": numbers,
        "index": numbers,
    }
    assert filled.properties["index"] == {"lang": "en", "code_version": 2}
    assert filled.input_versions(filled.graph.modules["count"]) == {"text": text, "stop": stop}


def test_filling_needs_no_disk_no_network_and_no_environment() -> None:
    """A server that only schedules fills graphs too; whatever a child that may not open anything finds."""
    expected = {name: str(version) for name, version in pipeline().versions.items()}

    found = dict(word.split("=") for word in printed(fill_with_nothing).split())

    assert expected == found


def test_a_constant_wins_over_what_is_propagated() -> None:
    """`code_version` of a module must not be that of the one before it."""
    graph = Graph(
        [
            step(
                "a",
                ["raw"],
                "x",
                propagator=CopyFrom("raw", "lang", "code_version"),
                properties={"code_version": 2},
            )
        ]
    )

    filled = fill_graph(graph, {"raw": pinned(code_version=1, lang="en")})

    assert filled.properties["x"] == {"code_version": 2, "lang": "en"}


def test_code_version_is_a_property_like_any_other() -> None:
    """Code is not in the version; whoever wants a rebuild after a change of code says so."""
    plain, one, two = (
        fill_graph(Graph([step("a", ["raw"], "x", properties=properties)]), {"raw": pinned(lang="en")})
        for properties in ({}, {"code_version": 1}, {"code_version": 2})
    )

    assert len({plain.versions["x"], one.versions["x"], two.versions["x"]}) == 3


@given(strategies.properties(min_size=1), strategies.properties(min_size=1))
def test_a_change_at_the_top_changes_everything_below(a: dict[str, JSON], b: dict[str, JSON]) -> None:
    """Even if no property is handed on; and what is beside it keeps its version."""
    graph = Graph(
        [
            step("m1", ["top"], "x"),
            step("m2", ["x"], "y"),
            step("m3", ["y", "side"], "z"),
            step("m4", ["side"], "w"),
        ]
    )

    one, two = (fill_graph(graph, {"top": pinned(**top), "side": pinned(n=1)}).versions for top in (a, b))

    same = version_id(a, {}) == version_id(b, {})
    assert all((one[name] == two[name]) == same for name in "xyz")
    assert one["w"] == two["w"]


def test_swapped_roles_make_another_version() -> None:
    """The same two inputs in other roles are another recipe."""
    pins = {"x": pinned(n=1), "y": pinned(n=2)}

    one, two = (
        fill_graph(Graph([step("m", roles, "out")]), pins).versions["out"]
        for roles in ({"a": "x", "b": "y"}, {"a": "y", "b": "x"})
    )

    assert one != two


@given(st.permutations(["a", "b", "c"]))
def test_the_order_of_inputs_is_irrelevant(roles: list[str]) -> None:
    """Inputs are a set of roles."""
    pins = {role: pinned(n=role) for role in "abc"}

    filled = fill_graph(Graph([step("m", roles, "out")]), pins)

    assert filled.versions["out"] == version_id({}, {role: pins[role].version for role in "abc"})


def test_inputs_that_disagree_stop_the_plan() -> None:
    """Nothing is built from a map of one region and the roads of another; the module is named."""
    graph = Graph([step("merge", ["a", "b"], "x", propagator=EnsureEqualProperties("region"))])

    with pytest.raises(ConflictError) as caught:
        fill_graph(graph, {"a": pinned(region="ru"), "b": pinned(region="fi")})

    assert caught.value.code == "properties-disagree"
    assert caught.value.what == "cannot plan module 'merge'"
    assert all(word in str(caught.value.why) for word in ("region", "ru", "fi"))


def _fail(_: Mapping[str, Mapping[str, JSON]]) -> NoReturn:
    raise ZeroDivisionError("no region")


def _forget(_: Mapping[str, Mapping[str, JSON]]) -> Any:  # noqa: ANN401 - the mistake of a user
    """Return nothing, as a function without `return` does."""


def _overflow(_: Mapping[str, Mapping[str, JSON]]) -> dict[str, JSON]:
    return {"n": 2**60}


@pytest.mark.parametrize(
    ("module", "code", "why"),
    [
        (step("m", [], "x"), "no-identity", "it has neither inputs nor properties"),
        (step("m", [], "x", propagator=lambda _: {}), "no-identity", "it has neither inputs nor properties"),
        (
            step("m", [], "x", propagator=_fail),
            "propagator-failed",
            "its propagator failed with ZeroDivisionError: no region",
        ),
        (step("m", [], "x", propagator=_forget), "propagator-failed", "failed with TypeError"),
        (step("m", [], "x", propagator=_overflow), "bad-property", "beyond ±2^53"),
        (
            step("m", {"raw": "docs/raw"}, "x"),
            "no-such-input",
            "its input 'raw' is 'docs/raw', which no module makes and no pin has",
        ),
        (
            step("m", [], "x", properties={"n": 1}, task=Command(("sh", "{outputs.x[lang]}"))),
            "no-such-property",
            "the properties of outputs.x are n",
        ),
    ],
)
def test_what_cannot_be_planned_is_refused_before_anything_runs(module: Module, code: str, why: str) -> None:
    """With the module's name, whoever it was that failed."""
    with pytest.raises(CasError) as caught:
        fill_graph(Graph([module]), {})

    assert isinstance(caught.value, InvalidError | NotFoundError)
    assert code == caught.value.code
    assert "module 'm'" in caught.value.what
    assert why in str(caught.value.why)


def test_properties_that_a_command_asks_for_may_come_from_anywhere() -> None:
    """Of an input from outside, of one that is made, or of an output."""
    command = Command(("x", "{inputs.raw[lang]}", "{outputs.x[n]}"), env={"LANG": "{inputs.raw[lang]}"})
    graph = Graph([step("m", ["raw"], "x", properties={"n": 1}, task=command)])

    filled = fill_graph(graph, {"raw": pinned(lang="en")})

    assert isinstance(filled.versions["x"], VersionId)
