"""Fetching a directory: what differs comes, what is foreign stays, and nothing is written outside."""

from __future__ import annotations

import os
import random
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from blake3 import blake3
from hypothesis import given
from hypothesis import strategies as st

from cas.errors import CasError, ConflictError, InvalidError
from cas.remotes.location import Location
from cas.remotes.names import checked, parents
from cas.remotes.partial import PART
from cas.remotes.settings import Settings
from cas.remotes.source import RemoteFile
from cas.remotes.sources import open_source
from cas.remotes.sync import sync
from tests.remotes.fetching import contents, fetch_all, left_in_state

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.google import GoogleStorage
    from tests.servers.seaweed import Seaweed

FILES = {"a": b"one", "b/c": b"two", "b/d/e": b"", "large": random.Random(3).randbytes(PART + 10)}
BUCKET = Location.parse("s3://bucket/dir/")


@pytest.fixture
def far(tmp_path: Path) -> Path:
    """A directory that plays the far side."""
    folder = tmp_path / "far"
    write(folder, FILES)
    return folder


def write(folder: Path, files: dict[str, bytes]) -> None:
    """Make files below a directory."""
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def test_everything_comes_and_then_nothing(tmp_path: Path, far: Path) -> None:
    """Also of directories deep down and of files without a byte."""
    first = fetch_all(f"file://{far}/", tmp_path)
    second = fetch_all(f"file://{far}/", tmp_path)

    assert FILES == contents(tmp_path / "all")
    assert (tuple(sorted(FILES)), 4, 4, 0, sum(map(len, FILES.values()))) == (
        first.paths,
        first.files,
        first.fetched,
        first.unchanged,
        first.bytes,
    )
    assert (first.paths, 0, 4, 0) == (second.paths, second.fetched, second.unchanged, second.bytes)
    assert {".files"} == left_in_state(tmp_path)


def test_only_what_differs_comes(tmp_path: Path, far: Path) -> None:
    """What is new, what changed there, what was edited and what was deleted here."""
    fetch_all(f"file://{far}/", tmp_path)
    write(far, {"a": b"changed", "new/file": b"new"})
    (tmp_path / "all" / "b" / "c").write_bytes(b"edited")
    (tmp_path / "all" / "large").unlink()

    synced = fetch_all(f"file://{far}/", tmp_path)

    assert contents(far) == contents(tmp_path / "all")
    assert (4, 1, ["b/c"]) == (synced.fetched, synced.unchanged, [one.path for one in synced.displaced])


def test_foreign_files_and_those_that_are_gone_stay(tmp_path: Path, far: Path) -> None:
    """There is no deletion; what is gone is named, until it is gone here too."""
    write(tmp_path / "all", {"foreign": b"mine", "b/foreign": b"mine"})
    fetch_all(f"file://{far}/", tmp_path)
    (far / "a").unlink()

    gone = [fetch_all(f"file://{far}/", tmp_path).gone for _ in range(2)]
    (tmp_path / "all" / "a").unlink()

    assert [("a",), ("a",), ()] == [*gone, fetch_all(f"file://{far}/", tmp_path).gone]
    assert {"foreign", "b/foreign"} <= contents(tmp_path / "all").keys()


def test_a_backslash_is_a_character(tmp_path: Path) -> None:
    """It separates nothing here."""
    write(tmp_path / "far", {"a\\..\\b": b"x"})

    fetch_all(f"file://{tmp_path / 'far'}/", tmp_path)

    assert {"a\\..\\b": b"x"} == contents(tmp_path / "all")


def test_another_source_is_compared_anew(tmp_path: Path, far: Path) -> None:
    """What a token of one source means to another, nobody knows."""
    fetch_all(f"file://{far}/", tmp_path)
    write(tmp_path / "other", {"a": b"three"})

    synced = fetch_all(f"file://{tmp_path / 'other'}/", tmp_path)

    assert (("a",), 1, b"three") == (synced.paths, synced.fetched, (tmp_path / "all" / "a").read_bytes())


def test_a_bucket_is_synced(tmp_path: Path, seaweed: Seaweed, google: GoogleStorage) -> None:
    """Only what lies below the prefix, and only once."""
    for scheme, server in (("s3", seaweed), ("gs", google)):
        server.fill("syncing", {f"dir/{name}": data for name, data in FILES.items()} | {"dirx/no": b"no"})
        home = tmp_path / scheme

        first, second = (fetch_all(f"{scheme}://syncing/dir/", home, server.settings) for _ in range(2))

        assert FILES == contents(home / "all")
        assert (4, 0, 0, 4) == (first.fetched, first.unchanged, second.fetched, second.unchanged)


def test_what_is_here_already_is_recognised_by_its_hash(tmp_path: Path, seaweed: Seaweed) -> None:
    """Somebody copied the directory here, or what is known of it was lost: S3 tells the MD5."""
    files = {"a": b"one", "b": b"two"}
    seaweed.fill("copied", files)
    write(tmp_path / "all", {**files, "b": b"owt"})

    synced = fetch_all("s3://copied/", tmp_path, seaweed.settings)

    assert (1, 1, files) == (synced.fetched, synced.unchanged, contents(tmp_path / "all"))
    assert files.keys() == synced.hashed.keys()
    assert blake3(b"one").hexdigest() == synced.hashed["a"].blake3


