"""Fetching one file: all of it, once, and only what was promised."""

from __future__ import annotations

import errno
import hashlib
import os
import random
import threading
from typing import TYPE_CHECKING

import pytest
from blake3 import blake3

from cas.errors import ConflictError, CorruptError, StorageError
from cas.remotes.digests import Digest
from cas.remotes.errors import RemoteError
from cas.remotes.fetch import fetch_file
from cas.remotes.location import Location
from cas.remotes.partial import PART
from cas.remotes.settings import Settings
from cas.remotes.sources import open_source
from cas.testing import faults
from tests.remotes.fetching import MIB, contents, fetch, left_in_state

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.web import Asked, WebServer

LARGE = random.Random(1).randbytes(2 * PART + 3 * MIB + 7)


def sha256(data: bytes) -> Digest:
    """The digest that a publisher would declare."""
    return Digest("sha256", hashlib.sha256(data).hexdigest())


@pytest.mark.parametrize("etag", ['"one"', 'W/"one"', None])
@pytest.mark.parametrize("has_ranges", [True, False])
@pytest.mark.parametrize("has_length", [True, False])
@pytest.mark.parametrize("data", [b"", b"x", LARGE], ids=["empty", "small", "large"])
def test_whatever_a_server_can_do_all_bytes_come(  # noqa: PLR0913, PLR0917 - a table
    tmp_path: Path,
    web: WebServer,
    data: bytes,
    has_length: bool,
    has_ranges: bool,
    etag: str | None,
) -> None:
    """With ranges or without, with a length, a validator, or nothing at all."""
    url = web.put("/x", data, etag=etag, has_ranges=has_ranges, has_length=has_length)

    fetched = fetch(url, tmp_path, digest=sha256(data))

    assert data == (tmp_path / "file").read_bytes()
    assert (len(data), blake3(data).hexdigest(), False) == (
        fetched.size,
        fetched.blake3,
        fetched.is_unchanged,
    )
    assert {".record"} == left_in_state(tmp_path)


def test_a_large_file_comes_in_parts_of_one_state(tmp_path: Path, web: WebServer) -> None:
    """Several at once, and each says which state of the file it is to be of."""
    fetch(web.put("/x", LARGE), tmp_path)

    parts = [asked for asked in web.asked if asked.range != "bytes=0-0"]
    assert {f"bytes={start}-{min(start + PART, len(LARGE)) - 1}" for start in range(0, len(LARGE), PART)} == {
        asked.range for asked in parts
    }
    assert {'"one"'} == {asked.headers["if-range"] for asked in parts}


def test_the_same_file_is_not_fetched_again(tmp_path: Path, web: WebServer) -> None:
    """One small request tells."""
    url = web.put("/x", LARGE)
    first = fetch(url, tmp_path)
    web.asked.clear()

    second = fetch(url, tmp_path)

    assert ([True], first.blake3, first.etag) == ([second.is_unchanged], second.blake3, "one")
    assert ["bytes=0-0"] == [asked.range for asked in web.asked]


@pytest.mark.parametrize("etag", ['"two"', None])
def test_another_state_is_fetched(tmp_path: Path, web: WebServer, etag: str | None) -> None:
    """And so is a file of which nobody can tell whether it is another."""
    fetch(web.put("/x", b"old", etag=etag and '"one"'), tmp_path)

    fetched = fetch(web.put("/x", b"new", etag=etag), tmp_path)

    assert (b"new", False, None) == (
        (tmp_path / "file").read_bytes(),
        fetched.is_unchanged,
        fetched.displaced,
    )


def test_a_date_tells_states_apart_too(tmp_path: Path, web: WebServer) -> None:
    """Many servers have no ETag."""
    url = web.put("/x", b"old", etag=None, modified="Sun, 06 Nov 1994 08:49:37 GMT")
    fetch(url, tmp_path)
    assert fetch(url, tmp_path).is_unchanged

    web.put("/x", b"new", etag=None, modified="Sun, 06 Nov 1994 08:49:38 GMT")

    assert not fetch(url, tmp_path).is_unchanged


def test_a_missing_file_is_fetched_again(tmp_path: Path, web: WebServer) -> None:
    """What was fetched once and deleted is no edit."""
    url = web.put("/x", b"theirs")
    fetch(url, tmp_path)
    (tmp_path / "file").unlink()

    fetched = fetch(url, tmp_path)

    assert (b"theirs", None) == ((tmp_path / "file").read_bytes(), fetched.displaced)


def test_a_file_with_the_declared_digest_is_adopted(tmp_path: Path, web: WebServer) -> None:
    """Somebody copied it here by hand."""
    url = web.put("/x", LARGE)
    (tmp_path / "file").write_bytes(LARGE)

    fetched = fetch(url, tmp_path, digest=sha256(LARGE))

    assert (True, blake3(LARGE).hexdigest()) == (fetched.is_unchanged, fetched.blake3)
    assert ["bytes=0-0"] == [asked.range for asked in web.asked]


@pytest.mark.parametrize("data", [b"other", LARGE], ids=["small", "large"])
def test_other_bytes_than_declared_change_nothing(tmp_path: Path, web: WebServer, data: bytes) -> None:
    """Both digests are shown, the old content stays, and nothing of the new is left."""
    (tmp_path / "file").write_bytes(b"old")
    wanted = sha256(b"wanted")

    with pytest.raises(CorruptError) as caught:
        fetch(web.put("/x", data), tmp_path, digest=wanted)

    assert "digest-mismatch" == caught.value.code
    assert [str(wanted) in str(caught.value), str(sha256(data)) in str(caught.value)] == [True, True]
    assert (b"old", set()) == ((tmp_path / "file").read_bytes(), left_in_state(tmp_path))


