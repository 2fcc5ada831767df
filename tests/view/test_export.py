"""The whole union in one directory: `cas checkout --view DEST`."""

from __future__ import annotations

import os
import random
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings

from cas.config import LayerConfig
from cas.errors import ConflictError, CorruptError, InvalidError
from cas.progress import Silent
from cas.repo import Repository
from cas.testing import faults, strategies
from cas.testing.trees import File, Symlink, read_tree, write_tree
from tests import processes
from tests.old_names import commit_as_before
from tests.view import export_children

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cas.testing.trees import Node, Tree

STORED: Tree = {
    b"a": File(b"stored"),
    b"run": File(b"#!/bin/sh\n", is_executable=True),
    b"link": Symlink(b"a"),
    b"nothing": {},
    b"both": {b"lower": File(b"1"), b"same": File(b"lower")},
    b"hidden": {b"x": File(b"2")},
}
LOCAL: Tree = {
    b"data": {
        b"hidden": File(b"a file over a directory"),
        b"both": {b"same": File(b"upper"), b"upper": File(b"3", is_executable=True)},
        b"mine": {b"empty": {}, b"link": Symlink(b"../a")},
    },
}
UNION: Tree = {
    b"data": {
        b"a": File(b"stored"),
        b"run": File(b"#!/bin/sh\n", is_executable=True),
        b"link": Symlink(b"a"),
        b"nothing": {},
        b"both": {
            b"lower": File(b"1"),
            b"same": File(b"upper"),
            b"upper": File(b"3", is_executable=True),
        },
        b"hidden": File(b"a file over a directory"),
        b"mine": {b"empty": {}, b"link": Symlink(b"../a")},
    },
}


def commit(repository: Repository, name: str, node: Node) -> None:
    """Store a tree or a file as a version of `name`."""
    with tempfile.TemporaryDirectory(dir=repository.layout.root.parent) as folder:
        source = Path(folder, "source")
        write_tree(node, source)
        repository.commit(name, source)


def union(upper: Node | None, lower: Node) -> Node:
    """Put one tree over another."""
    if not isinstance(upper, dict) or not isinstance(lower, dict):
        return lower if upper is None else upper
    names = {**lower, **upper}
    return {name: union(upper.get(name), lower.get(name, names[name])) for name in names}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A repository with the resource `data`, below a directory layer that has some of it as well."""
    home = tmp_path / "home"
    with Repository.init(home) as repository:
        local = LayerConfig("local", kind="directory", path=str(tmp_path / "local"))
        repository.add_layer(local)
        commit(repository, "data", STORED)
    write_tree(LOCAL, tmp_path / "local")
    return home


@pytest.fixture
def repository(home: Path) -> Iterator[Repository]:
    """The repository, open."""
    with Repository.open(home) as repository:
        yield repository


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Where nothing is yet, nor is its parent."""
    return tmp_path / "to" / "out"


def litter(repository: Repository, out: Path) -> list[Path]:
    """List what staging and sessions left."""
    return [
        *repository.layout.tmp.iterdir(),
        *repository.layout.sessions.iterdir(),
        *out.parent.rglob("*.cas-*"),
    ]


def test_everything_that_the_view_shows_is_there(repository: Repository, out: Path) -> None:
    """Links stay links, executables executable, empty directories appear; the upper layer wins."""
    report = repository.export_view(out)

    assert read_tree(out) == UNION
    assert (report.destination, report.unchanged, report.removed) == (out, 0, 0)
    assert report.written == 8
    assert report.bytes_written == sum(len(data) for data in (b"stored", b"#!/bin/sh\n", b"a", b"1")) + sum(
        len(data) for data in (b"upper", b"3", b"a file over a directory", b"../a")
    )
    assert litter(repository, out) == []
    assert all(os.access(path, os.W_OK) for path in out.rglob("*") if not path.is_symlink())


