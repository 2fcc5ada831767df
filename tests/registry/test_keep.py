"""What was downloaded, as versions: kept, told apart, and brought back."""

from __future__ import annotations

import hashlib
import threading
from typing import TYPE_CHECKING

import pytest

from cas.errors import ConflictError, HookRefusedError, StorageError
from cas.hooks import hookimpl, refusal
from cas.progress import Silent
from cas.registry.entry import RemoteEntry
from cas.registry.keep import keep
from cas.registry.places import Place
from cas.registry.put_back import PutBack, put_back
from cas.remotes.digests import Digest
from cas.repo import Repository
from tests.registry.desk import Landing, contents, entry, write

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cas.hooks import PreCommit
    from cas.registry.arrival import Arrival
    from cas.versions.version import Version

SILENT = Silent()


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[Repository]:
    """An empty repository."""
    with Repository.init(tmp_path) as opened:
        yield opened


@pytest.fixture
def model(tmp_path: Path) -> Place:
    """The place of a file that was downloaded."""
    place = Place(
        entry("model", tmp_path / "far.bin", "models/net", properties={"task": "faces"}), tmp_path / "layer"
    )
    write(place.destination, "weights")
    return place


@pytest.fixture
def toys(tmp_path: Path) -> Place:
    """The place of a directory that was downloaded, with a file of somebody else in it."""
    place = Place(entry("toys", tmp_path / "far", "toys/"), tmp_path / "layer")
    write(place.destination / "ball", "round")
    write(place.destination / "box" / "cube", "square")
    return place


def kept(repository: Repository, place: Place, arrival: Arrival) -> tuple[Version, bool]:
    """Keep what is in a place."""
    return keep(repository, place, arrival, origin="ann@home", progress=SILENT)


def back(repository: Repository, place: Place) -> PutBack | None:
    """Bring back what a place should have; what leads there is there."""
    return put_back(repository, place, SILENT, make=lambda: None)


def test_a_version_says_where_it_came_from(repository: Repository, model: Place) -> None:
    """All that tells one state of the far side from another is in its properties."""
    arrival = Landing(model, {"etag": "v1"}).note()

    version, is_new = kept(repository, model, arrival)

    assert is_new
    assert ("models/net", "file", "ann@home") == (version.name, version.type, version.record.origin)
    assert f"downloaded from {model.entry.url}" == version.record.message
    assert {
        "task": "faces",
        "url": model.entry.url,
        "etag": "v1",
        "digest": f"blake3:{version.content}",
    } == version.properties


def test_the_same_state_is_the_same_version(repository: Repository, model: Place) -> None:
    """A second download of it stores nothing, and the log does not grow."""
    arrival = Landing(model, {"generation": "7"}).note()
    first, _ = kept(repository, model, arrival)
    events = len(repository.log())

    second, is_new = kept(repository, model, arrival)

    assert (first.version, False) == (second.version, is_new)
    assert events == len(repository.log())


def test_each_state_stays_and_the_last_is_current(repository: Repository, model: Place) -> None:
    """The far side goes forth and back; the name means what it has now."""
    names = []
    for text, etag in (("one", "1"), ("two", "2"), ("one", "1")):
        model.destination.write_text(text)
        version, is_new = kept(repository, model, Landing(model, {"etag": etag}).note())
        names.append(version.version)
        assert is_new

    assert names[0] == names[2]
    assert names[0] == repository.resolve("models/net").version
    assert {"1", "2"} == {one.properties["etag"] for one in repository.versions("models/net")}


def test_without_a_mark_the_digest_alone_tells(repository: Repository, model: Place) -> None:
    """A server that says neither ETag nor generation."""
    first, _ = kept(repository, model, Landing(model).note())
    model.destination.write_text("other")
    second, _ = kept(repository, model, Landing(model).note())

    assert {"task", "url", "digest"} == set(first.properties)
    assert first.version != second.version


def test_files_of_others_are_no_part_of_the_version(repository: Repository, toys: Place) -> None:
    """Two people with the same source and other files beside it have the same version."""
    alone, _ = kept(repository, toys, Landing(toys).note("ball", "box/cube"))
    write(toys.destination / "mine", "own")
    (toys.destination / "link").symlink_to("ball")

    ball_only, is_new = kept(repository, toys, Landing(toys).note("ball"))
    both, is_new_again = kept(repository, toys, Landing(toys).note("ball", "box/cube"))

    assert is_new
    assert ["ball"] == [item.path for item in repository.tree(f"toys@{ball_only.version}")]
    assert (alone.version, True) == (both.version, is_new_again)
    assert not (toys.state / "stage").exists()


def test_a_change_while_it_is_kept_is_no_version(repository: Repository, model: Place) -> None:
    """The record would claim a digest that the bytes have not."""
    arrival = Landing(model).note()
    model.destination.write_text("edited")

    with pytest.raises(StorageError) as caught:
        kept(repository, model, arrival)

    assert "file-changing" == caught.value.code
    assert [] == repository.names()


