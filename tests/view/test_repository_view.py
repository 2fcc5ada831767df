"""The view of a repository: stored content as files, and what others change while it is open."""

from __future__ import annotations

import io
import os
import stat
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cas.config import LayerConfig
from cas.errors import CasError, InvalidError
from cas.ids import Kind
from cas.repo import Repository
from cas.repo.layer_changes import Position
from cas.testing.trees import File, Symlink, read_tree, write_tree
from cas.view.errors import ResourceNotFound
from cas.worktree.directories import remove_tree
from tests import processes
from tests.view import view_children

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cas.testing.trees import Tree
    from cas.view.view import View

STORED: Tree = {
    b"weights": File(b"w" * 1000),
    b"run": File(b"#!/bin/sh\n", is_executable=True),
    b"latest": Symlink(b"weights"),
    b"sub": {b"x": File(b"1"), b"empty": {}},
}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository around the current directory."""
    write_tree(STORED, tmp_path / "source")
    with Repository.init(tmp_path / "home") as repository:
        repository.commit("models", tmp_path / "source")
        repository.commit("notes", io.BytesIO(b"notes"))
    monkeypatch.chdir(tmp_path / "home")
    return tmp_path / "home"


@pytest.fixture
def repository(home: Path) -> Iterator[Repository]:
    """The repository, open."""
    with Repository.open(home) as repository:
        yield repository


@pytest.fixture
def view(repository: Repository) -> View:
    """Its view."""
    return repository.view()


def put(repository: Repository, name: str, text: str) -> None:
    """Commit a text."""
    repository.commit(name, io.BytesIO(text.encode()))


def test_a_stored_file_has_a_path(view: View) -> None:
    """With the bytes, the name that was asked for, and the executable bit; nobody can write to it."""
    weights, run = view.get_resource_path("models/weights"), view.get_resource_path("models", "run")

    assert weights.read_bytes() == b"w" * 1000
    assert (weights.name, run.name) == ("weights", "run")
    assert stat.S_IMODE(weights.stat().st_mode) == 0o444
    assert stat.S_IMODE(run.stat().st_mode) == 0o555
    assert view.get_resource_path("models/weights") == weights


def test_a_stored_symlink_is_followed(view: View) -> None:
    """To the content, under the name that was asked for."""
    assert view.get_resource_path("models/latest").read_bytes() == b"w" * 1000
    assert view.get_resource_path("models/latest").name == "latest"


def test_a_stored_directory_has_a_path(view: View) -> None:
    """Whole, with all kinds in it."""
    assert read_tree(view.get_resource_path("models")) == STORED
    assert read_tree(view.get_resource_path("models/sub")) == STORED[b"sub"]


def test_a_directory_of_several_names_has_a_path(repository: Repository, view: View) -> None:
    """A name over what a version has there wins, as in the listing; the root is such a directory."""
    put(repository, "models/weights", "other")
    put(repository, "models/more/deep", "new")

    found = read_tree(view.get_resource_path("models"))

    assert found == {**STORED, b"weights": File(b"other"), b"more": {b"deep": File(b"new")}}
    assert read_tree(view.get_resource_path("")) == {b"models": found, b"notes": File(b"notes")}


def test_a_directory_without_what_is_hidden_has_a_path(repository: Repository, view: View) -> None:
    """A whiteout inside of a version changes the directory that a program gets."""
    repository.hide("models/sub/x")

    assert read_tree(view.get_resource_path("models/sub")) == {b"empty": {}}
    with pytest.raises(ResourceNotFound):
        view.get_resource_path("models/sub/x")


def test_what_is_committed_after_a_whiteout_is_seen(
    repository: Repository, view: View, tmp_path: Path
) -> None:
    """A whiteout hides what its layer held when it was made, and no more."""
    repository.hide("models")
    assert [node.path for node in view.walk()] == ["notes"]

    (tmp_path / "source" / "weights").write_bytes(b"newer")
    repository.commit("models", tmp_path / "source")

    assert view.get_resource_path("models/weights").read_bytes() == b"newer"


def test_which_tells_whether_it_is_materialised(view: View) -> None:
    """Asking is cheap: it puts nothing on the disk."""
    assert view.which("models/weights").path is None
    assert view.which("models").path is None

    weights, models = view.get_resource_path("models/weights"), view.get_resource_path("models")

    assert view.which("models/weights").path == weights
    assert view.which("models").path == models
    assert view.which("models/latest").node.kind is Kind.SYMLINK


def test_which_names_what_it_hides(repository: Repository, view: View, home: Path) -> None:
    """The winner, and the same path of each layer below, in their order."""
    repository.add_layer(LayerConfig("lower", kind="directory", path="lower"))
    repository.move_layer("lower", position=Position.bottom())
    write_tree({b"models": {b"weights": File(b"l")}}, home / "lower")
    write_tree({b"models": {b"weights": File(b"u")}}, home / "runtime_resources")

    found = view.which("models/weights")

    assert (found.node.layer, [node.layer for node in found.shadows]) == ("runtime", ["main", "lower"])
    (home / "runtime_resources" / "models" / "weights").unlink()
    repository.hide("models/weights", layer="main")
    with pytest.raises(ResourceNotFound, match="'models/weights' is hidden in layer 'main'") as caught:
        view.which("models/weights")
    assert caught.value.hint == "cas unhide --layer main models/weights"


def test_commits_of_others_are_seen(view: View, home: Path) -> None:
    """Answers are remembered until the next transaction, of whatever process."""
    assert view.get_resource_path("notes").read_text() == "notes"
    with pytest.raises(ResourceNotFound):
        view.find("models/extra")

    processes.printed(view_children.commit, home, "notes", "changed")
    processes.printed(view_children.commit, home, "models/extra", "extra")

    assert view.get_resource_path("notes").read_text() == "changed"
    assert view.find("models/extra").size == 5


def test_changes_of_the_configuration_are_seen(view: View, home: Path) -> None:
    """Whoever edits `config.yaml`; a broken file is an error, not the old layers."""
    with Repository.open(home) as other:
        other.add_layer(LayerConfig("shared", kind="directory", path="shared"))
    write_tree({b"notes": File(b"shared")}, home / "shared")

    assert view.get_resource_path("notes") == home / "shared" / "notes"
    (home / ".cas" / "config.yaml").write_text("layers: 5\n")
    with pytest.raises(InvalidError):
        view.find("notes")


def test_the_current_directory_is_looked_at_each_time(
    view: View, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A10: the original froze it at import."""
    write_tree({b"notes": File(b"here")}, home / "runtime_resources")
    assert view.get_resource_path("notes") == home / "runtime_resources" / "notes"

    monkeypatch.chdir(tmp_path)

    assert view.get_resource_path("notes").read_text() == "notes"
    assert view.get_resources_writable_directory("a") == tmp_path / "runtime_resources" / "a"


