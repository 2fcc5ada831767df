"""Files and directories: what survives the way into the store and out of it."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings

from cas.errors import InvalidError, NotFoundError
from cas.resources.environment import Environment
from cas.resources.files import DirResource, FileResource
from cas.resources.scratch import protect
from cas.testing import strategies
from cas.testing.trees import File, Symlink, read_tree, write_tree
from tests import processes
from tests.resources import children
from tests.resources.hosts import REGION, TYPES, write
from tests.worktree.test_checkout_links import other_file_systems

if TYPE_CHECKING:
    from cas.testing.trees import Tree
    from tests.resources.hosts import Host

TREE: Tree = {
    b"readme": File(b"text"),
    b"run.sh": File(b"#!/bin/sh\n", is_executable=True),
    b"link": Symlink(b"deep/er/file"),
    b"dangling": Symlink(b"nowhere"),
    b"empty": {},
    b"deep": {b"er": {b"file": File(b"x" * 300_000)}},
    b"\xff": File(),
}


def store_and_read(tree: Tree, host: Host) -> Path:
    """Commit `tree` by one object, fetch it by another, and say where it is."""
    written = host.configured(DirResource("tiles"))
    write_tree(tree, written.path())
    written.logged_commit()
    written.clean()
    read = host.configured(DirResource("tiles"))
    read.ensure_available()
    return read.path()


def test_a_directory_survives_the_round_trip(host: Host) -> None:
    """Nested and empty directories, executable bits, links, names that are no UTF-8."""
    assert read_tree(store_and_read(TREE, host)) == TREE


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(strategies.trees())
def test_any_directory_survives_the_round_trip(host: Host, tree: Tree) -> None:
    """The same for whatever Hypothesis thinks of."""
    for version in host.repository.versions("tiles"):
        host.repository.remove([version.ref])

    assert read_tree(store_and_read(tree, host)) == tree


def test_an_empty_directory_is_a_value(host: Host) -> None:
    """That a task found nothing is a result."""
    assert read_tree(store_and_read({}, host)) == {}


def test_a_file_keeps_its_executable_bit(host: Host) -> None:
    """A program may be a resource."""
    written = host.configured(FileResource("tool"))
    written.path().write_text("#!/bin/sh\n")
    written.path().chmod(0o755)
    written.logged_commit()
    written.clean()

    read = host.configured(FileResource("tool"))
    read.ensure_available()

    assert os.access(read.path(), os.X_OK)


def test_what_is_available_is_linked_and_read_only(host: Host) -> None:
    """A terabyte that many modules read is on the disk once, and none of them can change it."""
    host.stored(TYPES["file"]())
    places = []
    for _ in range(2):
        read = host.configured(TYPES["file"]())
        read.ensure_available()
        read.ensure_available()
        places.append(read.path().stat())

    assert places[0].st_ino == places[1].st_ino
    assert not places[0].st_mode & 0o222


def test_where_there_are_no_hard_links_files_are_copied(host: Host, tmp_path: Path) -> None:
    """A workspace on another disk than the repository, as far as there is any; read-only all the same."""
    write_tree(TREE, host.configured(written := DirResource("tiles")).path())
    written.logged_commit()
    for disk in other_file_systems(tmp_path):
        with tempfile.TemporaryDirectory(dir=disk) as folder:
            read = DirResource("tiles")
            read.register(REGION)
            read.load_environment_settings(Environment(host.repository, Path(folder), host.logged.append))
            read.ensure_available()

            assert read_tree(read.path()) == TREE
            assert not (read.path() / "readme").stat().st_mode & 0o222
            read.clean()
            assert os.listdir(folder) == []


def test_what_is_copied_is_protected_and_links_are_left_alone(tmp_path: Path) -> None:
    """As linked files are: no file of a tree can be written, and nothing outside of it changes."""
    outside = tmp_path / "outside"
    outside.write_text("mine")
    write_tree({**TREE, b"out": Symlink(os.fsencode(outside))}, tmp_path / "tree")
    write_tree(File(b"one"), tmp_path / "file")

    protect(tmp_path / "tree")
    protect(tmp_path / "file")

    files = [tmp_path / "file", *(path for path in (tmp_path / "tree").rglob("*") if path.is_file())]
    assert {path.name for path in files if path.stat().st_mode & 0o222} == {"out"}
    assert os.access(tmp_path / "tree" / "run.sh", os.X_OK)


def test_two_resources_of_one_file_name_share_a_workspace(host: Host) -> None:
    """Each has a folder of its own, so neither overwrites the other, and cleaning one leaves the other."""
    a, b = (host.configured(FileResource(name, "data.csv")) for name in ("a", "b"))
    write(a, "a")
    write(b, "b")

    assert a.path().name == b.path().name
    a.clean()

    assert b.path().read_text() == "b"
    b.logged_commit()
    assert host.repository.read("b") == b"b"


@pytest.mark.parametrize("kind", ["file", "directory"])
def test_a_commit_without_data_is_an_error(kind: str, host: Host) -> None:
    """The task asked where to write, and did not; it can still be done."""
    resource = host.configured(TYPES[kind]())
    place = resource.path()

    with pytest.raises(NotFoundError) as caught:
        resource.logged_commit()

    assert caught.value.code == "not-written"
    assert caught.value.why == f"there is no {kind} at '{place}'"
    assert not resource.exists
    write(resource)
    resource.logged_commit()


def test_a_file_where_a_directory_belongs_is_an_error(host: Host) -> None:
    """And the other way round: readers would get what they cannot read."""
    directory = host.configured(TYPES["directory"]())
    directory.path().write_text("")
    file = host.configured(TYPES["file"]())
    file.path().mkdir()

    for resource, kind in ((directory, "directory"), (file, "file")):
        with pytest.raises(InvalidError) as caught:
            resource.logged_commit()
        assert caught.value.code == "wrong-kind"
        assert str(caught.value.why).endswith(f"is no {kind}")
    assert host.repository.names() == []


def test_cleaning_copes_with_what_a_task_left(host: Host) -> None:
    """Deep, or deleted already: all of it is in the folder, and nothing else is touched."""
    (host.workspace / "mine").write_text("mine")
    one, two = (host.configured(DirResource(name)) for name in ("one", "two"))
    write_tree(TREE, one.path())
    two.path().parent.rmdir()

    one.clean()
    two.clean()

    assert read_tree(host.workspace) == {b"mine": File(b"mine")}


def test_cleaning_copes_with_what_nothing_can_be_deleted_from() -> None:
    """A directory without the right to write, made and cleaned by a user who has to obey it."""
    assert processes.printed(children.leave_read_only_directories) == "left: []\n"
