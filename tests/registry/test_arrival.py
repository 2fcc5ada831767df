"""The note that a download leaves: what it vouches for, and what it notices."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cas.registry.arrival import NOTE, Arrival
from cas.registry.entry import RemoteEntry
from cas.registry.here import Here, here
from cas.registry.places import Place
from cas.repo import Repository
from tests.registry.desk import Landing, entry, write

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAMES = st.sampled_from(["a", "b", "a.b", "B", "-", "ü"])
PATHS = st.lists(st.lists(NAMES, min_size=1, max_size=4).map("/".join), max_size=8, unique=True)


def free_of_conflicts(paths: list[str]) -> list[str]:
    """The paths that can all be files of one directory."""
    return [path for path in paths if not any(other.startswith(f"{path}/") for other in paths)]


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Repository]:
    """A repository that says what a commit stores."""
    with Repository.init(tmp_path_factory.mktemp("reference")) as repository:
        yield repository


@given(paths=PATHS.map(free_of_conflicts), executable=st.booleans())
def test_its_content_is_what_a_commit_stores(
    tmp_path_factory: pytest.TempPathFactory, reference: Repository, paths: list[str], executable: bool
) -> None:
    """The version id of a directory is worked out without the repository, so both must agree to the bit."""
    folder = tmp_path_factory.mktemp("law")
    place = Place(RemoteEntry("d", "d/", "file:///d/"), folder)
    place.destination.mkdir()
    for number, path in enumerate(paths):
        write(place.destination / path, "x" * number).chmod(0o755 if executable else 0o644)

    arrival = Landing(place).note(*paths)

    stored = reference.commit("d", place.destination, dry_run=True)
    assert stored.version.content == arrival.content


@pytest.fixture
def toys(tmp_path: Path) -> Landing:
    """A directory of two files, downloaded."""
    place = Place(entry("toys", tmp_path / "far" / "toys", "toys/"), tmp_path / "layer")
    write(place.destination / "ball", "round")
    write(place.destination / "box" / "cube", "square")
    landing = Landing(place)
    landing.note("ball", "box/cube")
    return landing


def test_what_was_downloaded_is_here(toys: Landing) -> None:
    """Files of others in the same directory make no difference."""
    write(toys.place.destination / "mine", "own")

    assert Here.YES is here(toys.place)


def test_nothing_is_here_before_a_download(tmp_path: Path) -> None:
    """A directory that is there for other reasons is no download; a file in the place of one is another."""
    folder = Place(entry("toys", tmp_path, "toys/"), tmp_path)
    write(folder.destination / "mine", "own")
    file = Place(entry("ball", tmp_path, "ball"), tmp_path)

    before = here(file)
    write(file.destination, "own")

    assert [Here.NO, Here.NO, Here.CHANGED] == [here(folder), before, here(file)]


@pytest.mark.parametrize("change", ["edit", "remove", "symlink"])
def test_an_edit_is_noticed(toys: Landing, change: str) -> None:
    """Also that the file is gone, or is a link by now."""
    ball = toys.place.destination / "ball"
    match change:
        case "edit":
            ball.write_text("flat")
        case _:
            ball.unlink()
    if change == "symlink":
        ball.symlink_to("box/cube")

    assert Here.CHANGED is here(toys.place)


@pytest.mark.parametrize("change", ["edit", "remove"])
def test_an_edit_of_a_single_file_is_noticed(tmp_path: Path, change: str) -> None:
    """Its path below its destination is empty, which once passed for "nothing was touched"."""
    place = Place(entry("ball", tmp_path / "far", "ball"), tmp_path / "layer")
    write(place.destination, "round")
    arrival = Landing(place).note()
    before = here(place)
    if change == "edit":
        place.destination.write_text("flat")
    else:
        place.destination.unlink()

    assert (Here.YES, [""]) == (before, list(arrival.damaged(place.destination)))
    assert here(place) is (Here.CHANGED if change == "edit" else Here.NO)


def test_an_edit_that_keeps_size_and_time_is_an_edit(toys: Landing) -> None:
    """`cp -p` and whoever mends a byte in place put the date back; the time of change tells."""
    ball = toys.place.destination / "ball"
    status = ball.stat()
    ball.write_text("ROUND")
    os.utime(ball, ns=(status.st_atime_ns, status.st_mtime_ns))

    assert Here.CHANGED is here(toys.place)


@pytest.mark.parametrize("touch", ["time", "mode", "copy", "link"])
def test_what_was_only_touched_is_here(toys: Landing, tmp_path: Path, touch: str) -> None:
    """Bytes are what counts: another date, mode, inode or name of the same file is no edit."""
    ball = toys.place.destination / "ball"
    match touch:
        case "time":
            os.utime(ball, ns=(1, 1))
        case "mode":
            ball.chmod(0o755)
        case "copy":
            shutil.copy2(ball, tmp_path / "copy")
            (tmp_path / "copy").rename(ball)
        case _:
            (tmp_path / "backup").hardlink_to(ball)

    assert Here.YES is here(toys.place)
    arrival = toys.place.arrival
    assert arrival is not None
    renewed = arrival.renewed(toys.place.destination)
    assert renewed is not None
    assert (renewed.content, True) == (arrival.content, renewed.files[1] is not None)
    assert renewed.seems_untouched(toys.place.destination) is (touch != "mode")


def test_another_url_makes_it_stale(toys: Landing, tmp_path: Path) -> None:
    """What the registry names now is something else; the digest counts as well."""
    elsewhere = Place(entry("toys", tmp_path / "other", "toys/"), toys.place.root)

    assert Here.STALE is here(elsewhere)


def test_a_note_that_cannot_be_read_is_none(toys: Landing) -> None:
    """It is advice: whoever lost it looks at the files."""
    (toys.place.state / NOTE).write_bytes(b"\xc1 no msgpack")

    assert toys.place.arrival is None
    assert Here.NO is here(toys.place)


def test_a_password_is_not_in_the_note(tmp_path: Path) -> None:
    """It stays beside the data for as long as that does."""
    place = Place(RemoteEntry("a", "a", "https://ann:secret@example.org/a?token=hidden"), tmp_path)
    write(place.destination, "x")

    Landing(place).note()

    note = (place.state / NOTE).read_bytes()
    assert b"example.org" in note
    assert b"secret" not in note
    assert b"hidden" not in note
    assert "secret" not in repr(place)


def test_the_note_survives_names_that_are_no_text(tmp_path: Path) -> None:
    """A file system has names that no encoding has."""
    place = Place(entry("toys", tmp_path, "toys/"), tmp_path)
    place.destination.mkdir()
    name = os.fsdecode(b"\xff.bin")
    (place.destination / name).write_text("x")

    arrival = Landing(place).note(name)

    assert Arrival.load(place.state) == arrival
    assert Here.YES is here(place)
