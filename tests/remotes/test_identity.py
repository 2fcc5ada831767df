"""What a record says of the far side: the name of a state is that of the bytes that were seen with it."""

from __future__ import annotations

import hashlib
import os
import random
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from cas.remotes.digests import Digest
from cas.remotes.fetch import fetch_file
from cas.remotes.location import Location
from cas.remotes.partial import PART
from cas.remotes.settings import Settings
from cas.remotes.sources import open_source
from tests.remotes.fetching import fetch, left_in_state

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.seaweed import Seaweed
    from tests.servers.web import WebServer


def sha256(data: bytes) -> Digest:
    """The digest that a publisher would declare."""
    return Digest("sha256", hashlib.sha256(data).hexdigest())


def test_a_declared_digest_does_not_hide_a_change(tmp_path: Path, web: WebServer) -> None:
    """The old file is what was declared, so it stays; but it never was what the far side calls `two`."""
    url = web.put("/x", b"AAAA")
    fetch(url, tmp_path, digest=sha256(b"AAAA"))
    web.put("/x", b"BBBB", etag='"two"')

    declared = fetch(url, tmp_path, digest=sha256(b"AAAA"))
    free = fetch(url, tmp_path)

    assert (True, "one") == (declared.is_unchanged, declared.etag)
    assert (False, "two", b"BBBB") == (free.is_unchanged, free.etag, (tmp_path / "file").read_bytes())


def test_a_file_that_was_carried_in_gets_no_name_of_the_far_side(tmp_path: Path, web: WebServer) -> None:
    """Nobody has seen what the far side has; without the digest its file is fetched."""
    url = web.put("/x", b"BBBB")
    (tmp_path / "file").write_bytes(b"AAAA")

    carried = [fetch(url, tmp_path, digest=sha256(b"AAAA")) for _ in range(2)]
    free = fetch(url, tmp_path)

    assert [(True, None)] * 2 == [(one.is_unchanged, one.etag) for one in carried]
    assert (False, "one", b"BBBB") == (free.is_unchanged, free.etag, (tmp_path / "file").read_bytes())


def test_a_name_that_was_seen_with_the_same_bytes_stays(tmp_path: Path, web: WebServer) -> None:
    """A digest that is declared later, for a file that was touched, is no reason to forget it."""
    url = web.put("/x", b"AAAA")
    fetch(url, tmp_path)
    os.utime(tmp_path / "file", (1, 1))

    declared = fetch(url, tmp_path, digest=sha256(b"AAAA"))

    assert (True, "one") == (declared.is_unchanged, declared.etag)
    assert 1 == len([asked for asked in web.asked if asked.range is None])


def test_a_hash_that_the_far_side_tells_counts_beside_the_declared_one(
    tmp_path: Path, seaweed: Seaweed
) -> None:
    """S3 says the MD5: what is here is what is there, and has its name; and what is not, has not."""
    seaweed.fill("telling", {"x": b"AAAA"})
    for home in ("same", "other"):
        (tmp_path / home).mkdir()
    (tmp_path / "same" / "file").write_bytes(b"AAAA")
    (tmp_path / "other" / "file").write_bytes(b"BBBB")

    same = fetch("s3://telling/x", tmp_path / "same", seaweed.settings, digest=sha256(b"AAAA"))
    other = fetch("s3://telling/x", tmp_path / "other", seaweed.settings, digest=sha256(b"BBBB"))

    md5 = hashlib.md5(b"AAAA", usedforsecurity=False).hexdigest()
    assert [(True, md5), (True, None)] == [(one.is_unchanged, one.etag) for one in (same, other)]


def test_a_touched_file_is_not_fetched_again(tmp_path: Path, web: WebServer) -> None:
    """Its time is another, but its bytes are those that came."""
    url = web.put("/x", b"data")
    fetch(url, tmp_path)
    os.utime(tmp_path / "file", (1, 1))

    assert fetch(url, tmp_path).is_unchanged


def test_an_etag_is_enough_without_a_length(tmp_path: Path, web: WebServer) -> None:
    """A server that sends chunks says which state it is all the same."""
    url = web.put("/x", b"data", has_length=False, has_ranges=False)
    fetch(url, tmp_path)

    assert fetch(url, tmp_path).is_unchanged


def test_a_date_is_not_enough_without_a_length(tmp_path: Path, web: WebServer) -> None:
    """A file may change twice in one second."""
    how = {"etag": None, "modified": "Sun, 06 Nov 1994 08:49:37 GMT", "has_length": False}
    url = web.put("/x", b"data", has_ranges=False, **how)
    fetch(url, tmp_path)

    assert not fetch(url, tmp_path).is_unchanged


def test_another_key_is_another_file(tmp_path: Path, web: WebServer) -> None:
    """A server may choose by the key, and call both by one ETag; and no key is in the record."""
    first = fetch(web.put("/x?key=a-s3cret", b"ann's"), tmp_path)
    second = fetch(web.put("/x?key=b-s3cret", b"bob's"), tmp_path)

    assert [False, False] == [first.is_unchanged, second.is_unchanged]
    assert b"bob's" == (tmp_path / "file").read_bytes()
    assert {".record"} == left_in_state(tmp_path)
    assert [] == [path for path in (tmp_path / "state").iterdir() if b"s3cret" in path.read_bytes()]


def test_another_login_is_the_same_file(tmp_path: Path, web: WebServer) -> None:
    """Who changes a password does not fetch everything again."""
    web.put("/x", b"data", login="ann:old")
    fetch(f"http://ann:old@{web.host}/x", tmp_path)
    web.put("/x", b"data", login="ann:new")

    assert fetch(f"http://ann:new@{web.host}/x", tmp_path).is_unchanged


def test_parts_of_another_key_are_not_gone_on_with(tmp_path: Path, web: WebServer) -> None:
    """Half of one file and half of another would be neither."""
    ours, theirs = (random.Random(seed).randbytes(2 * PART + 5) for seed in (1, 2))

    class Impatient:
        seen = 0

        def start(self, task: str, total: int | None, unit: str) -> None:
            """Nothing is to be done."""

        def advance(self, count: int) -> None:
            self.seen += count
            if self.seen > PART + 5:
                raise KeyboardInterrupt

    location = Location.parse(web.put("/x?key=a", theirs))
    with closing(open_source(location, Settings())) as source, pytest.raises(KeyboardInterrupt):
        fetch_file(source, tmp_path / "state", tmp_path / "file", connections=1, progress=Impatient())

    fetched = fetch(web.put("/x?key=b", ours), tmp_path)

    assert (ours, 0) == ((tmp_path / "file").read_bytes(), fetched.resumed)