def test_who_may_not_write_can_look(public: Path) -> None:
    """Lookups and listings need no right to write; only putting content on the disk does."""
    write_tree(STORED, public / "source")
    with Repository.init(public / "home") as repository:
        repository.commit("models", public / "source")
        put(repository, "notes", "notes")

    said = processes.printed(view_children.look_as_nobody, public / "home", "notes", "models/weights")

    assert said.split() == ["5", "1000", "8", "ReadOnlyError"]


def test_a_walk_holds_no_snapshot(repository: Repository, view: View) -> None:
    """Names come in batches, so whoever walks may write meanwhile, and is as slow as he likes."""
    wanted = [f"many/{number:04}" for number in range(2500)]
    with repository.session():
        for name in wanted[::500]:
            put(repository, name, name)

    found = []
    for node in view.walk("many"):
        found.append(node.path)
        put(repository, "other", node.path)

    assert found == wanted[::500]
    assert view.find("other").size == len("many/2000")


def test_threads_share_a_view(repository: Repository, view: View) -> None:
    """Lookups in several threads, while names change, give what was committed at some time."""
    done = threading.Event()
    wrong: list[object] = []

    def look() -> None:
        try:
            while not done.is_set():
                assert view.get_resource_path("notes").read_text().startswith("n")
                assert sum(1 for _ in view.walk()) == 8
        except (AssertionError, CasError, OSError) as error:
            wrong.append(error)

    threads = [threading.Thread(target=look) for _ in range(3)]
    for thread in threads:
        thread.start()
    for number in range(15):
        put(repository, "notes", f"n{number}")
    done.set()
    for thread in threads:
        thread.join()

    assert wrong == []


def test_a_closed_repository_has_no_view(repository: Repository) -> None:
    """An error that says so."""
    repository.close()

    with pytest.raises(InvalidError) as caught:
        repository.view()
    assert caught.value.code == "repository-closed"


def test_paths_longer_than_any_name_are_not_found(view: View) -> None:
    """The index takes no such key; a lookup must not trip over that."""
    with pytest.raises(ResourceNotFound):
        view.find("models/" + "x" * 600)
    with pytest.raises(ResourceNotFound):
        view.find("/".join("x" * 100 for _ in range(50)))
    with pytest.raises(ResourceNotFound):
        view.find("caf\udce9")


@pytest.fixture
def deep(home: Path) -> Iterator[Path]:
    """A layer in which directories lie deeper than any path is long."""
    root = home / "runtime_resources"
    root.mkdir()
    above = os.open(".", os.O_RDONLY)
    os.chdir(root)
    for _ in range(45):
        Path("d" * 99).mkdir()
        os.chdir("d" * 99)
    Path("leaf").touch()
    os.fchdir(above)
    os.close(above)
    yield root
    remove_tree_at(root)


def remove_tree_at(path: Path) -> None:
    """Delete a directory, however deep."""
    parent = os.open(path.parent, os.O_RDONLY)
    remove_tree(parent, os.fsencode(path.name))
    os.close(parent)


@pytest.mark.usefixtures("deep")
def test_what_is_too_deep_to_be_looked_at_is_told(view: View) -> None:
    """A list without it would look complete, and a lower layer's answer would be a guess."""
    inside = "/".join(["d" * 99] * 45)

    for ask in (
        lambda: list(view.walk()),
        lambda: list(view.names()),
        lambda: view.get_resource_path(inside),
        lambda: view.find(f"{inside}/leaf"),
    ):
        with pytest.raises(InvalidError, match="the system takes") as caught:
            ask()
        assert "path-too-long" == caught.value.code

    with pytest.raises(ResourceNotFound):
        view.find("n" * 5000)
    with pytest.raises(ResourceNotFound):
        view.find(f"{'d' * 99}/{'n' * 256}")
    assert view.find("notes").layer == "main"
