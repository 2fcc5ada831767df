"""Symlinks in layers: followed as the kernel does, but never out of what the layer is made of."""

from __future__ import annotations

import logging
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings

from cas.ids import Kind
from cas.testing.trees import File, Symlink, write_tree
from cas.view.directory_layer import DirectoryLayer
from cas.view.errors import ResourceNotFound
from cas.view.view import View
from tests.view import stacks
from tests.view.stacks import Commit, DirectoryModel, Hide, RefsModel, Workshop

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cas.testing.trees import Tree
    from cas.view.node import Node


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    """Where stacks are made."""
    made = Workshop(tmp_path_factory.mktemp("symlinks"))
    yield made
    made.close()


def followed(view: View, path: str) -> Node | str:
    """Say what a lookup gives, or the code of its error."""
    try:
        target = view.which(path).target
        if target is not None:
            return target
        view.get_resource_path(path)
    except ResourceNotFound as error:
        return error.code
    raise AssertionError("a lookup gives what `which` says")


@settings(max_examples=200, deadline=None)
@given(tree=stacks.trees(), path=stacks.paths(4))
def test_a_directory_layer_follows_as_the_kernel_does(workshop: Workshop, tree: Tree, path: str) -> None:
    """A lookup finds what the kernel finds, if that is inside of the layer, and nothing else."""
    view = workshop.view([DirectoryModel(tree)])
    root = view.layers[0].root
    assert root is not None

    found = root / path
    is_inside = os.path.realpath(found).startswith(f"{root}/") or os.path.realpath(found) == str(root)
    if found.exists() and is_inside:
        assert view.get_resource_path(path) == found
        assert view.which(path).target is not None
    else:
        with pytest.raises(ResourceNotFound):
            view.get_resource_path(path)


@settings(max_examples=150, deadline=None)
@given(tree=stacks.trees(), path=stacks.paths(4))
def test_a_stored_tree_follows_as_a_directory_does(workshop: Workshop, tree: Tree, path: str) -> None:
    """What was committed behaves as what it was committed from: found, absent and leading out alike."""
    stored = workshop.view([RefsModel((Commit("name", tree),))])
    local = workshop.view([DirectoryModel(tree)])

    theirs, ours = followed(stored, f"name/{path}"), followed(local, path)
    if isinstance(theirs, str) or isinstance(ours, str):
        assert theirs == ours
    else:
        assert theirs.kind == ours.kind
        if not ours.is_directory:
            assert theirs.size == ours.size


def layers(tmp_path: Path, *trees: Tree) -> View:
    """Make a view of directories, from the uppermost to the lowest."""
    made = [layer(tmp_path / f"layer{at}", tree) for at, tree in enumerate(trees)]
    return View(lambda: made)


def layer(root: Path, tree: Tree) -> DirectoryLayer:
    """Make a layer of a directory, which is made."""
    write_tree(tree, root)
    return DirectoryLayer(root.name, lambda: str(root))


@settings(max_examples=60, deadline=None)
@given(tree=stacks.trees())
def test_a_link_in_a_directory_handed_out_leads_where_it_led(workshop: Workshop, tree: Tree) -> None:
    """Wherever in its version the directory is: a neighbour that a link leads to is there as well."""
    view = workshop.stored_view([RefsModel((Commit("top", tree),))])
    with tempfile.TemporaryDirectory() as folder:
        top = Path(folder, "top")
        write_tree(tree, top)
        for there, _, _ in os.walk(top):
            handed = view.get_resource_path(Path(there).relative_to(folder))
            for link in filter(os.path.islink, Path(there).rglob("*")):
                copy = handed / link.relative_to(there)
                is_inside = link.exists() and link.resolve().is_relative_to(top.resolve())
                if is_inside:
                    assert copy.exists()
                    assert link.is_dir() == copy.is_dir()


