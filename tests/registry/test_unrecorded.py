"""A download that is in its place, and of which no record could be made: nothing is done without a word."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cas.hooks import hookimpl, refusal
from cas.registry import Outcome, load
from cas.registry.arrival import NOTE
from cas.registry.downloads import download
from cas.registry.places import state_of
from cas.remotes.settings import Settings
from cas.repo import Repository
from tests.registry.desk import entry, write
from tests.remotes.test_buckets import listing, made_up
from tests.servers.web import Answer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cas.hooks import PreCommit
    from cas.registry import RemoteEntry, Result
    from tests.servers.web import WebServer


class _Refuses:
    """A hook that lets nothing in."""

    @hookimpl
    def pre_commit(self, event: PreCommit) -> None:
        raise refusal(event, "not on a Friday")


class _Interrupts:
    """Somebody presses Ctrl-C while a commit begins."""

    @hookimpl
    def pre_commit(self) -> None:
        raise KeyboardInterrupt


@pytest.fixture
def layer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where downloads land."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder / "runtime_resources"


@pytest.fixture
def repository(layer: Path) -> Iterator[Repository]:
    """A repository around it."""
    with Repository.init(layer.parent) as opened:
        yield opened


def get(repository: Repository, wanted: RemoteEntry, *, is_offline: bool = False) -> Result:
    """Download one entry."""
    (result,) = download(
        [wanted], view=repository.view(), repository=repository, settings=Settings(), is_offline=is_offline
    )
    return result


@pytest.fixture
def net(tmp_path: Path) -> RemoteEntry:
    """A file."""
    return entry("net", write(tmp_path / "far" / "net.bin", "weights"), "models/net.bin")


def test_a_commit_that_is_refused_says_what_was_moved(
    repository: Repository, layer: Path, net: RemoteEntry
) -> None:
    """The new file is in place, only its version is missing, and the user's own is told where it is."""
    write(layer / "models/net.bin", "mine")
    repository.set_hooks(_Refuses())

    result = get(repository, net)

    kept = layer / ".cas-downloads/kept/models/net.bin.~1~"
    assert (Outcome.FAILED, "mine", "weights") == (
        result.outcome,
        kept.read_text(),
        (layer / "models/net.bin").read_text(),
    )
    assert result.path == layer / "models/net.bin"
    assert result.notes == (f"another file was here; it is now '{kept}'",)
    assert result.error is not None
    assert result.error.code == "hook-refused"
    assert result.error.why is not None
    assert "was downloaded, and only its version in the repository is missing: " in result.error.why
    assert "not on a Friday" in result.error.why
    assert result.error.why.endswith(f"; another file was here; it is now '{kept}'")


def test_an_interruption_of_the_commit_says_what_was_moved(
    repository: Repository, layer: Path, net: RemoteEntry, caplog: pytest.LogCaptureFixture
) -> None:
    """There is no result that could say so."""
    write(layer / "models/net.bin", "mine")
    repository.set_hooks(_Interrupts())

    with pytest.raises(KeyboardInterrupt):
        get(repository, net)

    kept = layer / ".cas-downloads/kept/models/net.bin.~1~"
    assert "mine" == kept.read_text()
    assert [f"net: another file was here; it is now '{kept}'"] == caplog.messages


@pytest.mark.parametrize("is_offline", [False, True])
def test_a_note_that_cannot_be_written_is_told_with_what_was_moved(
    repository: Repository, layer: Path, net: RemoteEntry, is_offline: bool
) -> None:
    """Also of what came back from the repository."""
    get(repository, net)
    write(layer / "models/net.bin", "mine")
    note = state_of(layer, net.path) / NOTE
    note.unlink()
    note.mkdir()

    result = get(repository, net, is_offline=is_offline)

    kept = layer / ".cas-downloads/kept/models/net.bin.~1~"
    assert "mine" == kept.read_text()
    assert result.outcome is Outcome.FAILED
    assert str(kept) in str(result.error)
    assert "only the note that it came is missing" in str(result.error)


def test_a_directory_with_a_size_is_asked_for_as_patiently_as_any_other(
    repository: Repository, layer: Path, tmp_path: Path, web: WebServer
) -> None:
    """A listing that fails for the moment is asked for again, and one that comes is not asked for twice."""
    asked = "/bucket?list-type=2&prefix=toys%2F"
    web.instead[asked].append(Answer(503))
    web.always[asked] = Answer(200, body=listing("toys/a"))
    web.put("/bucket/toys/a", b"data", etag='"x"', modified="Thu, 01 Jan 2026 00:00:00 GMT")
    registry = write(tmp_path / "remote.yaml", "[{name: t, dst_path: t/, url: 's3://bucket/toys', size: 4}]")

    (result,) = download(
        load(registry),
        view=repository.view(),
        repository=repository,
        settings=made_up(f"http://{web.host}"),
    )

    assert result.error is None
    assert "data" == (layer / "t/a").read_text()
    assert 2 == len(web.asked_for(asked))


def test_a_directory_of_another_size_is_refused_before_anything_is_fetched(
    repository: Repository, layer: Path, tmp_path: Path
) -> None:
    """Nothing of it is here then."""
    write(tmp_path / "far/toys/ball", "round")

    result = get(repository, entry("toys", tmp_path / "far/toys", "toys/", size=4))

    assert result.error is not None
    assert "remote-size-mismatch" == result.error.code
    assert not (layer / "toys").exists()


def test_another_file_system_is_named(repository: Repository, layer: Path, net: RemoteEntry) -> None:
    """What is finished moves to its place in one step, which no mount or link may divide."""
    layer.mkdir()
    with tempfile.TemporaryDirectory(dir="/dev/shm") as far:
        (layer / ".cas-downloads").symlink_to(Path(far), target_is_directory=True)
        result = get(repository, net)

    assert result.error is not None
    assert "across-file-systems" == result.error.code
    assert result.error.hint is not None
    assert "one file system" in result.error.hint
