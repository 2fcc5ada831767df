"""Edits made while a download runs, and those that hardly show: none is lost, and none becomes a version."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

from cas import fs, registry
from cas.progress import Silent
from cas.registry import Here, Outcome, RemoteEntry
from cas.registry.here import here
from cas.registry.places import Place
from cas.registry.restamp import settle
from cas.remotes.settings import Settings
from cas.repo import Repository
from tests.registry.desk import contents, entry, write

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cas.progress import Progress
    from cas.registry import Result
    from tests.servers.web import Asked, WebServer

SILENT = Silent()
KEPT = ".cas-downloads/kept"
FILES = {f"f{number}": f"far {number}" for number in range(200)}


class Editor:
    """Edits one of these files as soon as one is there; a `cas.progress.Progress`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.edited = ""

    def start(self, task: str, total: int | None, unit: str) -> None:
        """Wait."""

    def advance(self, count: int) -> None:  # noqa: ARG002 - whatever has come
        """Edit the first file that is there."""
        for name in sorted(os.listdir(self._folder)) if self._folder.is_dir() and not self.edited else ():
            self.edited = name
            (self._folder / name).write_text("mine")
            break


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
def toys(tmp_path: Path) -> RemoteEntry:
    """A directory."""
    for name, text in FILES.items():
        write(tmp_path / "far" / name, text)
    return entry("toys", tmp_path / "far", "toys/")


@pytest.fixture
def net(tmp_path: Path) -> RemoteEntry:
    """A file."""
    return entry("net", write(tmp_path / "net.bin", "weights"), "net.bin")


def get(
    repository: Repository,
    wanted: RemoteEntry,
    *,
    is_offline: bool = False,
    into: Repository | None = None,
    progress: Progress = SILENT,
) -> Result:
    """Download one entry; into a repository if one is given."""
    (result,) = registry.download(
        [wanted],
        view=repository.view(),
        repository=into,
        settings=Settings(),
        is_offline=is_offline,
        progress=progress,
    )
    return result


def look(repository: Repository, wanted: RemoteEntry) -> list[str]:
    """Check one entry; what is wrong with it."""
    found = registry.check([wanted], view=repository.view(), settings=None, repository=repository)
    return [finding.text for finding in found if not finding.is_well]


def in_place(path: Path, text: str) -> None:
    """Write to a file, as much as it holds, and put its date back."""
    status = path.stat()
    assert len(text) == status.st_size
    path.write_text(text)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def rot(place: Place, name: str, text: str) -> None:
    """Change the bytes of a file that was downloaded, so that nothing shows from outside."""
    in_place(place.destination / name, text)
    arrival = place.arrival
    assert arrival is not None
    settle(place, arrival)
    assert here(place) is Here.YES


def test_an_edit_during_a_download_is_kept_by_the_next(
    repository: Repository, layer: Path, toys: RemoteEntry
) -> None:
    """It was taken for what had come, so the next download wrote over it, without a copy or a word."""
    editor = Editor(layer / "toys")
    get(repository, toys, progress=editor)
    found = look(repository, toys)

    result = get(repository, toys)

    assert (1, True) == (len(found), f"{editor.edited}'" in found[0])
    assert "had been edited" in result.notes[0]
    assert (layer / KEPT / "toys" / f"{editor.edited}.~1~").read_text() == "mine"
    assert contents(layer / "toys") == FILES


def test_an_edit_during_a_download_is_no_version(
    repository: Repository, layer: Path, toys: RemoteEntry
) -> None:
    """A version "downloaded from" a place has what came from there, and nothing else."""
    first = get(repository, toys, into=repository, progress=Editor(layer / "toys"))
    stored = list(repository.versions("toys"))

    second = get(repository, toys, into=repository)

    assert (first.outcome, first.error and first.error.code) == (Outcome.FAILED, "file-changing")
    assert (stored, len(repository.log("toys"))) == ([], 1)
    assert second.version is not None
    assert second.version.content == repository.commit("far", layer / "toys", dry_run=True).version.content


