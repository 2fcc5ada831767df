"""The laws of the union: what it shows is what a naive merge of all layers gives, however it is asked."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cas.ids import Kind
from cas.testing.trees import File, Symlink
from cas.view.errors import ResourceNotFound
from tests.view import stacks
from tests.view.stacks import Merged, Workshop

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cas.testing.trees import Node
    from cas.view.node import Node as Shown
    from tests.view.stacks import Model


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    """Where stacks are made."""
    made = Workshop(tmp_path_factory.mktemp("stacks"))
    yield made
    made.close()


def kind_of(node: Node) -> Kind:
    """Say what a node of the model is."""
    if isinstance(node, File):
        return Kind.EXECUTABLE if node.is_executable else Kind.FILE
    return Kind.SYMLINK if isinstance(node, Symlink) else Kind.DIRECTORY


def told(shown: Shown) -> tuple[int, Kind]:
    """Reduce what a view shows to what the model knows."""
    return int(shown.layer.rpartition("-")[2]), shown.kind


def expected(merged: Merged) -> dict[str, tuple[int, Kind]]:
    """Give what the view should show, by path."""
    return {path: (at, kind_of(node)) for path, (at, node) in merged.shown.items()}


def order(path: str, kind: Kind) -> bytes:
    """Give the key by which a walk is sorted."""
    return os.fsencode(path) + (b"/" if kind is Kind.DIRECTORY else b"")


@settings(max_examples=150, deadline=None)
@given(stack=stacks.stacks())
def test_a_walk_shows_the_naive_merge_in_order(workshop: Workshop, stack: list[Model]) -> None:
    """Everything that a merge of all layers has is walked once, in the order of the bytes of paths."""
    found = list(workshop.view(stack).walk())

    assert {node.path: told(node) for node in found} == expected(Merged(stack))
    keys = [order(node.path, node.kind) for node in found]
    assert keys == sorted(set(keys))


@settings(max_examples=100, deadline=None)
@given(stack=stacks.stacks(), prefix=st.text("ab-/.ä", max_size=5))
def test_names_are_units_of_the_uppermost_layer(workshop: Workshop, stack: list[Model], prefix: str) -> None:
    """Names and files are listed once, in order of bytes, unless all of them is hidden."""
    view, units = workshop.view(stack), Merged(stack).units()

    for start in ("", prefix):
        found = [(named.path, int(named.layer.rpartition("-")[2])) for named in view.names(start)]
        assert found == [(path, at) for path, at in units if path.startswith(start)]


@settings(max_examples=100, deadline=None)
@given(stack=stacks.stacks(), asked=st.lists(stacks.paths(4), max_size=8))
def test_find_list_and_which_say_what_the_walk_says(
    workshop: Workshop, stack: list[Model], asked: list[str]
) -> None:
    """Every path is found as it is walked and listed; what is not walked is not found."""
    view, merged = workshop.view(stack), Merged(stack)

    walked = {node.path: node for node in view.walk()}
    for path, node in walked.items():
        assert view.find(path) == node
        assert view.which(path).node == node
    for path in {"", *(path for path, node in walked.items() if node.is_directory)}:
        below = [node for node in walked.values() if node.path.rpartition("/")[0] == path]
        assert list(view.list(path)) == below
    for path in asked:
        if path not in walked and not merged.has_link_above(path):
            with pytest.raises(ResourceNotFound):
                view.find(path)
