"""What somebody has put where a download belongs: it makes way, and nothing of it is lost."""

from __future__ import annotations

import errno
import itertools
import logging
import os
import signal
import stat
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from cas.errors import CasError
from cas.remotes.aside import Aside
from cas.remotes.location import Location
from cas.remotes.settings import Settings
from cas.remotes.sources import open_source
from cas.remotes.sync import sync
from cas.testing import faults
from tests import processes
from tests.remotes import children
from tests.remotes.fetching import MIB, contents, fetch, fetch_all

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.servers.web import WebServer


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[int]:
    """An open directory, that of `tmp_path`."""
    fd = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    yield fd
    os.close(fd)


def kept(home: Path) -> dict[str, bytes]:
    """What was kept, by the names that it has now."""
    return contents(home / "state" / "kept")


def theirs(_: os.stat_result) -> bool:
    """Say that whatever is there is somebody's own."""
    return False


@pytest.mark.parametrize("was_fetched", [True, False])
def test_other_bytes_are_kept_and_told(tmp_path: Path, web: WebServer, was_fetched: bool) -> None:
    """Whether a fetched file was edited, or one lies there that was never fetched."""
    url = web.put("/x", b"theirs")
    if was_fetched:
        fetch(url, tmp_path)
    (tmp_path / "file").write_bytes(b"of mine")

    displaced = fetch(url, tmp_path).displaced

    assert displaced is not None
    assert (b"theirs", b"of mine") == ((tmp_path / "file").read_bytes(), displaced.kept.read_bytes())
    assert (was_fetched, {"file.~1~": b"of mine"}) == (displaced.was_edited, kept(tmp_path))


@pytest.mark.parametrize("data", [b"old", b"new"])
def test_a_file_that_was_only_touched_is_no_edit(tmp_path: Path, web: WebServer, data: bytes) -> None:
    """It has the bytes that came once, or those that come now."""
    fetch(web.put("/x", b"old"), tmp_path)
    (tmp_path / "file").write_bytes(data)
    os.utime(tmp_path / "file", (1, 1))

    fetched = fetch(web.put("/x", b"new", etag='"two"'), tmp_path)

    assert (b"new", None, {}) == ((tmp_path / "file").read_bytes(), fetched.displaced, kept(tmp_path))


def test_a_link_is_kept_as_a_link(tmp_path: Path, web: WebServer) -> None:
    """Where it leads to is all that it is."""
    (tmp_path / "file").symlink_to("somewhere")

    displaced = fetch(web.put("/x", b"theirs"), tmp_path).displaced

    assert displaced is not None
    assert ("somewhere", b"theirs") == (os.readlink(displaced.kept), (tmp_path / "file").read_bytes())


def test_a_pipe_is_kept_and_not_read(tmp_path: Path, web: WebServer) -> None:
    """Who reads from it waits for ever."""
    os.mkfifo(tmp_path / "file")

    displaced = fetch(web.put("/x", b"theirs"), tmp_path).displaced

    assert displaced is not None
    assert stat.S_ISFIFO(displaced.kept.lstat().st_mode)


def test_numbers_go_up_and_nothing_is_overwritten(tmp_path: Path, web: WebServer) -> None:
    """As `cp --backup=numbered` counts: after the highest, whatever is missing below."""
    url = web.put("/x", b"theirs")
    for text in (b"one", b"two", b"three"):
        (tmp_path / "file").write_bytes(text)
        fetch(url, tmp_path)
    (tmp_path / "state/kept/file.~1~").unlink()
    (tmp_path / "state/kept/file.~7~").mkdir()
    (tmp_path / "file").write_bytes(b"four")

    fetch(url, tmp_path)

    assert {"file.~2~": b"two", "file.~3~": b"three", "file.~8~": b"four"} == kept(tmp_path)


def test_a_long_name_is_cut(tmp_path: Path, folder: int) -> None:
    """The number has to have room; two names that are cut alike are both kept."""
    for end in "ab":
        name = "ü" * 127 + end
        (tmp_path / name).write_text(end)
        Aside(tmp_path / "kept").clear(folder, name, name, is_ours=theirs)

    assert [b"a", b"b"] == sorted(contents(tmp_path / "kept").values())