def test_nobody_needs_to_read_again_what_came(tmp_path: Path, far: Path) -> None:
    """Files are hashed on their way, small and large; a stamp tells whether one is still that."""
    synced = fetch_all(f"file://{far}/", tmp_path)
    with (tmp_path / "all" / "a").open("ab") as stream:
        stream.write(b" more")
    again = fetch_all(f"file://{far}/", tmp_path)

    assert {name: blake3(data).hexdigest() for name, data in FILES.items()} == {
        name: hashed.blake3 for name, hashed in synced.hashed.items()
    }
    assert {name for name in FILES if name != "a"} == {
        name for name, hashed in synced.hashed.items() if hashed.stamp.fits((tmp_path / "all" / name).lstat())
    }
    assert again.hashed.keys() == synced.hashed.keys()
    assert [name for name in FILES if again.hashed[name] != synced.hashed[name]] == ["a"]


def test_what_an_interrupted_sync_has_brought_is_not_fetched_again(
    tmp_path: Path, far: Path, seaweed: Seaweed, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither small files nor the parts of large ones; and whoever interrupts it is told."""
    del far
    many = {str(number): b"%d" % number for number in range(200)}
    seaweed.fill("stopping", many)

    class Impatient:
        seen = 0

        def start(self, task: str, total: int | None, unit: str) -> None:
            """Nothing is to be done."""

        def advance(self, count: int) -> None:
            self.seen += count
            if self.seen > 150:
                raise KeyboardInterrupt

    source = open_source(Location.parse("s3://stopping/"), seaweed.settings)
    with closing(source), pytest.raises(KeyboardInterrupt):
        sync(source, tmp_path / "state", tmp_path / "all", progress=Impatient())
    before = len(contents(tmp_path / "all"))
    assert "of 200 files are here; another attempt goes on with the rest" in caplog.text
    synced = fetch_all("s3://stopping/", tmp_path, seaweed.settings)

    assert 0 < before < 200
    assert (many, 200) == (contents(tmp_path / "all"), synced.fetched + synced.unchanged)
    assert synced.unchanged >= before


@pytest.mark.parametrize("obstacle", ["link", "file", "directory"])
def test_nothing_is_written_through_what_is_in_the_way(tmp_path: Path, far: Path, obstacle: str) -> None:
    """A link that leads out of the directory, a file where a directory is to be, and the reverse."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (tmp_path / "all").mkdir()
    if obstacle == "link":
        (tmp_path / "all" / "b").symlink_to(outside)
    elif obstacle == "file":
        (tmp_path / "all" / "b").write_bytes(b"mine")
    else:
        (tmp_path / "all" / "a").mkdir()

    with pytest.raises(ConflictError) as caught:
        fetch_all(f"file://{far}/", tmp_path)

    assert ("download-in-the-way", []) == (caught.value.code, list(outside.iterdir()))


def test_a_link_in_the_place_of_a_file_is_replaced(tmp_path: Path, far: Path) -> None:
    """And what it leads to is left alone."""
    outside = tmp_path / "outside"
    outside.write_bytes(b"mine")
    (tmp_path / "all").mkdir()
    (tmp_path / "all" / "a").symlink_to(outside)

    fetch_all(f"file://{far}/", tmp_path)

    assert (b"mine", b"one") == (outside.read_bytes(), (tmp_path / "all" / "a").read_bytes())


def test_a_share_says_what_it_is(tmp_path: Path, far: Path) -> None:
    """Files and directories of this machine are told apart as objects are."""
    found = {}
    for name in ("a/", "nothing/"):
        with pytest.raises(CasError) as caught:
            fetch_all(f"file://{far}/{name}", tmp_path)
        found[name] = caught.value.code
    for name in ("b", "nothing"):
        with pytest.raises(CasError) as caught:
            open_source(Location.parse(f"file://{far}/{name}"), Settings()).head()
        found[name] = caught.value.code

    assert {
        "a/": "remote-is-file",
        "nothing/": "remote-not-found",
        "b": "remote-is-directory",
        "nothing": "remote-not-found",
    } == found


def test_a_pipe_on_a_share_is_left_out(tmp_path: Path, far: Path) -> None:
    """It would be waited for without end."""
    os.mkfifo(far / "pipe")
    (far / "link").symlink_to("a")

    synced = fetch_all(f"file://{far}/", tmp_path)

    assert {*FILES, "link"} == set(synced.paths)
    assert b"one" == (tmp_path / "all" / "link").read_bytes()


COMPONENTS = st.sampled_from(["a", "b", "..", ".", "", ".cas", ".wh.a", "c\0", "\\", "ü", "x" * 256, "-"])


@given(st.lists(st.lists(COMPONENTS, min_size=1, max_size=4).map("/".join), min_size=1, max_size=4))
def test_names_are_refused_or_harmless(names: list[str]) -> None:
    """What passes is a relative path that leads nowhere else, and no file lies below a file."""
    try:
        files = checked([RemoteFile(name, 1) for name in names], BUCKET)
    except InvalidError as error:
        assert "bad-remote-name" == error.code
        return

    paths = {file.path for file in files}
    assert set(names) == paths
    assert not any(parent in paths for path in paths for parent in parents(path))
    assert all(os.path.normpath(path) == path and not path.startswith(("/", "..")) for path in paths)


def test_what_stands_for_a_directory_is_no_file() -> None:
    """Programs that draw directories make empty objects; with content, it is a file where one must not be."""
    marker, file, below = RemoteFile("a", 0), RemoteFile("a", 5), RemoteFile("a/b", 1)

    assert [below] == checked([marker, below], BUCKET)
    with pytest.raises(InvalidError):
        checked([file, below], BUCKET)
