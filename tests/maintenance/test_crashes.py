"""A process that dies between any two durable steps leaves a store that works, and no litter after gc."""

from __future__ import annotations

import errno
from functools import partial
from typing import TYPE_CHECKING

import pytest

from cas.errors import StorageError
from cas.objects import packwriter
from cas.repo import Repository
from cas.testing import faults
from tests.maintenance.boxes import Box, commit, killed_at, noise

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.maintenance.boxes import Files

LONGEST = 60


def some_files(seed: int) -> Files:
    """Make small files, some shared by all seeds, and one of many chunks, most of them shared."""
    shared = {f"shared/{number}": noise(number, 3000) for number in range(5)}
    own = {f"own/{seed}-{number}": noise(1000 * seed + number, 3000) for number in range(5)}
    return shared | own | {"big": noise(1, 300_000) + noise(seed, 100_000)}


def commit_another(box: Box) -> None:
    """Commit a version that shares content with others."""
    with box.open() as repository:
        commit(repository, box.home / "other", "new", some_files(9))


def collect(box: Box) -> None:
    """Free what can be freed."""
    with box.open() as repository:
        repository.gc()


def repair(box: Box) -> None:
    """Mend everything."""
    with box.open() as repository:
        repository.verify(repair=True)


def recover(box: Box) -> None:
    """Rebuild the index."""
    Repository.recover(box.home)


@pytest.fixture
def used(box: Box) -> Box:
    """A repository with live and removed versions, and packs that are partly dead."""
    specs = [box.commit(f"name{seed % 3}", some_files(seed)) for seed in range(6)]
    with box.open() as repository:
        repository.remove([specs[0], specs[3], specs[4]])
    return box


@pytest.mark.parametrize("command", [commit_another, collect, repair, recover])
def test_dying_at_any_step_loses_nothing(used: Box, tmp_path: Path, command: Callable[[Box], None]) -> None:
    """Whichever step is the last, what was live stays intact, the next command works, and gc clears up."""
    before = used.versions()

    for count in range(1, LONGEST):
        box = used.copy(tmp_path / f"{command.__name__}{count}")
        was_killed = killed_at(count, partial(command, box))
        if command is recover:
            recover(box)
        after = box.versions()
        assert before.items() <= after.items()
        assert box.problems() == []
        box.commit("next", some_files(20))
        collect(box)
        assert box.litter() == []
        assert box.problems() == []
        assert before.items() <= box.versions().items()
        if not was_killed:
            return
    pytest.fail("the command has more steps than anybody expected")


def test_dying_after_early_packs_leaves_only_garbage(
    used: Box, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Packs that a long commit registered before it died belong to nobody: gc frees them, and only them."""
    monkeypatch.setattr(packwriter, "TARGET_SIZE", 64 * 1024)  # 64 MiB would take this test a minute
    before = used.versions()
    collect(used)
    objects = used.objects()

    for count in range(1, LONGEST):
        box = used.copy(tmp_path / f"early{count}")
        was_killed = killed_at(count, partial(commit_another, box))
        finished = len(box.versions()) > len(before)
        collect(box)
        assert box.litter() == []
        assert finished or box.objects() == objects
        assert box.problems() == []
        if not was_killed:
            return
    pytest.fail("the command has more steps than anybody expected")


@pytest.mark.parametrize("step", ["pack.renamed", "journal.written", "journal.appended"])
def test_a_commit_that_failed_after_its_pack_was_published(used: Box, step: str) -> None:
    """Its transaction did not happen: the pack is nobody's, the next commit works, and gc takes the file."""
    before, packs = used.versions(), len(used.packs())

    with (
        used.open() as repository,
        faults.failing_at(step, OSError(errno.EIO, "Input/output error")),
        pytest.raises(StorageError),
    ):
        commit(repository, used.home / "other", "new", some_files(9))
    with used.open() as repository:
        orphan = sorted(line for line in used.litter() if line.startswith("orphan"))
        assert (len(orphan), len(used.packs())) == (1, packs + 1)
        assert repository.gc(dry_run=True).leftovers == 1
        assert used.versions() == before

    spec = used.commit("next", some_files(20))
    with used.open() as repository:
        report = repository.gc()
    assert report.leftovers == 1
    assert used.litter() == []
    assert used.problems() == []
    assert used.versions() == {**before, spec: some_files(20)}


def test_the_commit_whose_pack_was_left_can_be_repeated_before_gc(used: Box) -> None:
    """It publishes the same objects again, in a pack of its own."""
    with (
        used.open() as repository,
        faults.failing_at("pack.renamed", OSError(errno.EIO, "Input/output error")),
        pytest.raises(StorageError),
    ):
        commit(repository, used.home / "other", "new", some_files(9))

    spec = used.commit("new", some_files(9))
    collect(used)

    assert used.versions()[spec] == some_files(9)
    assert used.problems() == []
    assert used.litter() == []