@given(upper=strategies.trees(), lower=strategies.trees())
@settings(deadline=None, max_examples=40)
def test_the_union_is_that_of_two_trees(upper: Tree, lower: Tree) -> None:
    """Whatever two layers hold, what comes out is one over the other, and again costs nothing."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        write_tree({b"data": upper}, home / "local")
        with Repository.init(home / "home") as repository:
            repository.add_layer(LayerConfig("local", kind="directory", path=str(home / "local")))
            commit(repository, "data", lower)

            repository.export_view(home / "out")
            again = repository.export_view(home / "out")

        assert read_tree(home / "out") == {b"data": union(upper, lower)}
        assert (again.written, again.removed, again.bytes_written) == (0, 0, 0)


def test_what_is_right_is_left_alone(repository: Repository, out: Path) -> None:
    """A second export writes only what has changed since, and no file is touched that is as it should be."""
    repository.export_view(out)
    before = {path: path.lstat() for path in out.rglob("*")}
    (out / "data" / "a").unlink()
    (repository.layout.root.parent.parent / "local" / "data" / "new").write_bytes(b"new")

    report = repository.export_view(out)

    assert (report.written, report.unchanged, report.bytes_written) == (2, 7, len(b"stored") + len(b"new"))
    after = {path: path.lstat() for path in out.rglob("*")}
    changed = {path.name for path in after if path not in before or after[path].st_ino != before[path].st_ino}
    assert changed == {"a", "new"}


def edit(out: Path) -> None:
    """Change bytes, not the size."""
    (out / "data" / "both" / "same").write_bytes(b"UPPER")


def make_executable(out: Path) -> None:
    """Set a bit."""
    (out / "data" / "a").chmod(0o755)


def put_a_directory_there(out: Path) -> None:
    """Make a directory where a file belongs, and put something into it."""
    (out / "data" / "a").unlink()
    (out / "data" / "a" / "deep").mkdir(parents=True)
    (out / "data" / "a" / "deep" / "x").write_bytes(b"x")
    (out / "data" / "a" / "deep" / "y").symlink_to("/")


def put_a_file_there(out: Path) -> None:
    """Put a file where a directory belongs."""
    (out / "data" / "nothing").rmdir()
    (out / "data" / "nothing").write_bytes(b"mine")


def put_a_link_there(out: Path) -> None:
    """Put a link to a directory where a directory belongs."""
    os.rename(out / "data" / "both", out / "elsewhere")
    (out / "data" / "both").symlink_to("../elsewhere")


def turn_a_link(out: Path) -> None:
    """Make a link lead elsewhere."""
    (out / "data" / "link").unlink()
    (out / "data" / "link").symlink_to("b")


def put_a_pipe_there(out: Path) -> None:
    """Put what nobody can read where a file belongs."""
    (out / "data" / "a").unlink()
    os.mkfifo(out / "data" / "a")


CHANGES = {
    edit: "data/both/same",
    make_executable: "data/a",
    put_a_directory_there: "data/a",
    put_a_file_there: "data/nothing",
    put_a_link_there: "data/both",
    turn_a_link: "data/link",
    put_a_pipe_there: "data/a",
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_differs_is_never_overwritten_unless_forced(repository: Repository, out: Path, change) -> None:  # type: ignore[no-untyped-def] # noqa: ANN001 - a function of this module
    """Nothing is written while anything would be lost, and it is named; with force it goes."""
    repository.export_view(out)
    (out / "data" / "run").unlink()
    (out / "mine").mkdir()
    (out / "mine" / "file").write_bytes(b"mine")
    change(out)

    with pytest.raises(ConflictError) as caught:
        repository.export_view(out)
    is_untouched = not (out / "data" / "run").exists()
    repository.export_view(out, force=True)

    assert caught.value.code == "destination-exists"
    assert f"'{CHANGES[change]}'" in str(caught.value.why)
    assert is_untouched
    assert read_tree(out / "data") == UNION[b"data"]
    assert (out / "mine" / "file").read_bytes() == b"mine"
    assert litter(repository, out) == []


def test_what_was_removed_by_force_is_counted(repository: Repository, out: Path) -> None:
    """Files that stood where a directory belongs, or in a directory where a file does."""
    repository.export_view(out)
    put_a_directory_there(out)
    put_a_file_there(out)

    assert repository.export_view(out, force=True).removed == 3


def test_only_a_few_of_many_conflicts_are_shown(repository: Repository, out: Path) -> None:
    """A message stays readable, and says how many more there are."""
    repository.export_view(out)
    for path in out.rglob("*"):
        if path.is_file() and not path.is_symlink():
            path.write_bytes(b"edited")

    with pytest.raises(ConflictError) as caught:
        repository.export_view(out)

    assert str(caught.value.why).endswith(" and 1 more")


@pytest.mark.parametrize("inside", [".cas", ".cas/new", ".cas/views"])
def test_nothing_is_written_into_the_repository(repository: Repository, home: Path, inside: str) -> None:
    """Not even by force."""
    with pytest.raises(InvalidError) as caught:
        repository.export_view(home / inside, force=True)

    assert caught.value.code == "inside-repository"


@pytest.mark.parametrize("inside", [".", "data", "new/deep"])
def test_a_layer_does_not_receive_the_union_that_it_is_part_of(
    repository: Repository, tmp_path: Path, inside: str
) -> None:
    """It would hide all other layers from then on, or grow while it is read."""
    with pytest.raises(InvalidError) as caught:
        repository.export_view(tmp_path / "local" / inside, force=True)

    assert caught.value.code == "inside-layer"
    assert read_tree(tmp_path / "local") == LOCAL


def test_nothing_is_written_into_another_repository(repository: Repository, tmp_path: Path) -> None:
    """Its hooks would be those that somebody committed."""
    (tmp_path / "other").mkdir()
    Repository.init(tmp_path / "other").close()

    with pytest.raises(InvalidError) as caught:
        repository.export_view(tmp_path / "other" / ".cas")

    assert caught.value.code == "inside-repository"
    assert not (tmp_path / "other" / ".cas" / "data").exists()


@pytest.mark.parametrize("top", ["data", "data/both"])
def test_nothing_is_written_into_a_layer_below(repository: Repository, out: Path, top: str) -> None:
    """What an export writes there would be in the view from then on."""
    (out / top).parent.mkdir(parents=True)
    write_tree({b"own": File(b"own")}, out / top)
    repository.add_layer(LayerConfig("below", "directory", path=str(out / top)))

    with pytest.raises(InvalidError) as caught:
        repository.export_view(out, force=True)

    assert caught.value.code == "inside-layer"
    assert "is the layer 'below'" in str(caught.value.why)
    assert read_tree(out / top) == {b"own": File(b"own")}


def test_a_layer_beside_is_no_obstacle(repository: Repository, out: Path) -> None:
    """The current directory has one, by default."""
    out.mkdir(parents=True)
    write_tree({b"own": File(b"own")}, out / "elsewhere")
    repository.add_layer(LayerConfig("below", "directory", path=str(out / "elsewhere")))

    repository.export_view(out)

    assert read_tree(out) == {**UNION, b"own": File(b"own"), b"elsewhere": {b"own": File(b"own")}}


def test_a_repository_in_the_way_stays(repository: Repository, out: Path) -> None:
    """Somebody's store is never deleted, whatever is forced."""
    (out / "data" / "a").mkdir(parents=True)
    Repository.init(out / "data" / "a").close()

    with pytest.raises(InvalidError) as caught:
        repository.export_view(out, force=True)

    assert caught.value.code == "inside-repository"
    Repository.open(out / "data" / "a").close()


