"""Downloads: what lands where, what stays when one fails, what is kept, what needs no network."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from cas.errors import NotFoundError
from cas.registry.downloads import Outcome, Result, download
from cas.remotes.digests import Digest
from cas.remotes.settings import Settings
from cas.repo import Repository
from tests import processes
from tests.registry import downloading
from tests.registry.desk import contents, entry, write

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cas.registry.entry import RemoteEntry


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current directory, where downloads land below `runtime_resources`."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def far(tmp_path: Path) -> Path:
    """The far side: a file and a directory."""
    folder = tmp_path / "far"
    write(folder / "net.bin", "weights")
    write(folder / "toys" / "ball", "round")
    write(folder / "toys" / "box" / "cube", "square")
    return folder


@pytest.fixture
def repository(here: Path) -> Iterator[Repository]:
    """A repository around the current directory."""
    with Repository.init(here) as opened:
        yield opened


@pytest.fixture
def net(far: Path) -> RemoteEntry:
    """The entry of the file."""
    return entry("net", far / "net.bin", "models/net.bin")


@pytest.fixture
def toys(far: Path) -> RemoteEntry:
    """The entry of the directory; its URL has no slash at the end, as in the seed."""
    return entry("toys", far / "toys", "data/toys/")


def run(repository: Repository, *entries: RemoteEntry, is_offline: bool = False) -> list[Result]:
    """Download into the layer and the repository."""
    return download(
        entries, view=repository.view(), repository=repository, settings=Settings(), is_offline=is_offline
    )


def one(repository: Repository, wanted: RemoteEntry, *, is_offline: bool = False) -> Result:
    """Download one entry, which must come."""
    (result,) = run(repository, wanted, is_offline=is_offline)
    assert result.error is None, result.error
    return result


def refused(repository: Repository, wanted: RemoteEntry, *, is_offline: bool = False) -> tuple[str, str]:
    """Download one entry, which must fail; the code and the words."""
    (result,) = run(repository, wanted, is_offline=is_offline)
    assert Outcome.FAILED is result.outcome
    assert result.error is not None
    return result.error.code, f"{result.error} {result.error.hint}"


def test_a_file_lands_at_its_destination(repository: Repository, here: Path, net: RemoteEntry) -> None:
    """The last part of `dst_path` is its name here, whatever it is called there."""
    result = one(repository, net)

    assert {"models/net.bin": "weights"} == contents(here / "runtime_resources")
    assert (Outcome.DOWNLOADED, here / "runtime_resources/models/net.bin") == (result.outcome, result.path)
    assert (7, 1, net.url) == (result.size, result.files, result.url)
    assert result.version is not None
    assert b"weights" == repository.read("models/net.bin")


def test_a_directory_is_synced(repository: Repository, here: Path, far: Path, toys: RemoteEntry) -> None:
    """Files of others survive; the version has the far side's alone."""
    first = one(repository, toys)
    write(here / "runtime_resources/data/toys/mine", "own")
    write(far / "toys" / "kite", "light")

    second = one(repository, toys)

    assert ["ball", "box/cube", "kite", "mine"] == sorted(contents(here / "runtime_resources/data/toys"))
    assert first.version is not None
    assert second.version is not None
    assert first.version.version != second.version.version
    files = {item.path for item in repository.tree("data/toys") if item.kind.name == "FILE"}
    assert {"ball", "box/cube", "kite"} == files


@pytest.mark.parametrize("name", ["net", "toys"])
def test_what_is_here_is_not_fetched_or_committed_again(
    repository: Repository, request: pytest.FixtureRequest, name: str
) -> None:
    """The same far side is the same version."""
    wanted = request.getfixturevalue(name)
    first = one(repository, wanted)
    events = len(repository.log())

    second = one(repository, wanted)

    assert (Outcome.UNCHANGED, False) == (second.outcome, second.is_committed)
    assert first.version == second.version
    assert events == len(repository.log())


def test_a_repository_that_comes_later_gets_what_is_here(here: Path, net: RemoteEntry) -> None:
    """The file was fetched before there was a repository; it need not be fetched again to be a version."""
    downloading.without_repository(net)

    with Repository.init(here) as repository:
        result = one(repository, net)

    assert (Outcome.UNCHANGED, True) == (result.outcome, result.is_committed)


def test_without_a_repository_only_the_file_comes(here: Path, net: RemoteEntry) -> None:
    """As in the seed, which had none."""
    (result,) = downloading.without_repository(net)

    assert (Outcome.DOWNLOADED, None) == (result.outcome, result.version)
    assert {"models/net.bin": "weights"} == contents(here / "runtime_resources")


