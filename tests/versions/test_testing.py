"""The strategies that are shipped: what they draw is valid and survives the disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given

from cas.name_rules import parse_layer
from cas.testing import strategies
from cas.testing.trees import read_tree, write_tree
from cas.versions.names import parse_name, parse_tag

if TYPE_CHECKING:
    import pytest

    from cas.testing.trees import Tree


@given(strategies.names(), strategies.tags(), strategies.layers())
def test_drawn_words_are_valid(name: str, tag: str, layer: str) -> None:
    """A strategy that draws what is refused would test nothing."""
    assert (name, tag, layer) == (parse_name(name), parse_tag(tag), parse_layer(layer))


@given(tree=strategies.trees())
def test_trees_survive_the_disk(tmp_path_factory: pytest.TempPathFactory, tree: Tree) -> None:
    """Raw names, executable bits, links and empty directories all come back."""
    path = tmp_path_factory.mktemp("tree") / "root"

    write_tree(tree, path)

    assert tree == read_tree(path)
