"""Lookups of programs, which name no repository: the current directory decides."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest

from cas.repo import Repository
from cas.testing.trees import File, write_tree
from tests import processes
from tests.view import view_children

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A repository that has `models/a`."""
    return make(tmp_path / "home", "stored")


def make(home: Path, text: str) -> Path:
    """Make a repository that has `models/a`."""
    with Repository.init(home) as repository:
        repository.commit("models/a", io.BytesIO(text.encode()))
    return home


def test_the_current_directory_decides(home: Path, tmp_path: Path) -> None:
    """At each call: below a repository its view, elsewhere the view of none; A10."""
    plain = tmp_path / "plain"
    write_tree({b"runtime_resources": {b"models": {b"a": File(b"local")}}}, plain)
    (home / "deep" / "er").mkdir(parents=True)

    said = processes.printed(view_children.look_here, home, plain, home / "deep" / "er", tmp_path, plain)

    assert said.splitlines() == ["stored", "local", "stored", "ResourceNotFound resource-not-found", "local"]


def test_a_broken_repository_is_an_error(home: Path) -> None:
    """Never the default layers in silence: they would give another resource."""
    write_tree({b"models": {b"a": File(b"local")}}, home / "runtime_resources")
    (home / ".cas" / "config.yaml").unlink()

    assert processes.printed(view_children.look_here, home) == "CorruptError config-missing\n"


def test_a_fork_opens_its_own(home: Path) -> None:
    """What a child inherits is of no use to it, and stays good for the parent."""
    said = processes.printed(view_children.look_after_fork, home)

    assert said.split() == ["stored", "stored", "stored", "0", "stored"]


def test_another_repository_in_its_place_is_noticed(home: Path, tmp_path: Path) -> None:
    """Tests and notebooks delete and make them anew under one path."""
    other = make(tmp_path / "other", "other")

    assert processes.printed(view_children.look_while_it_changes, home, other).split() == ["stored", "other"]


def test_threads_share_it(home: Path) -> None:
    """All begin at once, when nothing is open yet."""
    assert processes.printed(view_children.look_in_threads, home).split() == ["160", "stored"]


def test_an_own_directory_is_for_all_of_the_process(home: Path, tmp_path: Path) -> None:
    """Set once, it holds in repositories that are open, and without any."""
    plain, own = tmp_path / "plain", tmp_path / "own"
    plain.mkdir()

    said = processes.printed(view_children.look_with_own_directory, own, home, plain)

    assert said.splitlines() == [
        str(home / "runtime_resources" / "x"),
        str(plain / "runtime_resources" / "x"),
        str(own / "x"),
        str(own / "x"),
    ]


def test_directories_are_made_by_several_at_once(home: Path) -> None:
    """Whoever is second finds what the first has made."""
    running = [processes.start(view_children.make_a_directory, home, "a/b/c/d") for _ in range(3)]
    for process in running:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"

    said = {process.communicate("go\n")[0].strip() for process in running}

    assert said == {str(home / "runtime_resources" / "a" / "b" / "c" / "d")}
    assert all(process.returncode == 0 for process in running)