def test_each_state_of_the_far_side_stays(repository: Repository, far: Path, net: RemoteEntry) -> None:
    """What was downloaded once can be had for ever."""
    for text in ("one", "two!"):
        write(far / "net.bin", text)
        one(repository, net)

    assert b"two!" == repository.read("models/net.bin")
    assert b"one" == repository.read("models/net.bin@~1")


def test_one_that_fails_does_not_keep_the_others(
    repository: Repository, here: Path, far: Path, net: RemoteEntry, toys: RemoteEntry
) -> None:
    """All are tried, and each is told (A5), in their order."""
    missing = [entry(f"none{at}", far / f"none{at}", f"none{at}") for at in range(3)]

    results = run(repository, missing[0], net, missing[1], toys, missing[2])

    outcomes = [result.outcome.value for result in results]
    assert ["failed", "downloaded", "failed", "downloaded", "failed"] == outcomes
    assert ["none0", "net", "none1", "toys", "none2"] == [result.entry.name for result in results]
    assert 3 == len(contents(here / "runtime_resources"))


@pytest.mark.parametrize(("path", "dst_path"), [("net.bin", "net/"), ("toys", "toys")])
def test_the_slash_must_say_what_the_source_is(
    repository: Repository, here: Path, far: Path, path: str, dst_path: str
) -> None:
    """A file is no directory, nor the reverse (A8); the rule is named, and nothing is written."""
    code, words = refused(repository, entry("a", far / path, dst_path))

    assert "trailing-slash" == code
    assert "ends in `/` if and only if" in words
    assert {} == contents(here / "runtime_resources")


def test_a_wrong_digest_keeps_what_was_there(
    repository: Repository, here: Path, far: Path, net: RemoteEntry
) -> None:
    """Both digests are shown."""
    one(repository, net)
    write(far / "net.bin", "tampered")
    digest = Digest("sha256", hashlib.sha256(b"weights").hexdigest())

    _, words = refused(repository, replace(net, digest=digest))

    assert digest.hex in words
    assert hashlib.sha256(b"tampered").hexdigest() in words
    assert {"models/net.bin": "weights"} == contents(here / "runtime_resources")
    assert 1 == len(repository.versions("models/net.bin"))


@pytest.mark.parametrize(("dst_path", "size"), [("net.bin", 8), ("toys/", 12)])
def test_a_wrong_size_keeps_what_was_there(
    repository: Repository, here: Path, far: Path, dst_path: str, size: int
) -> None:
    """The size of a directory is that of its files together."""
    wanted = entry("a", far / dst_path.rstrip("/"), dst_path, size=size)

    _, words = refused(repository, wanted)
    right = one(repository, replace(wanted, size=size - 1))

    assert str(size) in words
    assert size - 1 == right.size
    assert right.path == here / "runtime_resources" / dst_path


def test_mirrors_are_tried_in_order(repository: Repository, far: Path, net: RemoteEntry) -> None:
    """The first that has it; what the others said is told, and the version says where it came from."""
    good, later = write(far / "good", "weights"), write(far / "later", "other")
    wanted = replace(
        net, url=(far / "gone").as_uri(), mirrors=((far / "gone too").as_uri(), good.as_uri(), later.as_uri())
    )

    result = one(repository, wanted)

    assert good.as_uri() == result.url
    assert b"weights" == repository.read("models/net.bin")
    assert 2 == len(result.notes)
    assert "gone" in result.notes[0]


def test_a_mirror_with_other_bytes_is_passed_over(
    repository: Repository, far: Path, net: RemoteEntry
) -> None:
    """The digest decides who is a mirror."""
    digest = Digest("md5", hashlib.md5(b"weights", usedforsecurity=False).hexdigest())
    bad = write(far / "bad", "tampered")

    result = one(repository, replace(net, url=bad.as_uri(), mirrors=(net.url,), digest=digest))

    assert net.url == result.url


def test_when_no_mirror_has_the_bytes_each_is_told_on_a_line(
    repository: Repository, far: Path, net: RemoteEntry
) -> None:
    """With both digests, and what to do."""
    digest = Digest("md5", hashlib.md5(b"weights", usedforsecurity=False).hexdigest())
    bad, worse = write(far / "bad", "tampered"), write(far / "worse", "tampered with")

    wanted = replace(net, url=bad.as_uri(), mirrors=(worse.as_uri(),), digest=digest)
    (result,) = run(repository, wanted)

    assert result.error is not None
    first, second = (result.error.why or "").splitlines()
    assert f"'{bad.as_uri()}': {digest} was declared, and md5:" in first
    assert f"'{worse.as_uri()}': {digest} was declared, and md5:" in second
    assert "if its publisher has changed it on purpose, declare the new digest" == result.error.hint