def test_an_edit_while_something_is_put_back_is_kept_by_the_next(
    repository: Repository, layer: Path, toys: RemoteEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The note is of what was put there, not of what is there at the end."""
    get(repository, toys, into=repository)
    for name in ("f1", "f2"):
        write(layer / "toys" / name, f"own {name}")
    edited: list[str] = []

    def edit_the_other(step: str) -> None:
        back = [name for name in ("f1", "f2") if (layer / "toys" / name).read_text() == FILES[name]]
        if step == "download.kept" and back:
            edited.extend(back)
            write(layer / "toys" / back[0], "mine")

    with monkeypatch.context() as patched:
        patched.setattr(fs, "observer", edit_the_other)
        get(repository, toys, is_offline=True, into=repository)
    found = look(repository, toys)
    get(repository, toys, is_offline=True, into=repository)

    assert (1, 1) == (len(edited), len(found))
    assert "mine" in [path.read_text() for path in (layer / KEPT / "toys").iterdir()]
    assert contents(layer / "toys") == FILES


@pytest.mark.parametrize("is_offline", [False, True])
def test_an_edit_while_the_server_is_asked_is_seen(
    repository: Repository, layer: Path, web: WebServer, is_offline: bool
) -> None:
    """The file was looked at before the server was, and noted with the looks that it had after."""
    wanted = RemoteEntry("net", "net.bin", web.put("/net.bin", b"weights"))
    get(repository, wanted, into=repository)

    def edit(_: Asked) -> None:
        web.before = lambda _: None
        write(layer / "net.bin", "my own")

    web.before = edit
    get(repository, wanted, into=repository)
    result = get(repository, wanted, is_offline=is_offline, into=repository)

    assert result.outcome is Outcome.UNCHANGED
    assert ("weights", "my own") == (
        (layer / "net.bin").read_text(),
        (layer / KEPT / "net.bin.~1~").read_text(),
    )


@pytest.mark.parametrize("how", ["in place", "over it"])
@pytest.mark.parametrize("is_offline", [False, True])
def test_other_bytes_of_the_same_size_and_date_are_an_edit(  # noqa: PLR0913, PLR0917 - two ways, two times
    repository: Repository, layer: Path, toys: RemoteEntry, tmp_path: Path, how: str, is_offline: bool
) -> None:
    """`cp -p` over a file was committed as what had come, and a write in place was never mended."""
    first = get(repository, toys, into=repository)
    file = layer / "toys" / "f7"
    if how == "over it":
        shutil.copy2(file, tmp_path / "copy")
        (tmp_path / "copy").rename(file)
    in_place(file, "mad 7")

    second = get(repository, toys, is_offline=is_offline, into=repository)

    assert second.version == first.version
    assert contents(layer / "toys") == FILES
    assert (layer / KEPT / "toys" / "f7.~1~").read_text() == "mad 7"


@pytest.mark.parametrize("kind", ["file", "directory"])
def test_what_was_made_executable_is_no_other_version(
    repository: Repository, layer: Path, net: RemoteEntry, toys: RemoteEntry, kind: str
) -> None:
    """Nothing of that came from the far side; the file stays as its owner wants it."""
    wanted, file = (net, layer / "net.bin") if kind == "file" else (toys, layer / "toys" / "f1")
    get(repository, wanted)
    file.chmod(0o755)

    first = get(repository, wanted, into=repository)
    file.chmod(0o700)
    second = get(repository, wanted, into=repository)

    file.chmod(0o644)
    plain = repository.commit("far", layer / wanted.path, dry_run=True).version.content
    assert [Outcome.UNCHANGED, Outcome.UNCHANGED] == [first.outcome, second.outcome]
    assert first.version == second.version
    assert first.version is not None
    assert (plain, False) == (first.version.content, second.is_committed)


def test_a_commit_beside_files_of_others_touches_no_file(
    repository: Repository, layer: Path, toys: RemoteEntry
) -> None:
    """What came has other names while it is stored; if that showed, each look would read all of it."""
    write(layer / "toys" / "own", "mine")
    get(repository, toys, into=repository)

    place = Place.of(toys, repository.view())

    assert place.arrival is not None
    assert place.arrival.seems_untouched(place.destination)
    assert get(repository, toys).outcome is Outcome.UNCHANGED


@pytest.mark.parametrize("is_offline", [False, True])
@pytest.mark.parametrize("kind", ["file", "directory"])
def test_damage_that_a_check_has_found_is_mended(  # noqa: PLR0913, PLR0917 - two kinds, two ways
    repository: Repository, layer: Path, net: RemoteEntry, toys: RemoteEntry, kind: str, is_offline: bool
) -> None:
    """It names the download as what helps; bytes that a disk has lost show in no status."""
    wanted, name, bad = (net, "", "WEIGHTS") if kind == "file" else (toys, "f7", "FAR 7")
    get(repository, wanted, into=repository)
    place = Place.of(wanted, repository.view())
    good = (place.destination / name).read_text()
    rot(place, name, bad)

    before, again = look(repository, wanted), look(repository, wanted)
    result = get(repository, wanted, is_offline=is_offline, into=repository)

    assert (1, before) == (len(before), again)
    assert result.outcome is (Outcome.RESTORED if is_offline else Outcome.DOWNLOADED)
    assert "had been edited" in result.notes[0]
    assert ((place.destination / name).read_text(), look(repository, wanted)) == (good, [])
    assert bad in [path.read_text() for path in (layer / KEPT).rglob("*") if path.is_file()]


def test_records_of_an_older_version_are_lost_records(
    repository: Repository, layer: Path, toys: RemoteEntry, net: RemoteEntry
) -> None:
    """They say less than is needed now; the files are looked at, and nothing is kept that came."""
    for wanted in (toys, net):
        get(repository, wanted)
    for path in (layer / ".cas-downloads").rglob("*"):
        if path.suffix == ".files":
            path.write_bytes(path.read_bytes().splitlines()[0] + b'\n["f1", "token", 5, 1]\n')
        elif path.suffix == ".record":
            path.write_text('{"url": "file:///net.bin", "size": 7, "mtime_ns": 1, "digests": []}')
        elif path.name == "arrival":
            path.write_bytes(b"\x80")

    results = [get(repository, wanted) for wanted in (toys, net)]

    assert [Outcome.DOWNLOADED, Outcome.DOWNLOADED] == [result.outcome for result in results]
    assert [(), ()] == [result.notes for result in results]
    assert not (layer / KEPT).exists()
