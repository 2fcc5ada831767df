"""Modules declared in Python."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cas.errors import InvalidError
from cas.graph.declare import module
from cas.graph.fill import fill_graph
from cas.graph.graph import Graph
from cas.graph.module import Input, Module, TaskContext
from cas.resources.files import FileResource
from cas.resources.propagators import EnsureEqualProperties
from tests.graph.graphs import pinned

if TYPE_CHECKING:
    from pathlib import Path


@module(
    inputs=["docs/raw", "build"],
    outputs={"text": FileResource("docs/text", "{lang}.txt"), "log": FileResource("docs/log")},
    propagator=EnsureEqualProperties("lang"),
    properties={"code_version": 3},
)
def clean(context: TaskContext) -> None:
    """Leave a trace in the workspace."""
    (context.workspace / "ran").write_text(context.module)


def test_a_function_becomes_a_module(tmp_path: Path) -> None:
    """With its own name; the function is the task, and is called by whoever runs the graph."""
    assert isinstance(clean, Module)
    assert clean.name == "clean"
    assert clean.inputs == (Input("raw", "docs/raw"), Input("build", "build"))
    assert [(output.role, output.name) for output in clean.outputs] == [
        ("text", "docs/text"),
        ("log", "docs/log"),
    ]
    assert callable(clean.task)

    clean.task(TaskContext("clean", {}, {}, tmp_path))

    assert (tmp_path / "ran").read_text() == "clean"


def test_a_declared_module_can_be_planned() -> None:
    """What was declared is what counts: propagator, constants, roles."""
    pins = {"docs/raw": pinned(lang="en", rows=3), "build": pinned(lang="en")}

    filled = fill_graph(Graph([clean]), pins)

    assert filled.properties["docs/text"] == {"lang": "en", "code_version": 3}
    assert filled.input_versions(clean) == {"raw": pins["docs/raw"].version, "build": pins["build"].version}


def test_what_is_not_said_has_a_default() -> None:
    """No inputs, no propagated properties; one output needs no list, and one input neither."""

    @module(outputs=FileResource("numbers"), properties={"n": 1}, name="make-numbers")
    def source(_: TaskContext) -> None: ...

    @module(inputs="numbers", outputs=FileResource("sum"))
    def add(_: TaskContext) -> None: ...

    filled = fill_graph(Graph([add, source]), {})

    assert source.name == "make-numbers"
    assert [one.name for one in filled.graph.order] == ["make-numbers", "add"]
    assert filled.properties == {"numbers": {"n": 1}, "sum": {}}


def test_names_that_end_alike_need_roles() -> None:
    """The role of a name alone is its last component; two of them cannot be told apart."""

    @module(inputs=["old/map", "new/map"], outputs=FileResource("x"))
    def compare(_: TaskContext) -> None: ...

    with pytest.raises(InvalidError, match="two inputs have the role 'map'"):
        Graph([compare])