def test_a_hook_may_refuse(repository: Repository, model: Place) -> None:
    """A download is a commit like any other."""

    class NoModels:
        @hookimpl
        def pre_commit(self, event: PreCommit) -> None:
            raise refusal(event, f"no {event.subject.name} here")

    repository.set_hooks(NoModels())

    with pytest.raises(HookRefusedError) as caught:
        kept(repository, model, Landing(model).note())

    assert "hook-refused" == caught.value.code
    assert "no models/net here" in str(caught.value)


def test_downloads_at_once_are_all_kept(repository: Repository, tmp_path: Path) -> None:
    """They come from several threads; the repository has one writer at a time."""
    places = [Place(entry(f"f{at}", tmp_path / f"far{at}", f"f{at}"), tmp_path / "layer") for at in range(8)]
    arrivals = []
    for at, place in enumerate(places):
        write(place.destination, f"text {at}")
        arrivals.append(Landing(place).note())
    threads = [
        threading.Thread(target=kept, args=(repository, place, arrival))
        for place, arrival in zip(places, arrivals, strict=True)
    ]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [f"f{at}" for at in range(8)] == [one.name for one in repository.names()]


def test_the_newest_comes_back(repository: Repository, model: Place) -> None:
    """Whatever is in its place now; the note is as after a download."""
    for text in ("one", "two"):
        model.destination.write_text(text)
        kept(repository, model, Landing(model, {"etag": text}).note())
    model.destination.write_text("spoilt")

    found = back(repository, model)

    assert found is not None
    arrival, version = found.arrival, found.version
    assert "two" == model.destination.read_text()
    assert ({"etag": "two"}, version.content) == (arrival.mark, arrival.content)


def test_only_what_came_from_the_url_comes_back(repository: Repository, model: Place) -> None:
    """A version of the same name that somebody committed by hand is something else; a mirror's is not."""
    model.destination.write_text("by hand")
    repository.commit("models/net", model.destination)
    mirrored = Place(
        RemoteEntry("model", "models/net", "s3://elsewhere/net", mirrors=(model.entry.url,)), model.root
    )

    before = back(repository, model)
    kept(repository, model, Landing(model).note())

    assert before is None
    assert back(repository, mirrored) is not None


@pytest.mark.parametrize("algorithm", ["sha256", "md5"])
def test_what_comes_back_has_the_digest_of_the_registry(
    repository: Repository, model: Place, algorithm: str
) -> None:
    """An older version may be the right one; without any, what is in place stays."""
    for text in ("right", "wrong"):
        model.destination.write_text(text)
        kept(repository, model, Landing(model).note())
    digest = Digest(algorithm, hashlib.new(algorithm, b"right").hexdigest())
    never = Digest(algorithm, hashlib.new(algorithm, b"never").hexdigest())

    def asking(digest: Digest) -> Place:
        return Place(RemoteEntry("model", "models/net", model.entry.url, digest=digest), model.root)

    assert back(repository, asking(never)) is None
    assert "wrong" == model.destination.read_text()
    assert back(repository, asking(digest)) is not None
    assert "right" == model.destination.read_text()
    assert not (model.state / "back").exists()


def test_a_directory_comes_back_among_the_files_of_others(repository: Repository, toys: Place) -> None:
    """What was edited is as it was, what is missing is there, and nobody else's file is touched."""
    kept(repository, toys, Landing(toys).note("ball", "box/cube"))
    write(toys.destination / "mine", "own")
    (toys.destination / "ball").write_text("flat")
    (toys.destination / "box" / "cube").unlink()
    (toys.destination / "box").rmdir()

    found = back(repository, toys)

    assert found is not None
    assert {"ball": "round", "box/cube": "square", "mine": "own"} == contents(toys.destination)
    assert found.arrival.content == found.version.content


@pytest.mark.parametrize("kind", ["file", "symlink"])
def test_nothing_is_written_through_what_is_in_the_way(
    repository: Repository, toys: Place, tmp_path: Path, kind: str
) -> None:
    """A link where a directory belongs may lead anywhere."""
    kept(repository, toys, Landing(toys).note("ball", "box/cube"))
    (toys.destination / "box" / "cube").unlink()
    (toys.destination / "box").rmdir()
    outside = tmp_path / "outside"
    outside.mkdir()
    if kind == "file":
        (toys.destination / "box").write_text("own")
    else:
        (toys.destination / "box").symlink_to(outside)

    with pytest.raises(ConflictError) as caught:
        back(repository, toys)

    assert str(toys.destination / "box") in str(caught.value)
    assert [] == list(outside.iterdir())


def test_a_directory_in_the_way_of_a_file_is_told(repository: Repository, toys: Place) -> None:
    """It may hold anything."""
    kept(repository, toys, Landing(toys).note("ball", "box/cube"))
    (toys.destination / "ball").unlink()
    write(toys.destination / "ball" / "mine", "own")

    with pytest.raises(ConflictError) as caught:
        back(repository, toys)

    assert "download-in-the-way" == caught.value.code
    assert "own" == (toys.destination / "ball" / "mine").read_text()
