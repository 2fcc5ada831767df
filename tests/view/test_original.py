"""What the tests of the original system assert, and what was seen by running it (semantics 1.1, 1.6)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cas.errors import InvalidError, ReadOnlyError
from cas.lookup import set_user_resources_directory
from cas.testing.trees import File, write_tree
from cas.view.directory_layer import DirectoryLayer
from cas.view.errors import FileInTheWay, ResourceNotFound
from cas.view.view import View

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def user(tmp_path: Path) -> Path:
    """The place of the writable layer; it does not exist."""
    return tmp_path / "runtime_resources"


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """The read-only layer below it."""
    root = tmp_path / "blobs"
    write_tree({b"config": {b"params.json": File(b"{}"), b"sub": {b"x": File(b"1")}}}, root)
    return root


@pytest.fixture
def view(user: Path, package: Path) -> View:
    """Both."""
    layers = [
        DirectoryLayer("runtime", lambda: str(user)),
        DirectoryLayer("package", lambda: str(package), is_writable=False),
    ]
    return View(lambda: layers)


def test_a_file_of_the_user_is_found(view: View, user: Path) -> None:
    """It is a file, its path ends with the request and starts with the user's directory."""
    write_tree({b"a": {b"b.json": File(b"{}")}}, user)

    found = view.get_resource_path("a/b.json")

    assert found.is_file()
    assert str(found).endswith("a/b.json")
    assert str(found).startswith(str(user))


def test_an_unknown_path_raises(view: View) -> None:
    """The message has the joined path in double quotes."""
    with pytest.raises(ResourceNotFound, match='"un/known"'):
        view.get_resource_path("un", "known")


def test_a_writable_directory_of_an_existing_name(view: View, user: Path) -> None:
    """It is inside of the user's directory, even though the name is in the package."""
    found = view.get_resources_writable_directory("config")

    assert found.is_dir()
    assert found == user / "config"


def test_a_writable_directory_of_a_new_name(view: View, user: Path) -> None:
    """Not a directory before, a directory after."""
    assert not (user / "new" / "deep").is_dir()

    found = view.get_resources_writable_directory("new/deep")

    assert found == user / "new" / "deep"
    assert found.is_dir()


def test_the_upper_layer_wins(view: View, user: Path, package: Path) -> None:
    """A user's file overrides the package's; without it the package's is found."""
    assert view.get_resource_path("config/params.json") == package / "config" / "params.json"

    write_tree({b"config": {b"params.json": File(b"[]")}}, user)

    assert view.get_resource_path("config/params.json") == user / "config" / "params.json"


def test_a_directory_is_the_uppermost_layers_alone(view: View, user: Path, package: Path) -> None:
    """A1: the path is of one directory, the listing is the union, and files are found one by one."""
    write_tree({b"config": {b"own": File(b"")}}, user)

    assert view.get_resource_path("config") == user / "config"
    assert os.listdir(view.get_resource_path("config")) == ["own"]
    assert view.get_resource_path("config", "sub", "x") == package / "config" / "sub" / "x"
    assert [(node.path, node.layer) for node in view.list("config")] == [
        ("config/own", "runtime"),
        ("config/params.json", "package"),
        ("config/sub", "package"),
    ]


def test_a_file_over_a_directory_hides_all_below(view: View, user: Path) -> None:
    """A2: what is below that name in lower layers is gone, for lookups and listings."""
    write_tree({b"config": File(b"a file")}, user)

    assert [node.path for node in view.walk()] == ["config"]
    with pytest.raises(ResourceNotFound):
        view.get_resource_path("config/params.json")
    with pytest.raises(InvalidError, match="it is a file"):
        view.list("config")


def test_the_root_is_that_of_the_highest_layer_there_is(view: View, user: Path, package: Path) -> None:
    """An empty path is the root; no argument is the same."""
    assert view.get_resource_path("") == package
    user.mkdir()
    assert view.get_resource_path("") == view.get_resource_path() == user


def test_the_path_is_not_resolved(view: View, user: Path) -> None:
    """A symlink inside of the layer keeps its name."""
    write_tree({b"v1": {b"w": File(b"1")}}, user)
    (user / "latest").symlink_to("v1")

    assert view.get_resource_path("latest/w") == user / "latest" / "w"
    assert view.get_resource_path("latest") == user / "latest"


