"""Which state of the far side a version is of, and that nothing secret says so."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from cas import registry
from cas.registry import Here, Outcome, RemoteEntry
from cas.remotes.digests import Digest
from cas.remotes.settings import Settings
from cas.repo import Repository
from tests.registry.desk import contents, entry, write

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cas.registry import Result
    from tests.servers.web import WebServer


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current directory."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def repository(here: Path) -> Iterator[Repository]:
    """A repository around the current directory."""
    with Repository.init(here) as opened:
        yield opened


def fetched(repository: Repository, wanted: RemoteEntry, *, is_offline: bool = False) -> Result:
    """Download one entry."""
    (result,) = registry.download(
        [wanted],
        view=repository.view(),
        repository=repository,
        settings=Settings(),
        is_offline=is_offline,
    )
    return result


def test_a_version_never_pairs_old_bytes_with_a_new_etag(repository: Repository, web: WebServer) -> None:
    """A digest in the registry kept the old file here; what the far side calls `two` has other bytes."""
    digest = Digest("sha256", hashlib.sha256(b"AAAA").hexdigest())
    wanted = RemoteEntry("net", "net.bin", web.put("/net.bin", b"AAAA"), digest=digest)
    fetched(repository, wanted)
    web.put("/net.bin", b"BBBB", etag='"two"')

    declared = fetched(repository, wanted)
    free = fetched(repository, replace(wanted, digest=None))

    assert [Outcome.UNCHANGED, Outcome.DOWNLOADED] == [declared.outcome, free.outcome]
    assert b"BBBB" == repository.read("net.bin")
    kept = {
        version.properties["etag"]: repository.read(f"net.bin@{version.version}")
        for version in repository.versions("net.bin")
    }
    assert {"one": b"AAAA", "two": b"BBBB"} == kept


def test_another_key_is_another_resource(repository: Repository, web: WebServer, here: Path) -> None:
    """Neither the listing nor a download takes the one for the other, nor does one without the network."""
    ann = RemoteEntry("net", "net.bin", web.put("/net?key=ann", b"ann's"))
    bob = RemoteEntry("net", "net.bin", web.put("/net?key=bob", b"bob's"))
    fetched(repository, ann)

    (before,) = registry.list([bob], view=repository.view())
    refused = fetched(repository, bob, is_offline=True)
    result = fetched(repository, bob)
    (after,) = registry.list([bob], view=repository.view())
    back = fetched(repository, ann, is_offline=True)

    assert [Here.STALE, Here.YES] == [before.here, after.here]
    assert refused.error is not None
    assert "not-downloaded" == refused.error.code
    assert [Outcome.DOWNLOADED, Outcome.RESTORED] == [result.outcome, back.outcome]
    assert {"net.bin": "ann's"} == contents(here / "runtime_resources")


@pytest.mark.parametrize(
    "url",
    ["http://s3cret@{}/net?a=1", "http://{}/net?a=1&private_token=s3cret", "http://{}/net?a=1;%73ig=s3cret"],
)
def test_a_secret_is_in_no_file(repository: Repository, web: WebServer, here: Path, url: str) -> None:
    """It is not in the state, nor in the repository, nor in what is told; what is no secret is."""
    address = url.format(web.host)
    web.put(address.partition(web.host)[2], b"weights")

    result = fetched(repository, RemoteEntry("net", "net.bin", address))

    assert result.version is not None
    assert web.url("/net?a=1") == result.url == result.version.properties["url"]
    assert "s3cret" not in str(result.version.as_dict())
    files = [path for path in here.rglob("*") if path.is_file()]
    assert [] == [path for path in files if b"s3cret" in path.read_bytes()]


def test_what_was_put_back_is_not_fetched_again(repository: Repository, web: WebServer, here: Path) -> None:
    """Nobody edited it; the far side has what it had, and is asked for nothing but its name."""
    wanted = RemoteEntry("net", "net.bin", web.put("/net.bin", b"weights"))
    first = fetched(repository, wanted)
    write(here / "runtime_resources" / "net.bin", "spoilt")
    for gone in (None, here / "runtime_resources"):
        if gone is not None:
            shutil.rmtree(gone)
        assert Outcome.RESTORED is fetched(repository, wanted, is_offline=True).outcome
        web.asked.clear()

        result = fetched(repository, wanted)

        assert (Outcome.UNCHANGED, (), False) == (result.outcome, result.notes, result.is_committed)
        assert first.version == result.version
        assert ["bytes=0-0"] == [asked.range for asked in web.asked]


def test_an_older_state_that_was_put_back_is_no_edit(repository: Repository, web: WebServer) -> None:
    """A digest asked for it; without the digest the new one comes, and nothing is said of edits."""
    old = RemoteEntry("net", "net.bin", web.put("/net.bin", b"AAAA"))
    fetched(repository, old)
    web.put("/net.bin", b"BBBB", etag='"two"')
    fetched(repository, old)
    digest = Digest("md5", hashlib.md5(b"AAAA", usedforsecurity=False).hexdigest())
    back = fetched(repository, replace(old, digest=digest), is_offline=True)

    result = fetched(repository, old)

    assert Outcome.RESTORED is back.outcome
    assert (Outcome.DOWNLOADED, ()) == (result.outcome, result.notes)
    assert b"BBBB" == repository.read("net.bin")


def test_what_was_put_back_under_a_key_is_asked_for_again(
    repository: Repository, web: WebServer, here: Path
) -> None:
    """A version does not say which key it came with, and a server may call the files of all by one name."""
    ann = RemoteEntry("net", "net.bin", web.put("/net?key=ann", b"ann's"))
    bob = RemoteEntry("net", "net.bin", web.put("/net?key=bob", b"bob's"))
    fetched(repository, ann)
    shutil.rmtree(here / "runtime_resources")
    fetched(repository, bob, is_offline=True)

    result = fetched(repository, bob)

    assert (Outcome.DOWNLOADED, ()) == (result.outcome, result.notes)
    assert {"net.bin": "bob's"} == contents(here / "runtime_resources")


def test_a_directory_that_was_put_back_is_not_fetched_again(
    repository: Repository, here: Path, tmp_path: Path
) -> None:
    """But what changed at the source meanwhile is, and nothing is said of edits."""
    write(tmp_path / "far" / "ball", "round")
    write(tmp_path / "far" / "box" / "cube", "square")
    toys = entry("toys", tmp_path / "far", "toys/")
    fetched(repository, toys)
    (here / "runtime_resources" / "toys" / "ball").unlink()
    write(here / "runtime_resources" / "toys" / "box" / "cube", "spoilt")
    back = fetched(repository, toys, is_offline=True)

    same = fetched(repository, toys)
    write(tmp_path / "far" / "ball", "oval!!")
    other = fetched(repository, toys)

    assert [Outcome.RESTORED, Outcome.UNCHANGED, Outcome.DOWNLOADED] == [
        one.outcome for one in (back, same, other)
    ]
    assert ((), ()) == (same.notes, other.notes)
    assert {"toys/ball": "oval!!", "toys/box/cube": "square"} == contents(here / "runtime_resources")


def test_an_older_directory_that_was_put_back_is_no_edit(
    repository: Repository, here: Path, tmp_path: Path
) -> None:
    """Its source is asked what it has, though all that was known of that is lost."""
    write(tmp_path / "far" / "ball", "round")
    toys = entry("toys", tmp_path / "far", "toys/")
    fetched(repository, toys)
    write(tmp_path / "far" / "ball", "oval!!")
    shutil.rmtree(here / "runtime_resources")
    fetched(repository, toys, is_offline=True)

    result = fetched(repository, toys)

    assert (Outcome.DOWNLOADED, ()) == (result.outcome, result.notes)
    assert {"toys/ball": "oval!!"} == contents(here / "runtime_resources")
