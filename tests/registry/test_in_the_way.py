"""What a download finds in its way: nothing of it is lost. And one that fails leaves nothing in the way."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from cas import registry
from cas.registry import Here, Outcome, RemoteEntry
from cas.registry.downloads import Result, download
from cas.remotes.settings import Settings
from cas.repo import Repository
from tests.registry.desk import contents, entry, write

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.servers.web import WebServer

KEPT = ".cas-downloads/kept"


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


@pytest.fixture
def net(tmp_path: Path) -> RemoteEntry:
    """A file."""
    return entry("net", write(tmp_path / "far" / "net.bin", "weights"), "models/net.bin")


@pytest.fixture
def toys(tmp_path: Path) -> RemoteEntry:
    """A directory."""
    for name in ("ball", "box/cube", "kite"):
        write(tmp_path / "far" / "toys" / name, name)
    return entry("toys", tmp_path / "far" / "toys", "data/toys/")


def get(repository: Repository, wanted: RemoteEntry, *, is_offline: bool = False) -> Result:
    """Download one entry."""
    (result,) = download(
        [wanted], view=repository.view(), repository=repository, settings=Settings(), is_offline=is_offline
    )
    return result


def edit(layer: Path, *paths: str) -> None:
    """Write to files, each something else."""
    for path in paths:
        write(layer / path, f"my {path}")


@pytest.mark.parametrize("is_offline", [False, True])
def test_an_edit_makes_way_and_is_kept(
    repository: Repository, layer: Path, net: RemoteEntry, is_offline: bool
) -> None:
    """The note says where it is now."""
    get(repository, net)
    edit(layer, "models/net.bin")

    result = get(repository, net, is_offline=is_offline)

    now = layer / KEPT / "models/net.bin.~1~"
    assert {"models/net.bin": "weights"} == contents(layer)
    assert (f"it had been edited here; what was here is now '{now}'",) == result.notes
    assert "my models/net.bin" == now.read_text()


def test_a_file_that_nobody_downloaded_is_kept(repository: Repository, layer: Path, net: RemoteEntry) -> None:
    """It was not edited, and the note does not say so."""
    edit(layer, "models/net.bin")

    result = get(repository, net)

    now = layer / KEPT / "models/net.bin.~1~"
    assert (f"another file was here; it is now '{now}'",) == result.notes
    assert "my models/net.bin" == now.read_text()


@pytest.mark.parametrize("is_offline", [False, True])
def test_many_edits_are_one_note(
    repository: Repository, layer: Path, toys: RemoteEntry, is_offline: bool
) -> None:
    """Nobody reads 5,000 lines; what is not in the way stays."""
    get(repository, toys)
    edit(layer, "data/toys/ball", "data/toys/box/cube", "data/toys/mine")

    result = get(repository, toys, is_offline=is_offline)

    top = layer / KEPT / "data/toys"
    assert (f"2 files had been edited here; what was here is now below '{top}'",) == result.notes
    assert {"ball.~1~": "my data/toys/ball", "box/cube.~1~": "my data/toys/box/cube"} == {
        path.relative_to(top).as_posix(): path.read_text() for path in top.rglob("*") if path.is_file()
    }
    assert "my data/toys/mine" == (layer / "data/toys/mine").read_text()


def test_one_edit_of_many_files_is_named(repository: Repository, layer: Path, toys: RemoteEntry) -> None:
    """Edited or not edited."""
    edit(layer, "data/toys/ball")
    other = get(repository, toys)
    edit(layer, "data/toys/kite")
    edited = get(repository, toys)

    top = layer / KEPT / "data/toys"
    assert (f"another file was at 'ball'; it is now '{top}/ball.~1~'",) == other.notes
    assert (f"'kite' had been edited here; what was here is now '{top}/kite.~1~'",) == edited.notes


@pytest.mark.parametrize("is_offline", [False, True])
@pytest.mark.parametrize("name", ["net", "toys"])
def test_what_was_only_touched_is_no_edit(
    repository: Repository, layer: Path, request: pytest.FixtureRequest, name: str, is_offline: bool
) -> None:
    """Copies and archives often lose the times of files; one file is damaged, so that all are looked at."""
    wanted = request.getfixturevalue(name)
    get(repository, wanted)
    before = contents(layer)
    for path in before:
        (layer / path).touch()
    if name == "toys":
        (layer / "data/toys/ball").unlink()

    result = get(repository, wanted, is_offline=is_offline)

    assert (None, (), before) == (result.error, result.notes, contents(layer))
    assert not (layer / KEPT).exists()


def test_another_source_of_the_same_files_moves_none(
    repository: Repository, layer: Path, tmp_path: Path, toys: RemoteEntry
) -> None:
    """What one URL brought is nobody's edit to the next, which has other bytes for some of it."""
    get(repository, toys)
    shutil.copytree(tmp_path / "far" / "toys", tmp_path / "mirror")
    write(tmp_path / "mirror" / "ball", "another")

    result = get(repository, entry("toys", tmp_path / "mirror", "data/toys/"))

    assert (Outcome.DOWNLOADED, ()) == (result.outcome, result.notes)
    assert "another" == (layer / "data/toys/ball").read_text()
    assert not (layer / KEPT).exists()


