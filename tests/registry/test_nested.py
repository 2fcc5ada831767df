"""Entries below the directory of another entry: each has its own files, whatever the outer source has."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from cas import registry
from cas.registry import Here, Outcome, RemoteEntry, load
from cas.registry.downloads import Result, download
from cas.remotes.settings import Settings
from cas.repo import Repository
from tests.registry.desk import contents, write

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

OUTER = {"a": "outer a", "e": "outer e", "f/x": "outer x", "f/y": "outer y"}
BOTH = {"d/a": "outer a", "d/e": "inner e", "d/f/x": "inner x"}


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
def far(tmp_path: Path) -> Path:
    """A directory, and two others of which parts are meant to be in its place."""
    for path, text in OUTER.items():
        write(tmp_path / "far" / "d" / path, text)
    write(tmp_path / "far" / "e", "inner e")
    write(tmp_path / "far" / "f" / "x", "inner x")
    return tmp_path / "far"


def listed(far: Path, *names: str) -> tuple[RemoteEntry, ...]:
    """The registry with these of the three entries."""
    paths = {"d": "d/", "e": "d/e", "f": "d/f/", "z": "d/deep/er/z"}
    lines = [f"- {{name: {name}, dst_path: {paths[name]}, url: '{(far / name).as_uri()}'}}" for name in names]
    return load(write(far.parent / "remote.yaml", "\n".join(lines)))


def get(
    repository: Repository, entries: Sequence[RemoteEntry], *, is_offline: bool = False
) -> dict[str, Result]:
    """Download entries, one after the other."""
    return {
        result.entry.name: result
        for entry in entries
        for result in download(
            [entry],
            view=repository.view(),
            repository=repository,
            settings=Settings(),
            is_offline=is_offline,
        )
    }


@pytest.mark.parametrize("order", ["def", "fed", "edf"])
def test_the_order_does_not_matter(repository: Repository, layer: Path, far: Path, order: str) -> None:
    """Each file is of whom the registry says, is kept nowhere, and nothing is to be done a second time."""
    entries = listed(far, *order)

    first, second = get(repository, entries), get(repository, entries)

    assert contents(layer) == BOTH
    assert not (layer / ".cas-downloads/kept").exists()
    assert {result.outcome for result in first.values()} == {Outcome.DOWNLOADED}
    assert {result.outcome for result in second.values()} == {Outcome.UNCHANGED}
    assert not any(result.is_committed for result in second.values())


def test_all_at_once(repository: Repository, layer: Path, far: Path) -> None:
    """Side by side they do not get in each other's way, and the outer version has only its own."""
    entries = listed(far, "d", "e", "f")

    results = download(entries, view=repository.view(), repository=repository, settings=Settings())

    assert [result.outcome for result in results] == [Outcome.DOWNLOADED] * 3
    assert contents(layer) == BOTH
    assert [item.path for item in repository.tree("d")] == ["a"]


def test_a_note_says_what_was_left_to_whom(repository: Repository, far: Path) -> None:
    """In the order of their names."""
    result = get(repository, listed(far, "d", "f", "e"))["d"]

    assert result.notes == (
        "1 file is left to 'e', which belongs there",
        "2 files are left to 'f', which belongs there",
    )
    assert result.files == 1


def test_without_the_network(repository: Repository, layer: Path, far: Path) -> None:
    """A version that was made before the inner entry was listed does not bring its file back."""
    get(repository, listed(far, "d"))
    entries = listed(far, "d", "e")
    get(repository, entries[1:])
    assert get(repository, entries, is_offline=True)["d"].outcome is Outcome.UNCHANGED
    (layer / "d/a").unlink()

    result = get(repository, entries, is_offline=True)["d"]

    assert result.outcome is Outcome.RESTORED
    assert result.notes == ("1 file is left to 'e', which belongs there",)
    assert contents(layer / "d") == OUTER | {"e": "inner e"}


def test_a_whole_directory_is_put_back_without_what_is_of_others(
    repository: Repository, layer: Path, far: Path
) -> None:
    """Not even its empty folders, which would hide what lower layers have there."""
    write(far / "d" / "deep" / "er" / "z", "outer z")
    get(repository, listed(far, "d"))
    shutil.rmtree(layer)

    get(repository, listed(far, "d", "e", "f", "z")[:1], is_offline=True)

    assert contents(layer) == {"d/a": "outer a"}
    assert {path.name for path in (layer / "d").iterdir()} == {"a"}


def test_what_is_of_others_is_neither_counted_nor_compared(
    repository: Repository, layer: Path, far: Path
) -> None:
    """The outer directory is here and intact, whatever became of the inner file."""
    get(repository, listed(far, "d"))
    entries = listed(far, "d", "e", "f")
    write(layer / "d/e", "mine")
    write(layer / "d/f/y", "mine")

    (outer,) = registry.list(entries[:1], view=repository.view(), settings=Settings())
    findings = registry.check(entries[:1], view=repository.view(), settings=Settings(), repository=repository)

    assert (outer.here, outer.size) == (Here.YES, len("outer a"))
    assert [finding.is_well for finding in findings] == [True, True]
    assert findings[1].text == "intact"
    assert not findings[0].is_outdated


def test_an_edit_of_an_inner_file_is_the_business_of_its_own_entry(
    repository: Repository, layer: Path, far: Path
) -> None:
    """A download of the outer one does not touch it."""
    entries = listed(far, "d", "e")
    get(repository, entries)
    write(layer / "d/e", "mine")

    outer = get(repository, entries[:1])["d"]
    assert (outer.outcome, (layer / "d/e").read_text()) == (Outcome.UNCHANGED, "mine")

    get(repository, entries)
    assert (layer / "d/e").read_text() == "inner e"
    assert (layer / ".cas-downloads/kept/d/e.~1~").read_text() == "mine"


def test_a_file_that_came_before_its_entry_is_not_gone(repository: Repository, far: Path) -> None:
    """The source has it still, and it is no longer asked for."""
    get(repository, listed(far, "d"))

    result = get(repository, listed(far, "d", "e"))["d"]

    assert result.notes == ("1 file is left to 'e', which belongs there",)