@pytest.mark.parametrize("has_length", [True, False])
def test_another_size_than_declared_changes_nothing(
    tmp_path: Path,
    web: WebServer,
    has_length: bool,
) -> None:
    """Known before the first byte, or after the last."""
    (tmp_path / "file").write_bytes(b"old")

    with pytest.raises(CorruptError) as caught:
        fetch(web.put("/x", b"12345", has_length=has_length, has_ranges=False), tmp_path, size=4)

    found = "it has 5" if has_length else "more came"
    assert ("remote-size-mismatch", f"4 bytes were declared, and {found}") == (
        caught.value.code,
        caught.value.why,
    )
    assert (b"old", set()) == ((tmp_path / "file").read_bytes(), left_in_state(tmp_path))


def test_a_changed_digest_is_checked_against_what_is_here(tmp_path: Path, web: WebServer) -> None:
    """That the far side says nothing has changed is no proof of a digest."""
    url = web.put("/x", b"data")
    fetch(url, tmp_path)

    assert fetch(url, tmp_path, digest=sha256(b"data")).is_unchanged
    with pytest.raises(CorruptError):
        fetch(url, tmp_path, digest=sha256(b"other"))


def test_a_directory_in_the_way_is_refused(tmp_path: Path, web: WebServer) -> None:
    """Before anything is fetched."""
    (tmp_path / "file").mkdir()

    with pytest.raises(ConflictError) as caught:
        fetch(web.put("/x", LARGE), tmp_path)

    assert ("download-in-the-way", 1) == (caught.value.code, len(web.asked))


def test_a_link_is_replaced_and_not_written_through(tmp_path: Path, web: WebServer) -> None:
    """What it leads to belongs to somebody else."""
    other = tmp_path / "other"
    other.write_bytes(b"mine")
    (tmp_path / "file").symlink_to(other)

    fetch(web.put("/x", b"theirs"), tmp_path)

    assert (b"mine", b"theirs", False) == (
        other.read_bytes(),
        (tmp_path / "file").read_bytes(),
        (tmp_path / "file").is_symlink(),
    )


@pytest.mark.parametrize("size", [len(LARGE), 100], ids=["large", "small"])
def test_a_change_between_parts_is_noticed(tmp_path: Path, web: WebServer, size: int) -> None:
    """Half of two states is never put together; the next attempt gets the new one."""
    new = LARGE[::-1][:size]
    url = web.put("/x", LARGE[:size])

    def replace(asked: Asked) -> None:
        if asked.range != "bytes=0-0":
            web.put("/x", new, etag='"two"')

    web.before = replace

    with pytest.raises(RemoteError) as caught:
        fetch(url, tmp_path)

    assert ("remote-changed", False) == (caught.value.code, (tmp_path / "file").exists())
    fetch(url, tmp_path)
    assert new == (tmp_path / "file").read_bytes()


def test_progress_counts_every_byte_once(tmp_path: Path, web: WebServer) -> None:
    """Also those of a part that broke and was begun again, and whichever thread brings them."""
    seen: list[int] = []
    lock = threading.Lock()

    class Watcher:
        def start(self, task: str, total: int | None, unit: str) -> None:
            assert ("downloading", len(LARGE), "bytes") == (task, total, unit)

        def advance(self, count: int) -> None:
            assert lock.acquire(blocking=False), "two threads at a time"
            seen.append(count)
            lock.release()

    source = open_source(Location.parse(web.put("/x", LARGE)), Settings())
    fetch_file(source, tmp_path / "state", tmp_path / "file", progress=Watcher())

    assert len(LARGE) == sum(seen)


@pytest.mark.parametrize("step", ["download.written", "download.renamed"])
def test_a_failure_at_the_last_moment_leaves_a_whole_file(tmp_path: Path, web: WebServer, step: str) -> None:
    """The old one or the new one, and the next attempt succeeds."""
    (tmp_path / "file").write_bytes(b"old")
    url = web.put("/x", b"new")

    with faults.failing_at(step, OSError(errno.EIO, "gone")), pytest.raises(StorageError):
        fetch(url, tmp_path)

    assert (b"old" if step == "download.written" else b"new") == (tmp_path / "file").read_bytes()
    fetch(url, tmp_path)
    assert b"new" == (tmp_path / "file").read_bytes()
    assert {"kept/file.~1~": b"old"}.items() <= contents(tmp_path / "state").items()
    assert {"kept", "record"} == {path.name.rpartition(".")[2] for path in (tmp_path / "state").iterdir()}


def test_a_moved_directory_keeps_what_is_known(tmp_path: Path, web: WebServer) -> None:
    """State and destination are known by where they are to each other."""
    url = web.put("/x", b"data")
    (tmp_path / "before").mkdir()
    fetch(url, tmp_path / "before")
    os.rename(tmp_path / "before", tmp_path / "after")

    assert fetch(url, tmp_path / "after").is_unchanged


def test_a_damaged_record_costs_a_download(tmp_path: Path, web: WebServer) -> None:
    """And nothing else."""
    url = web.put("/x", b"data")
    fetch(url, tmp_path)
    (record,) = (tmp_path / "state").iterdir()
    record.write_bytes(b'{"url": 1}')

    assert not fetch(url, tmp_path).is_unchanged
    assert fetch(url, tmp_path).is_unchanged