def test_a_file_is_no_place_for_a_view(repository: Repository, out: Path) -> None:
    """A view is a directory; the file stays."""
    out.parent.mkdir()
    out.write_bytes(b"mine")

    with pytest.raises(ConflictError) as caught:
        repository.export_view(out, force=True)

    assert caught.value.code == "destination-exists"
    assert out.read_bytes() == b"mine"


def test_an_empty_view_makes_an_empty_directory(tmp_path: Path) -> None:
    """Nothing is something too: the next program finds its directory."""
    with Repository.init(tmp_path / "home") as repository:
        report = repository.export_view(tmp_path / "out")

    assert (report.written, list((tmp_path / "out").iterdir())) == (0, [])


def test_damage_is_told_before_anything_is_written(repository: Repository, home: Path, out: Path) -> None:
    """One bad blob fails all of it, by the path that it was to have."""
    commit(repository, "noise", File(random.Random(1).randbytes(5000)))
    repository._store.close()
    pack = max(home.rglob("*.pack"), key=lambda path: path.stat().st_size)
    pack.chmod(0o644)
    data = bytearray(pack.read_bytes())
    data[1000:1040] = bytes(40)
    pack.write_bytes(data)

    with pytest.raises(CorruptError) as caught:
        repository.export_view(out)

    assert "noise" in caught.value.what
    assert list(out.iterdir()) == []
    assert litter(repository, out) == []


