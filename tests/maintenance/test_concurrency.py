"""Many processes commit, remove and read while gc runs all the time; what was committed stays whole."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

from cas.errors import CasError
from cas.repo import Repository
from tests.maintenance.boxes import Box, commit, files_of, noise, run_apart

if TYPE_CHECKING:
    from pathlib import Path

    from tests.maintenance.boxes import Files

WRITERS = 8
RUN_S = 2.5
LEAST_ROUNDS = 6
"""However slow the machine is: enough for every writer to remove something."""
POOL = 40
"""So many different files: few enough that every commit reuses what another is about to have collected."""


def choose(seed: int) -> Files:
    """Make the files of one version: a few of the pool, some of them in directories that others have, too."""
    chosen = random.Random(seed).sample(range(POOL), 6)
    return {f"{number % 5}/{number}": noise(number, 400 * (number + 1)) for number in chosen}


def keep_committing(home: Path, writer: int, until: float) -> None:
    """Commit, read back, and remove all but the last few; note what must still be there at the end."""
    dice = random.Random(writer)
    kept: list[tuple[str, int]] = []
    with Repository.open(home) as repository:
        rounds = 0
        while rounds < LEAST_ROUNDS or time.monotonic() < until:
            rounds += 1
            seed = dice.randrange(1 << 30)
            spec = commit(repository, home / f"source{writer}", f"writer{writer}", choose(seed))
            kept.append((spec, seed))
            read_spec, read_seed = dice.choice(kept)
            assert files_of(repository, read_spec) == choose(read_seed)
            if len(kept) > 3:
                repository.remove([kept.pop(dice.randrange(2))[0]])
    (home / f"kept{writer}").write_text("\n".join(f"{spec} {seed}" for spec, seed in kept))


def keep_collecting(home: Path) -> None:
    """Run one gc after the other, until after the last commit."""
    with Repository.open(home) as repository:
        count, is_last = 0, False
        while not is_last:
            is_last = all((home / f"kept{number}").exists() for number in range(WRITERS))
            count += repository.gc().objects_deleted
    (home / "collected").write_text(str(count))


def keep_reading(home: Path, until: float) -> None:
    """Read whatever is current: right bytes, or a clean "not found" because it was removed meanwhile."""
    with Repository.open(home) as repository:
        while time.monotonic() < until:
            for listing in repository.names():
                try:
                    files = files_of(repository, f"{listing.name}@{listing.current.version}")
                except CasError as error:
                    found = {
                        one.version: one.state
                        for one in repository.versions(listing.name, include_removed=True)
                    }
                    assert found[listing.current.version] != "live", error
                else:
                    assert all(data == noise(int(path[2:]), len(data)) for path, data in files.items())


def test_commits_survive_concurrent_collections(box: Box) -> None:
    """Each commit that succeeded and was not removed is intact at the end, and gc leaves nothing behind."""
    until = time.monotonic() + RUN_S
    writers = [lambda number=number: keep_committing(box.home, number, until) for number in range(WRITERS)]

    statuses = run_apart([*writers, lambda: keep_collecting(box.home), lambda: keep_reading(box.home, until)])

    assert statuses == [0] * len(statuses)
    expected = {
        spec: choose(int(seed))
        for number in range(WRITERS)
        for spec, seed in map(str.split, (box.home / f"kept{number}").read_text().splitlines())
    }
    assert box.versions() == expected
    assert int((box.home / "collected").read_text()) > 0
    assert box.problems() == []
    with box.open() as repository:
        repository.gc()
    assert box.litter() == []
    assert box.problems() == []
