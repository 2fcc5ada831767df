"""Secrets of URLs: with what clouds sign nothing is another resource, and other keys are told apart."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from cas import registry
from cas.registry import Outcome, RemoteEntry
from cas.remotes.digests import Digest
from cas.remotes.settings import Settings
from cas.repo import Repository
from tests.registry.desk import contents

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cas.registry import Result
    from tests.servers.web import WebServer

UNKNOWN = "the repository does not say which key it was fetched with: 'key' may have been another"


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


def net(web: WebServer, key: str) -> RemoteEntry:
    """An entry whose URL has a key, and what comes with that key."""
    return RemoteEntry("net", "net.bin", web.put(f"/net?key={key}", f"{key}'s".encode()))


def test_a_url_that_is_signed_anew_fetches_nothing(repository: Repository, web: WebServer) -> None:
    """A registry with signed URLs is written anew each hour; its files are the same, and so are versions."""
    one, other = (
        RemoteEntry(
            "net",
            "net.bin",
            web.put(f"/net?X-Amz-Date={hour}&X-Amz-Expires=3600&X-Amz-Signature=s{hour}", b"weights"),
        )
        for hour in (1, 2)
    )
    first = fetched(repository, one)
    web.asked.clear()

    again = fetched(repository, other)
    back = fetched(repository, other, is_offline=True)

    assert [Outcome.UNCHANGED, Outcome.UNCHANGED] == [again.outcome, back.outcome]
    assert first.version == again.version
    assert ["bytes=0-0"] == [asked.range for asked in web.asked]
    assert first.version is not None
    assert web.url("/net") == first.version.properties["url"]


def test_what_another_key_may_have_brought_is_told(
    repository: Repository, web: WebServer, here: Path
) -> None:
    """Nothing here says with which key the newest version came, and it is better than none."""
    ann, bob = net(web, "ann"), net(web, "bob")
    fetched(repository, ann)
    shutil.rmtree(here / "runtime_resources")

    back = fetched(repository, bob, is_offline=True)
    still_there = fetched(repository, bob, is_offline=True)
    (here / "runtime_resources" / "net.bin").unlink()
    again = fetched(repository, bob, is_offline=True)
    for_ann = fetched(repository, ann, is_offline=True)

    assert [(Outcome.RESTORED, (UNKNOWN,))] * 3 == [
        (one.outcome, one.notes) for one in (back, again, for_ann)
    ]
    assert (Outcome.UNCHANGED, (UNKNOWN,)) == (still_there.outcome, still_there.notes)
    assert {"net.bin": "ann's"} == contents(here / "runtime_resources")


def test_what_came_with_the_key_goes_before_what_is_newer(
    repository: Repository, web: WebServer, here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody else with the same repository had another key, in a directory of their own."""
    ann, bob = net(web, "ann"), net(web, "bob")
    fetched(repository, ann)
    (tmp_path / "there").mkdir()
    monkeypatch.chdir(tmp_path / "there")
    fetched(repository, bob)
    monkeypatch.chdir(here)
    (here / "runtime_resources" / "net.bin").unlink()

    back = fetched(repository, ann, is_offline=True)

    assert b"bob's" == repository.read("net.bin")
    assert (Outcome.RESTORED, ()) == (back.outcome, back.notes)
    assert {"net.bin": "ann's"} == contents(here / "runtime_resources")


def test_a_declared_digest_says_which_it_is(repository: Repository, web: WebServer, here: Path) -> None:
    """Whatever key it came with, these bytes are meant."""
    ann, bob = net(web, "ann"), net(web, "bob")
    fetched(repository, ann)
    fetched(repository, bob)
    shutil.rmtree(here / "runtime_resources")
    wanted = replace(ann, digest=Digest("sha256", hashlib.sha256(b"ann's").hexdigest()))

    back = fetched(repository, wanted, is_offline=True)

    assert (Outcome.RESTORED, ()) == (back.outcome, back.notes)
    assert {"net.bin": "ann's"} == contents(here / "runtime_resources")


def test_what_was_put_back_without_a_proof_is_fetched(
    repository: Repository, web: WebServer, here: Path
) -> None:
    """It is no edit, either."""
    ann, bob = net(web, "ann"), net(web, "bob")
    fetched(repository, ann)
    shutil.rmtree(here / "runtime_resources")
    fetched(repository, bob, is_offline=True)

    online = fetched(repository, bob)
    (here / "runtime_resources" / "net.bin").unlink()
    back = fetched(repository, bob, is_offline=True)

    assert [(Outcome.DOWNLOADED, ()), (Outcome.RESTORED, ())] == [
        (one.outcome, one.notes) for one in (online, back)
    ]
    assert {"net.bin": "bob's"} == contents(here / "runtime_resources")