STEPS = [
    "index.written",
    "staging.announced",
    "export.staged",
    "index.written",
    "export.applied",
    "index.written",
]


def test_who_dies_leaves_what_the_next_completes(home: Path, tmp_path: Path) -> None:
    """Killed at any step, an export has written nothing, or all; the next one finishes it and clears up."""
    for step in range(1, len(STEPS) + 2):
        out = tmp_path / f"out{step}"
        died = processes.run(export_children.export_and_die, home, out, step)

        assert (died.returncode != 0) is (step <= len(STEPS))
        with Repository.open(home) as repository:
            repository.export_view(out)
            repository.gc()
            assert read_tree(out) == UNION
            assert litter(repository, out) == []


def test_the_steps_are_those(repository: Repository, out: Path) -> None:
    """The test above stops at each durable step that there is."""
    with faults.recorded_steps() as steps:
        repository.export_view(out)

    assert steps == STEPS


def test_who_may_only_read_the_repository_exports_too(public: Path) -> None:
    """Like a checkout of copies, it needs no right to write to the store."""
    with Repository.init(public / "home") as repository:
        commit(repository, "data", STORED)
    (public / "own").mkdir()
    (public / "own").chmod(0o777)

    said = processes.printed(export_children.export_as_nobody, public / "home", public / "own" / "out")

    assert said == "6\n"
    assert read_tree(public / "own" / "out" / "data") == STORED


class Listening(Silent):
    """Progress that is noted."""

    def __init__(self) -> None:
        self.tasks: list[str] = []
        self.count = 0

    def start(self, task: str, total: int | None, unit: str) -> None:
        """Note what begins."""
        self.tasks.append(f"{task} {total} {unit}")
        self.count = 0

    def advance(self, count: int) -> None:
        """Note how far it is."""
        self.count += count


def test_progress_is_told(repository: Repository, out: Path) -> None:
    """Somebody watches a long export come to its end: bytes of stored files and of copied ones."""
    progress = Listening()

    report = repository.export_view(out, progress=progress)

    links = len(b"a") + len(b"../a")
    assert progress.tasks == ["comparing None files", f"writing {report.bytes_written} bytes"]
    assert progress.count == report.bytes_written - links


@pytest.mark.parametrize("is_forced", [False, True])
def test_nothing_that_would_pass_for_a_repository_is_written(
    repository: Repository, home: Path, out: Path, *, is_forced: bool
) -> None:
    """Content called `.cas/hooks/…` must not become code that the next command runs."""
    (home / "hook").write_text("#!/bin/sh\n")
    commit_as_before(repository, "sub/.cas/hooks/post_commit", home / "hook")

    with pytest.raises(InvalidError) as caught:
        repository.export_view(out, force=is_forced)

    assert caught.value.code == "inside-repository"
    assert not out.exists()