def test_when_all_mirrors_fail_each_is_told(repository: Repository, far: Path, net: RemoteEntry) -> None:
    """Which one to mend is for the reader to say."""
    wanted = replace(net, url=(far / "x").as_uri(), mirrors=((far / "y").as_uri(),))

    code, words = refused(repository, wanted)

    assert "all-sources-failed" == code
    assert (far / "x").as_uri() in words
    assert (far / "y").as_uri() in words


def test_a_directory_in_the_way_of_a_file_is_left_alone(
    repository: Repository, here: Path, net: RemoteEntry
) -> None:
    """It may hold anything."""
    write(here / "runtime_resources/models/net.bin/mine", "own")

    code, _ = refused(repository, net)

    assert "download-in-the-way" == code
    assert {"models/net.bin/mine": "own"} == contents(here / "runtime_resources")


def test_nothing_leaves_the_layer_through_a_link(
    repository: Repository, here: Path, net: RemoteEntry
) -> None:
    """A link that leads out of the layer is not written through."""
    outside = here.parent / "outside"
    outside.mkdir()
    (here / "runtime_resources").mkdir()
    (here / "runtime_resources" / "models").symlink_to(outside)

    refused(repository, net)

    assert [] == list(outside.iterdir())


def test_a_local_edit_is_overwritten_and_told(repository: Repository, here: Path, net: RemoteEntry) -> None:
    """The seed's rule: what differs from the far side is fetched again."""
    one(repository, net)
    write(here / "runtime_resources/models/net.bin", "edited")

    result = one(repository, net)

    assert {"models/net.bin": "weights"} == contents(here / "runtime_resources")
    assert any("edited" in note for note in result.notes)


def test_offline_what_is_in_place_will_do(repository: Repository, far: Path, net: RemoteEntry) -> None:
    """Nobody is asked: the far side is gone."""
    one(repository, net)
    (far / "net.bin").unlink()

    result = one(repository, net, is_offline=True)

    assert Outcome.UNCHANGED is result.outcome


@pytest.mark.parametrize("name", ["net", "toys"])
def test_offline_what_is_not_in_place_comes_from_the_repository(
    repository: Repository, here: Path, far: Path, request: pytest.FixtureRequest, name: str
) -> None:
    """What was downloaded once needs no far side any more."""
    wanted = request.getfixturevalue(name)
    one(repository, wanted)
    before = contents(here / "runtime_resources")
    shutil.rmtree(here / "runtime_resources" / wanted.path.partition("/")[0])
    (far / "net.bin").unlink()

    result = one(repository, wanted, is_offline=True)

    assert Outcome.RESTORED is result.outcome
    assert before == contents(here / "runtime_resources")
    assert Outcome.UNCHANGED is one(repository, wanted, is_offline=True).outcome


def test_offline_an_edited_file_is_as_it_was(repository: Repository, here: Path, net: RemoteEntry) -> None:
    """As online; a file that was only touched is what it was."""
    one(repository, net)
    file = here / "runtime_resources/models/net.bin"
    file.touch()
    touched = one(repository, net, is_offline=True)
    file.write_text("edited")

    restored = one(repository, net, is_offline=True)

    assert (Outcome.UNCHANGED, Outcome.RESTORED) == (touched.outcome, restored.outcome)
    assert "weights" == file.read_text()


def test_offline_a_file_that_fits_its_digest_will_do(here: Path, net: RemoteEntry) -> None:
    """However it came here: somebody carried it in."""
    write(here / "runtime_resources/models/net.bin", "carried")
    digest = Digest("sha256", hashlib.sha256(b"carried").hexdigest())

    (result,) = downloading.without_repository(replace(net, digest=digest), is_offline=True)

    assert Outcome.UNCHANGED is result.outcome


def test_offline_what_never_came_is_an_error_that_says_what_to_do(here: Path, net: RemoteEntry) -> None:
    """With and without a repository."""
    (alone,) = downloading.without_repository(net, is_offline=True)
    with Repository.init(here) as repository:
        code, words = refused(repository, net, is_offline=True)

    assert isinstance(alone.error, NotFoundError)
    assert "not-downloaded" == code == alone.error.code
    assert "cas resources download net" in words


def test_two_processes_fetch_it_once(here: Path, far: Path, net: RemoteEntry) -> None:
    """Both succeed; the second finds what the first brought, and there is one version."""
    (far / "net.bin").write_bytes(bytes(8 << 20))
    Repository.init(here).close()
    both = [processes.start(downloading.in_a_child, here, net.url, net.dst_path) for _ in range(2)]

    for child in both:
        assert child.stdout is not None
        assert "ready" == child.stdout.readline().strip()
    for child in both:
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()
    told = sorted(child.communicate()[0].strip() for child in both)

    assert ["downloaded True", "unchanged False"] == told
    with Repository.open(here) as repository:
        assert 1 == len(repository.versions("models/net.bin"))
        assert 1 == len(repository.log("models/net.bin"))