def test_what_links_need_is_materialised_once(workshop: Workshop) -> None:
    """Directories that lead to each other are in one place; one that stands alone has its own place."""
    tree: Tree = {
        b"a": {b"to": Symlink(b"../b/file"), b"way": Symlink(b"around/file"), b"around": Symlink(b"../b")},
        b"b": {b"file": File(b"x"), b"back": Symlink(b"../a")},
        b"alone": {b"up": Symlink(b"deep/.."), b"deep": {}, b"out": Symlink(b"../../x")},
    }
    view = workshop.stored_view([RefsModel((Commit("data/top", tree),))])

    assert view.which("data/top/a").path is None
    a, b, alone = (view.get_resource_path("data/top", name) for name in ("a", "b", "alone"))

    assert a.parent == b.parent == view.get_resource_path("data/top")
    assert a == view.which("data/top/a").path
    assert b"x" == (a / "to").read_bytes() == (a / "way").read_bytes()
    assert alone.parent.name != "top"


def test_what_is_hidden_is_not_materialised_beside(workshop: Workshop) -> None:
    """A link to it leads nowhere in the view, so it leads nowhere on the disk."""
    tree: Tree = {b"a": {b"to": Symlink(b"../secret")}, b"secret": File(b"x")}
    view = workshop.stored_view([RefsModel((Commit("top", tree), Hide("top/secret")))])

    assert not (view.get_resource_path("top/a") / "to").exists()


def test_a_dangling_symlink_is_absent(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The lookup falls through to the layer below, as in the original; what is unlike it is the warning."""
    view = layers(tmp_path, {b"a": Symlink(b"gone")}, {b"a": File(b"lower")})

    with caplog.at_level(logging.WARNING):
        assert view.get_resource_path("a") == tmp_path / "layer1" / "a"

    assert "the symlink 'a' in layer 'layer0' leads nowhere" in caplog.text
    which = view.which("a")
    assert (which.node.kind, which.node.layer) == (Kind.SYMLINK, "layer0")
    assert which.target is not None
    assert which.target.layer == "layer1"


def test_a_symlink_that_leads_out_is_an_error(tmp_path: Path) -> None:
    """Not a hit, and no reason to take the lower layer's: the user must hear of it."""
    write_tree({b"secret": File(b"1")}, tmp_path / "elsewhere")
    out = Symlink(os.fsencode(tmp_path / "elsewhere"))
    view = layers(tmp_path, {b"a": out, b"up": Symlink(b"../elsewhere/secret")}, {b"up": File(b"lower")})

    for path in ("a", "a/secret", "up"):
        with pytest.raises(ResourceNotFound, match="leads out of the layer 'layer0'") as caught:
            view.get_resource_path(path)
        assert caught.value.code == "path-leaves-layer"


def test_an_absolute_symlink_may_stay_inside(tmp_path: Path) -> None:
    """Users of a directory write down full paths; the layer's own is no other place."""
    inside = Symlink(os.fsencode(tmp_path / "layer0" / "data"))
    view = layers(tmp_path, {b"data": {b"x": File(b"1")}, b"link": inside})

    assert view.get_resource_path("link/x") == tmp_path / "layer0" / "link" / "x"
    assert [node.path for node in view.list("link")] == ["link/x"]
    assert [node.path for node in view.walk("link")] == ["link/x"]


def test_a_symlink_below_a_directory_above_is_hidden(tmp_path: Path) -> None:
    """A walk shows no entry of the lower layer there, so a lookup finds none through it."""
    view = layers(
        tmp_path,
        {b"a": {b"own": File(b"1")}},
        {b"a": Symlink(b"b"), b"b": {b"theirs": File(b"2")}},
        {b"a": {b"theirs": File(b"3")}},
    )

    assert [node.path for node in view.walk()] == ["a", "a/own", "b", "b/theirs"]
    with pytest.raises(ResourceNotFound):
        view.find("a/theirs")


def test_a_loop_of_symlinks_ends(tmp_path: Path) -> None:
    """Neither for ever nor a crash: it leads nowhere."""
    view = layers(tmp_path, {b"a": Symlink(b"b"), b"b": Symlink(b"a")})

    with pytest.raises(ResourceNotFound):
        view.get_resource_path("a")
