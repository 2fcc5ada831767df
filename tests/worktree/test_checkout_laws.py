"""What holds for every tree: it comes back, from whatever was there before."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from hypothesis import example, given, settings
from hypothesis import strategies as st

from cas.errors import ConflictError
from cas.testing import strategies
from cas.testing.trees import File, read_tree, write_tree
from tests.worktree.desks import holds

if TYPE_CHECKING:
    from cas.testing.trees import Node, Tree
    from tests.worktree.desks import Desk


@settings(deadline=None, max_examples=40)  # each writes to disk and syncs
@given(tree=strategies.trees() | strategies.files())
def test_any_tree_comes_back(shared_desk: Desk, tree: Node) -> None:
    """Whatever is committed, checking it out gives the same, and again gives nothing to do."""
    content = shared_desk.commit(tree)
    with tempfile.TemporaryDirectory(dir=shared_desk.home) as folder:
        destination = Path(folder, "out")

        written = shared_desk.checkout(content, destination).written

        assert read_tree(destination) == tree
        again = shared_desk.checkout(content, destination)
        assert (again.written, again.removed, again.unchanged) == (0, 0, written)


@settings(deadline=None, max_examples=40)  # each writes to disk and syncs
@given(data=st.data())
def test_committing_a_checkout_gives_the_same_id(shared_desk: Desk, data: st.DataObject) -> None:
    """The rows that checkout leaves in the stat cache are true: a commit that trusts them finds the tree."""
    content = shared_desk.commit(data.draw(strategies.trees()))
    with tempfile.TemporaryDirectory(dir=shared_desk.home) as folder:
        destination = Path(folder, "out")
        shared_desk.checkout(content, destination)

        assert shared_desk.repository.commit("again", destination).version.content == content


@settings(deadline=None, max_examples=40)  # each writes to disk and syncs
@given(nodes=st.lists(strategies.trees() | strategies.files(), min_size=2, max_size=3))
def test_any_way_leads_to_the_version(shared_desk: Desk, nodes: list[Node]) -> None:
    """Going from version to version in one place ends with exactly the last one, and nothing else."""
    with tempfile.TemporaryDirectory(dir=shared_desk.home) as folder:
        destination = Path(folder, "out")
        for node in nodes:
            shared_desk.checkout(shared_desk.commit(node), destination)

            assert read_tree(destination) == node
        assert os.listdir(folder) == ["out"]


@settings(deadline=None, max_examples=40)  # each writes to disk and syncs
@given(there=strategies.trees(), wanted=strategies.trees())
@example(there={b"a": {}}, wanted={b"a": File(b"")})
@example(there={b"a": {b"b": {b"c": {}}}}, wanted={b"a": File(b"")})
def test_force_always_leads_to_the_version(shared_desk: Desk, there: Tree, wanted: Tree) -> None:
    """With `force`, all of the version is there afterwards; without, nothing that was there is lost."""
    content = shared_desk.commit(wanted)
    with tempfile.TemporaryDirectory(dir=shared_desk.home) as folder:
        destination = Path(folder, "out")
        write_tree(there, destination)
        try:
            shared_desk.checkout(content, destination)
        except ConflictError:
            assert read_tree(destination) == there
        else:
            assert holds(read_tree(destination), there)
        shared_desk.checkout(content, destination, force=True)

        assert holds(read_tree(destination), wanted)