def test_what_is_kept_is_no_resource(repository: Repository, layer: Path, toys: RemoteEntry) -> None:
    """Neither the view nor the registry takes it for anything."""
    get(repository, toys)
    edit(layer, "data/toys/ball")
    get(repository, toys)

    (listed,) = registry.list([toys], view=repository.view())
    findings = registry.check([toys], view=repository.view(), settings=None)

    assert (Here.YES, True) == (listed.here, all(finding.is_well for finding in findings))
    assert {"data/toys/ball", "data/toys/box/cube", "data/toys/kite"} == {
        named.path for named in repository.view().names() if named.layer == "runtime"
    }


@pytest.mark.parametrize("dst_path", ["lower/", "lower/x"])
def test_a_download_that_fails_hides_nothing(
    repository: Repository, layer: Path, tmp_path: Path, dst_path: str
) -> None:
    """An empty directory would hide the file that a lower layer has of that name."""
    repository.commit("lower", write(tmp_path / "lower", "below"))

    result = get(repository, entry("none", tmp_path / "gone", dst_path))

    assert Outcome.FAILED is result.outcome
    assert [".cas-downloads"] == [path.name for path in layer.iterdir()]
    assert "below" == repository.view().get_resource_path("lower").read_text()


def test_a_wrong_slash_is_mended_by_taking_it_away(
    repository: Repository, layer: Path, net: RemoteEntry
) -> None:
    """What the first attempt leaves is not in the way of the second."""
    wrong = get(repository, RemoteEntry("net", "models/net.bin/", net.url))

    right = get(repository, net)

    assert wrong.error is not None
    assert ("trailing-slash", None) == (wrong.error.code, right.error)
    assert {"models/net.bin": "weights"} == contents(layer)


def test_offline_what_is_not_there_leaves_nothing(repository: Repository, layer: Path) -> None:
    """Nothing was put back."""
    get(repository, RemoteEntry("toys", "data/toys/", "s3://elsewhere/toys"), is_offline=True)

    assert [".cas-downloads"] == [path.name for path in layer.iterdir()]


@pytest.mark.parametrize("dst_path", ["models/net.bin", "models/deep/"])
def test_what_is_in_the_way_is_told_before_anybody_is_asked(
    repository: Repository, layer: Path, web: WebServer, dst_path: str
) -> None:
    """Nobody wants to hear it after a hundred gigabytes."""
    write(layer / "models", "mine")

    result = get(repository, RemoteEntry("net", dst_path, web.put("/x", b"weights")))

    assert result.error is not None
    assert ("file-in-the-way", []) == (result.error.code, web.asked)
    assert "mine" == (layer / "models").read_text()