@pytest.mark.parametrize("parts", [("../esc",), ("a/../../esc",), ("..",), ("a\0",), (Path("..") / "esc",)])
def test_nothing_leads_out(view: View, tmp_path: Path, parts: tuple[str | Path, ...]) -> None:
    """A11: both functions of the original took `..`; nothing is created."""
    before = sorted(tmp_path.rglob("*"))

    for function in (view.get_resource_path, view.get_resources_writable_directory):
        with pytest.raises(InvalidError):
            function(*parts)

    assert sorted(tmp_path.rglob("*")) == before


def test_a_file_in_the_way_of_a_writable_directory(view: View, user: Path) -> None:
    """The original returned the path of the file; a parent that is a file stays a NotADirectoryError."""
    write_tree({b"a": File(b"1")}, user)

    for path in ("a", "a/b"):
        with pytest.raises(FileInTheWay) as caught:
            view.get_resources_writable_directory(path)
        assert isinstance(caught.value, NotADirectoryError)
        assert str(user / "a") in str(caught.value)


def test_a_file_in_the_place_of_the_layer(view: View, user: Path) -> None:
    """Named, not a traceback."""
    user.write_text("a file")

    with pytest.raises(FileInTheWay, match="runtime_resources"):
        view.get_resources_writable_directory("a")


def test_a_symlink_that_leads_out_is_not_written_through(view: View, user: Path, tmp_path: Path) -> None:
    """Nothing is made at the other end; a symlink inside of the layer is followed."""
    (tmp_path / "elsewhere").mkdir()
    write_tree({b".real": {}}, user)
    (user / "out").symlink_to(tmp_path / "elsewhere")
    (user / "in").symlink_to(".real")

    with pytest.raises(ResourceNotFound, match="leads out of the layer"):
        view.get_resources_writable_directory("out/new")
    assert view.get_resources_writable_directory("in/new") == user / "in" / "new"

    assert os.listdir(tmp_path / "elsewhere") == []
    assert (user / ".real" / "new").is_dir()


@pytest.mark.parametrize("name", [".wh.a", ".cas-downloads", ".cas"])
def test_names_that_the_view_never_shows_are_refused(view: View, name: str) -> None:
    """A program would write there and never find it again."""
    with pytest.raises(InvalidError, match="no part of the view"):
        view.get_resources_writable_directory("a", name)


def test_no_directory_is_no_directory() -> None:
    """An empty text is a mistake, and not the current directory."""
    for switch in (set_user_resources_directory, View(list).set_user_resources_directory):
        with pytest.raises(InvalidError, match="it is empty"):
            switch("")


def test_set_user_resources_directory(
    view: View, user: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The writable layer is elsewhere from then on, absolute at once, in its old priority."""
    monkeypatch.chdir(tmp_path)
    write_tree({b"config": {b"params.json": File(b"mine")}}, tmp_path / "mine")
    view.set_user_resources_directory("mine")
    monkeypatch.chdir("/")

    assert view.get_resource_path("config/params.json") == tmp_path / "mine" / "config" / "params.json"
    assert view.get_resources_writable_directory("a") == tmp_path / "mine" / "a"
    assert [layer.name for layer in view.layers] == ["runtime", "package"]
    assert not user.exists()


def test_a_user_directory_comes_on_top_if_there_is_none(package: Path, tmp_path: Path) -> None:
    """Where no layer is for writing, there is one now."""
    layers = [DirectoryLayer("package", lambda: str(package), is_writable=False)]
    view = View(lambda: layers)
    with pytest.raises(ReadOnlyError) as caught:
        view.get_resources_writable_directory("a")
    assert caught.value.code == "no-writable-directory"

    view.set_user_resources_directory(tmp_path / "mine")

    assert view.get_resources_writable_directory("a") == tmp_path / "mine" / "a"
    assert [layer.kind for layer in view.layers] == ["directory", "directory"]


def test_writes_go_to_the_highest_writable_layer(tmp_path: Path) -> None:
    """Even if one that is read-only lies above it."""
    roots = {"upper": tmp_path / "upper", "lower": tmp_path / "lower"}
    layers = [
        DirectoryLayer("upper", lambda: str(roots["upper"]), is_writable=False),
        DirectoryLayer("lower", lambda: str(roots["lower"])),
    ]

    assert View(lambda: layers).get_resources_writable_directory("a") == tmp_path / "lower" / "a"


def _everything(view: View) -> Iterator[str]:
    return (node.path for node in view.walk())


def test_an_empty_view_has_a_root() -> None:
    """No layer, no error: the root is always there, and nothing is in it."""
    view = View(tuple)

    assert view.find("").is_directory
    assert list(_everything(view)) == []
    with pytest.raises(ResourceNotFound):
        view.get_resource_path("")
