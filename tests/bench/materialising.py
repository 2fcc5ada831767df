"""Measure what it takes to hand out stored content: the first time, the first in a process, and after that.

    python -m tests.bench.materialising
    python -m tests.bench.materialising --files 100000

A directory of small files is materialised, and checked out as hard links for comparison: once when no file of
it is under `views/` yet, and once when all are. Each pair has the same number of files, none of them shared.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from cas.repo import Repository
from cas.worktree.link import Link
from cas.worktree.materialise import Materialiser

if TYPE_CHECKING:
    from collections.abc import Callable

FILES = 10_000
LOOKUPS = 100_000
PER_FOLDER = 1000


def main() -> None:
    """Print a line for each thing measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--files", type=int, default=FILES, help="files in the directory  [10000]")
    count = parser.parse_args().files
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        try:
            _measure(home, count)
        finally:
            for path, _, _ in os.walk(home):
                os.chmod(path, 0o700)


def _measure(home: Path, count: int) -> None:
    with Repository.init(home) as repository:
        first, second = (_commit(repository, home, name, count) for name in ("first", "second"))

        def hand() -> Materialiser:
            return Materialiser(repository._store, max_size=None, clock_ns=time.time_ns)

        def checkout(name: str, to: str) -> Callable[[], object]:
            return lambda: repository.checkout(name, home / to, link=Link.HARDLINK)

        one = hand()
        _say("checkout of hard links, files made", count, checkout("second", "out"))
        _say("directory handed out, files made", count, lambda: one.tree(first, b"data"))
        _say("checkout of hard links, files there", count, checkout("first", "again"))
        _say("directory handed out, files there", count, lambda: one.tree(second, b"data"))
        one.close()
        two = hand()
        _say("first use of a directory in a process", count, lambda: two.tree(first, b"data"))
        _say("later uses of it", LOOKUPS, lambda: [two.tree(first, b"data") for _ in range(LOOKUPS)])
        two.close()


def _commit(repository: Repository, home: Path, name: str, count: int) -> bytes:
    source = home / "source"
    for number in range(count):
        path = source / str(number // PER_FOLDER) / str(number)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(f"{name} {number} ".encode() * 40)
    content = repository.commit(name, source).version.content
    shutil.rmtree(source)
    return content.id.raw


def _say(what: str, count: int, action: Callable[[], object]) -> None:
    start = time.perf_counter()
    action()
    took = time.perf_counter() - start
    sys.stdout.write(f"{what:40} {took:8.3f} s  {took / count * 1e6:8.1f} µs each\n")


if __name__ == "__main__":
    main()