@pytest.mark.parametrize("child", [children.fetch_and_die_at, children.fetch_without_links])
def test_whenever_it_is_killed_nothing_is_lost(tmp_path: Path, web: WebServer, child: object) -> None:
    """At no step is there a moment without the bytes of the user, and the next attempt keeps them once."""
    assert callable(child)
    url = web.put("/x", b"theirs")
    outcomes = []
    for step in itertools.count(1):
        home = tmp_path / str(step)
        home.mkdir()
        (home / "file").write_bytes(b"of mine")
        done = processes.run(child, url, home, step)
        there = [*contents(home).values()]
        fetch(url, home)

        assert b"of mine" in there
        assert b"theirs" == (home / "file").read_bytes()
        assert [b"of mine"] == [data for data in kept(home).values() if data]
        outcomes.append(done.returncode)
        if done.returncode == 0:
            break

    assert ({-signal.SIGKILL}, 5) == ({*outcomes[:-1]}, min(len(outcomes), 5))


def test_where_there_are_no_second_names_it_is_renamed(tmp_path: Path, web: WebServer) -> None:
    """Memory sticks and some network shares are like that."""
    (tmp_path / "file").write_bytes(b"of mine")

    done = processes.run(children.fetch_without_links, web.put("/x", b"theirs"), tmp_path, "")

    assert (0, "file.~1~\n") == (done.returncode, done.stdout), done.stderr
    assert (b"theirs", {"file.~1~": b"of mine"}) == ((tmp_path / "file").read_bytes(), kept(tmp_path))


def test_what_is_saved_meanwhile_is_kept_too(tmp_path: Path, folder: int) -> None:
    """Editors save by renaming: the file that was looked at is not the one that would be replaced."""
    (tmp_path / "file").write_bytes(b"first")
    saved = iter((b"second", b"third"))

    def is_ours(status: os.stat_result) -> bool:
        del status
        for data in itertools.islice(saved, 1):
            (tmp_path / "new").write_bytes(data)
            (tmp_path / "new").rename(tmp_path / "file")
        return False

    Aside(tmp_path / "kept").clear(folder, "file", "file", is_ours=is_ours)

    assert (tmp_path / "file").read_bytes() in contents(tmp_path / "kept").values()


def test_a_write_while_it_is_looked_at_is_an_edit(tmp_path: Path, folder: int) -> None:
    """That nobody had edited it was true a moment ago."""
    (tmp_path / "file").write_bytes(b"theirs")
    looks: list[int] = []

    def is_ours(status: os.stat_result) -> bool:
        looks.append(status.st_size)
        if len(looks) > 1:
            return False
        (tmp_path / "file").write_bytes(b"of mine")
        return True

    Aside(tmp_path / "kept").clear(folder, "file", "file", is_ours=is_ours)

    assert {"file.~1~": b"of mine"} == contents(tmp_path / "kept")


@pytest.mark.parametrize("has_links", [True, False])
def test_what_is_deleted_meanwhile_is_not_kept(tmp_path: Path, has_links: bool) -> None:
    """Nothing is in the way any more; no empty file is left in its name either."""
    (tmp_path / "file").write_bytes(b"of mine")

    done = processes.run(children.clear_what_vanishes, tmp_path, "" if has_links else "without links")

    assert (0, "None\n") == (done.returncode, done.stdout), done.stderr
    assert {} == contents(tmp_path)


def test_many_that_keep_the_same_name_keep_all(tmp_path: Path) -> None:
    """No two take the same number, though each has read the same numbers before."""
    (tmp_path / "kept").mkdir()

    def keep(at: int) -> None:
        home = tmp_path / str(at)
        home.mkdir()
        (home / "x").write_text(str(at))
        fd = os.open(home, os.O_RDONLY | os.O_DIRECTORY)
        Aside(tmp_path / "kept").clear(fd, "x", "x", is_ours=theirs)
        os.close(fd)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(keep, range(64)))

    assert {str(at).encode() for at in range(64)} == set(contents(tmp_path / "kept").values())


def test_files_in_a_directory_are_kept_by_their_paths(tmp_path: Path) -> None:
    """Those that were edited, and those that were never fetched; what was touched is neither."""
    far = tmp_path / "far"
    for name in ("a/edited", "a/touched", "untouched"):
        (far / name).parent.mkdir(parents=True, exist_ok=True)
        (far / name).write_bytes(b"one")
    fetch_all(f"file://{far}/", tmp_path)
    (tmp_path / "all/a/edited").write_bytes(b"mine")
    os.utime(tmp_path / "all/a/touched", (1, 1))
    (tmp_path / "all/new").write_bytes(b"mine too")
    for name in ("new", "untouched"):
        (far / name).write_bytes(b"two")

    synced = fetch_all(f"file://{far}/", tmp_path)

    assert [("a/edited", True), ("new", False)] == [(one.path, one.was_edited) for one in synced.displaced]
    assert {"all/a/edited.~1~": b"mine", "all/new.~1~": b"mine too"} == kept(tmp_path)
    assert contents(far) == contents(tmp_path / "all")


