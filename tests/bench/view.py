"""Measure the view: lookups through ten layers of 10,000 names each, and lists of a million names.

    python -m tests.bench.view
    python -m tests.bench.view --names 100000

Lookups: five layers of refs and five directories take turns, and each has names of its own. Random paths
are looked up; the first round puts stored content on the disk, the second is what programs do again and
again. For comparison, the same with ten layers of refs, and paths that no layer has.
Lists: names in ten layers of refs, a tenth of them in two. Memory is what the process takes of its own,
without pages of the index that the kernel has in memory anyway: the most of it, less what it takes before.
The index is read once before, so that no disk is measured.
"""

from __future__ import annotations

import argparse
import io
import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from cas.config import LayerConfig
from cas.repo import Repository
from cas.testing.records import make_record
from cas.versions.events import Committed
from cas.view.errors import ResourceNotFound

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cas.view.view import View

LAYERS: Final = 10
NAMES: Final = 10_000
LOOKUPS: Final = 2_000
_BATCH: Final = 20_000
_SAMPLE: Final = 10_000


def add(repository: Repository, layer: str, names: Iterable[str]) -> None:
    """Commit names, all with the content of `seed`; so many real commits would take an hour."""
    content = repository.resolve("seed").content
    events = [Committed.of(layer, replace(make_record(name), content=content, size=4)) for name in names]
    for start in range(0, len(events), _BATCH):
        record(repository, events[start : start + _BATCH])


def record(repository: Repository, events: Sequence[Committed]) -> None:
    """Let things happen, in one transaction."""
    repository._write(lambda txn: repository._ledger.record(txn, events, time.time_ns()))


def prepare(home: Path, *, only_refs: bool) -> list[str]:
    """Make a repository of ten layers with names of their own; all the paths."""
    paths = []
    with Repository.init(home) as repository:
        repository.commit("seed", io.BytesIO(b"seed"))
        for layer in range(LAYERS):
            names = [f"data/layer{layer}/{number // 100}/{number}.bin" for number in range(NAMES)]
            paths += names
            if only_refs or layer % 2:
                repository.add_layer(LayerConfig(f"refs{layer}"))
                add(repository, f"refs{layer}", names)
            else:
                repository.add_layer(LayerConfig(f"local{layer}", kind="directory", path=f"local{layer}"))
                write(home / f"local{layer}", names)
    return paths


def write(root: Path, names: Iterable[str]) -> None:
    """Make files."""
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"seed")


def measure_lookups(home: Path, *, only_refs: bool) -> None:
    """Print what lookups take."""
    paths = random.Random(5).sample(prepare(home, only_refs=only_refs), LOOKUPS)
    missing = [f"{path}.not" for path in paths]
    with Repository.open(home) as repository:
        view = repository.view()
        first, again = look_up(view, paths), min(look_up(view, paths) for _ in range(5))
        absent, absent_again = look_up(view, missing), min(look_up(view, missing) for _ in range(5))
    kinds = "ten of refs" if only_refs else "five of refs, five directories"
    print(
        f"lookup, {kinds}: {again:.0f} µs (first, which materialises: {first:.0f} µs; "
        f"of what is not there: {absent_again:.0f} µs, first {absent:.0f} µs)"
    )


def look_up(view: View, paths: Sequence[str]) -> float:
    """Look paths up; microseconds for each."""
    start = time.perf_counter()
    for path in paths:
        try:
            view.get_resource_path(path)
        except ResourceNotFound:
            continue
    return (time.perf_counter() - start) / len(paths) * 1e6


def prepare_list(home: Path, count: int) -> None:
    """Make a repository with names in ten layers, a tenth of them in two."""
    with Repository.init(home) as repository:
        repository.commit("seed", io.BytesIO(b"seed"))
        for layer in range(LAYERS):
            repository.add_layer(LayerConfig(f"refs{layer}"))
            numbers = {*range(layer, count, LAYERS), *range((layer + 1) % LAYERS, count, LAYERS * LAYERS)}
            add(repository, f"refs{layer}", (f"data/{at // 1000}/{at}.bin" for at in sorted(numbers)))


def list_all(home: Path, how: str) -> None:
    """List everything; print seconds, the count and bytes of memory. Runs in a process of its own."""
    with Repository.open(home) as repository:
        view = repository.view()
        for path in repository.layout.index.iterdir():
            path.read_bytes()
        next(iter(view.names()))
        before = most = own_memory()
        found = 0
        start = time.perf_counter()
        for _ in view.names() if how == "names" else view.walk():
            found += 1
            if found % _SAMPLE == 0:
                most = max(most, own_memory())
        seconds = time.perf_counter() - start
    print(json.dumps([seconds, found, most - before]))


def own_memory() -> int:
    """Read how many bytes this process takes that are no file's."""
    status = Path("/proc/self/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("RssAnon"))
    return int(line.split()[1]) * 1024


def measure_list(home: Path, count: int) -> None:
    """Print what lists take."""
    process = subprocess.run(
        [sys.executable, "-m", "tests.bench.view", "--prepare", str(home), "--names", str(count)], check=True
    )
    assert process.returncode == 0
    for how in ("names", "walk"):
        command = [sys.executable, "-m", "tests.bench.view", "--list", how, "--home", str(home)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        seconds, found, grown = json.loads(done.stdout)
        print(f"{how}: {found:,} in {seconds:.2f} s, {grown / 1e6:.0f} MB more")


def main() -> None:
    """Read the command line, measure, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--names", type=int, default=1_000_000)
    parser.add_argument("--prepare", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--list", choices=("names", "walk"), help=argparse.SUPPRESS)
    parser.add_argument("--home", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.prepare:
        prepare_list(arguments.prepare, arguments.names)
    elif arguments.list:
        list_all(arguments.home, arguments.list)
    else:
        with tempfile.TemporaryDirectory() as folder:
            for only_refs in (False, True):
                measure_lookups(Path(folder, f"lookups{only_refs:d}"), only_refs=only_refs)
            measure_list(Path(folder, "list"), arguments.names)


if __name__ == "__main__":
    main()
