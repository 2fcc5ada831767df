"""What servers say and do: marks, mirrors, sizes, silence."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from cas import registry
from cas.registry import Here, Outcome, RemoteEntry
from cas.registry.checks import About
from cas.remotes.settings import Settings
from cas.repo import Repository
from tests.registry.desk import contents, entry, write
from tests.servers.web import Answer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cas.registry import Result
    from tests.servers.web import Asked, WebServer


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


def fetched(repository: Repository, wanted: RemoteEntry) -> Result:
    """Download one entry."""
    (result,) = registry.download(
        [wanted], view=repository.view(), repository=repository, settings=Settings()
    )
    return result


def test_the_etag_is_a_property(repository: Repository, web: WebServer) -> None:
    """And a user with a password is not."""
    web.put("/net.bin", b"weights", etag='"v1"', login="ann:secret")
    url = f"http://ann:secret@{web.host}/net.bin"

    result = fetched(repository, RemoteEntry("net", "net.bin", url))

    assert result.version is not None
    assert {"url": web.url("/net.bin"), "etag": "v1"}.items() <= result.version.properties.items()
    assert "secret" not in str(result.version.as_dict())


def test_a_new_etag_is_a_new_version_and_the_old_one_the_old(repository: Repository, web: WebServer) -> None:
    """The far side goes forth and back."""
    found = []
    for data, etag in ((b"one", '"1"'), (b"two", '"2"'), (b"one", '"1"')):
        web.put("/net.bin", data, etag=etag)
        result = fetched(repository, RemoteEntry("net", "net.bin", web.url("/net.bin")))
        assert result.version is not None
        found.append(result.version.version)

    assert found[0] == found[2] != found[1]
    assert b"one" == repository.read("net.bin")


def test_a_changed_url_is_fetched(repository: Repository, web: WebServer, here: Path) -> None:
    """Though the new file has the same size and even the same ETag."""
    first = RemoteEntry("net", "net.bin", web.put("/one", b"one"))
    second = RemoteEntry("net", "net.bin", web.put("/two", b"two"))
    fetched(repository, first)

    (before,) = registry.list([second], view=repository.view())
    result = fetched(repository, second)
    (after,) = registry.list([second], view=repository.view())

    assert (Here.STALE, Here.YES) == (before.here, after.here)
    assert Outcome.DOWNLOADED is result.outcome
    assert {"net.bin": "two"} == contents(here / "runtime_resources")


@pytest.mark.parametrize("status", [403, 404])
def test_a_refusal_leads_to_the_mirror(
    repository: Repository, web: WebServer, tmp_path: Path, status: int
) -> None:
    """It is final: the first is asked once."""
    web.always["/net.bin"] = Answer(status)
    mirror = write(tmp_path / "mirror.bin", "weights").as_uri()

    result = fetched(repository, RemoteEntry("net", "net.bin", web.url("/net.bin"), mirrors=(mirror,)))

    assert mirror == result.url
    assert str(status) in result.notes[0]
    assert 1 == len({asked.headers.get("range") for asked in web.asked_for("/net.bin")})


def test_a_directory_needs_listings(repository: Repository, web: WebServer) -> None:
    """HTTP has none; the error says so."""
    result = fetched(repository, RemoteEntry("toys", "toys/", web.url("/toys")))

    assert result.error is not None
    assert "what is in a directory" in str(result.error)


def test_sizes_are_asked_side_by_side(repository: Repository, web: WebServer) -> None:
    """Eight answers that wait for each other arrive, so they were asked for at once."""
    together = threading.Barrier(8)

    def before(_: Asked) -> None:
        together.wait(60)

    web.before = before
    entries = [RemoteEntry(f"f{at}", f"f{at}", web.put(f"/{at}", bytes(at))) for at in range(8)]

    found = registry.list(entries, view=repository.view(), settings=Settings())

    assert list(range(8)) == [one.size for one in found]


def test_who_does_not_answer_is_not_waited_for(repository: Repository, web: WebServer) -> None:
    """The others have their sizes, and the silent one an error."""
    is_over = threading.Event()

    def before(asked: Asked) -> None:
        if asked.path == "/silent":
            is_over.wait(60)

    web.before = before
    entries = [RemoteEntry(name, name, web.put(f"/{name}", b"x")) for name in ("silent", "quick")]
    entries += [RemoteEntry("declared", "declared", web.put("/declared", b"x"), size=5)]

    silent, quick, declared = registry.list(entries, view=repository.view(), settings=Settings(), limit_s=2.0)
    is_over.set()

    assert (None, 1, 5) == (silent.size, quick.size, declared.size)
    assert silent.problem is not None
    assert "remote-slow" == silent.problem.code
    assert [] == web.asked_for("/declared")


def test_check_looks_at_every_mirror(repository: Repository, web: WebServer, tmp_path: Path) -> None:
    """A mirror that is gone is found before it is needed."""
    mirror = (tmp_path / "gone").as_uri()
    wanted = RemoteEntry("net", "net.bin", web.put("/net.bin", b"x"), mirrors=(mirror,))

    first, second, copy = registry.check([wanted], view=repository.view(), settings=Settings())

    assert [True, False, True] == [one.is_well for one in (first, second, copy)]
    assert mirror in str(second.error)


def test_check_says_what_it_cannot_know(repository: Repository, web: WebServer, here: Path) -> None:
    """A server that tells no size, a copy from another URL, and a file that nothing is known of."""
    wanted = RemoteEntry("net", "net.bin", web.put("/net.bin", b"x", has_length=False, has_ranges=False))
    moved = RemoteEntry("net", "net.bin", web.put("/moved.bin", b"x"))
    found = RemoteEntry("found", "found.bin", web.put("/found.bin", b"x"))
    fetched(repository, wanted)
    write(here / "runtime_resources" / "found.bin", "y")

    findings = registry.check([wanted, moved, found], view=repository.view(), settings=Settings())

    assert all(one.is_well for one in findings)
    told = [one.text for one in findings]
    assert told[0].endswith("a file of unknown size")
    assert "intact" == told[1]
    assert "before the registry named another URL" in told[3]
    assert "not downloaded" in told[5]


def test_a_place_that_cannot_be_written_is_no_reason_to_ask_mirrors(
    repository: Repository, web: WebServer, here: Path
) -> None:
    """They would bring the bytes, and the disk would refuse them again."""
    url, mirror = web.put("/net.bin", b"x"), web.put("/mirror.bin", b"x")
    (here / "runtime_resources").mkdir()
    name = "n" * 256  # a name of a version may be as long, that of a file not

    result = fetched(repository, RemoteEntry("net", name, url, mirrors=(mirror,)))

    assert result.error is not None
    assert "path-too-long" == result.error.code
    assert [] == web.asked_for("/mirror.bin")


@pytest.mark.parametrize(
    ("dst_path", "size", "code"),
    [
        ("net.bin/", None, "trailing-slash"),
        ("toys", None, "trailing-slash"),
        ("net.bin", 8, "remote-size-mismatch"),
        ("toys/", 8, "remote-size-mismatch"),
        ("none", None, "remote-not-found"),
    ],
)
def test_check_finds_what_a_download_would_stumble_over(
    repository: Repository, tmp_path: Path, dst_path: str, size: int | None, code: str
) -> None:
    """In the words of the download."""
    write(tmp_path / "net.bin", "weights")
    write(tmp_path / "toys" / "ball", "round")
    wanted = entry("a", tmp_path / dst_path.rstrip("/"), dst_path, size=size)

    first, _ = registry.check([wanted], view=repository.view(), settings=Settings())

    assert first.error is not None
    assert code == first.error.code


def test_check_finds_damage_without_the_network(repository: Repository, tmp_path: Path, here: Path) -> None:
    """A part that is gone, and what never was what the digest says. That nothing is here is no damage."""
    write(tmp_path / "toys" / "ball", "round")
    write(tmp_path / "toys" / "cube", "square")
    wanted = entry("toys", tmp_path / "toys", "toys/")
    never = entry("never", tmp_path / "never", "never")
    digest = registry.load(
        write(
            tmp_path / "remote.yaml",
            "- {name: a, dst_path: a.bin, url: 's3://b/a', digest: 'md5:d41d8cd98f00b204e9800998ecf8427e'}",
        )
    )
    fetched(repository, wanted)
    (here / "runtime_resources" / "toys" / "ball").unlink()
    write(here / "runtime_resources" / "a.bin", "not empty")

    gone, wrong, nothing = registry.check([wanted, *digest, never], view=repository.view(), settings=None)

    assert [About.DAMAGE, About.DAMAGE, About.COPY] == [gone.about, wrong.about, nothing.about]
    assert f"'{here}/runtime_resources/toys/ball' is not what was downloaded" == gone.text
    assert "does not hash to md5:d41d8cd9" in wrong.text