def test_a_download_that_fails_says_what_it_has_moved(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """There is no result that could say so, and the next attempt has nothing to move."""
    (tmp_path / "far").mkdir()
    (tmp_path / "far/x").write_bytes(b"theirs")
    (tmp_path / "far/y").write_bytes(bytes(MIB))
    (tmp_path / "all/y").mkdir(parents=True)
    (tmp_path / "all/x").write_bytes(b"mine")

    source = open_source(Location.parse(f"file://{tmp_path / 'far'}/"), Settings())
    with caplog.at_level(logging.WARNING), pytest.raises(CasError):
        sync(source, tmp_path / "state", tmp_path / "all", connections=1)
    told = caplog.text
    (tmp_path / "all/y").rmdir()
    fetch_all(f"file://{tmp_path / 'far'}/", tmp_path)

    assert {"all/x.~1~": b"mine"} == kept(tmp_path)
    assert str(tmp_path / "state/kept/all/x.~1~") in told


def test_what_cannot_be_kept_is_not_replaced(tmp_path: Path, web: WebServer) -> None:
    """A disk that fails while it is kept."""
    (tmp_path / "file").write_bytes(b"of mine")
    url = web.put("/x", b"theirs")

    with faults.failing_at("download.linked", OSError(errno.EIO, "gone")), pytest.raises(CasError):
        fetch(url, tmp_path)

    assert b"of mine" == (tmp_path / "file").read_bytes()


def test_a_directory_that_is_called_as_something_kept(tmp_path: Path) -> None:
    """What was kept has taken the name of the folder; both files of the user are kept, and both come."""
    far = tmp_path / "far"
    (far / "x.~1~").mkdir(parents=True)
    for path in ("x", "x.~1~/y"):
        (far / path).write_bytes(b"theirs")
    (tmp_path / "all/x.~1~").mkdir(parents=True)
    (tmp_path / "all/x").write_bytes(b"mine")
    fetch_all(f"file://{far}/", tmp_path)
    (tmp_path / "all/x.~1~/y").write_bytes(b"mine too")
    (far / "x.~1~/y").write_bytes(b"theirs, and new")

    synced = fetch_all(f"file://{far}/", tmp_path)

    assert contents(far) == contents(tmp_path / "all")
    assert {"all/x.~1~": b"mine", "all/x.~1~.~1~/y.~1~": b"mine too"} == kept(tmp_path)
    assert [tmp_path / "state/kept/all/x.~1~.~1~/y.~1~"] == [one.kept for one in synced.displaced]


@pytest.mark.parametrize("is_link", [False, True])
def test_the_name_of_the_folder_is_taken(tmp_path: Path, web: WebServer, is_link: bool) -> None:
    """By a file, or by a link that leads nowhere: the folder gets another name, and nothing is lost."""
    url = web.put("/x", b"theirs")
    (tmp_path / "state").mkdir()
    top = tmp_path / "state/kept"
    if is_link:
        top.symlink_to("nowhere")
    else:
        top.write_bytes(b"a file")
    (tmp_path / "file").write_bytes(b"mine")

    displaced = fetch(url, tmp_path).displaced

    assert displaced is not None
    assert b"mine" == (tmp_path / "state/kept.~1~/file.~1~").read_bytes() == displaced.kept.read_bytes()


def test_of_many_files_that_made_way_an_interruption_says_one_line(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody reads hundreds of lines to find out where they are; another says what the next attempt finds."""
    for name in map(str, range(100)):
        for folder in ("far", "all"):
            (tmp_path / folder).mkdir(exist_ok=True)
            (tmp_path / folder / name).write_text(folder)
    (tmp_path / "far/y").write_bytes(bytes(16 * MIB))
    (tmp_path / "all/y").mkdir()

    with caplog.at_level(logging.WARNING), pytest.raises(CasError):
        fetch_all(f"file://{tmp_path / 'far'}/", tmp_path)

    left, line = caplog.messages
    assert left.endswith("of 101 files are here; another attempt goes on with the rest")
    assert line.endswith(f"100 other files were here; they are now below '{tmp_path / 'state/kept/all'}'")
