"""Measure `cas` beside whatever peers are on PATH, on the same bytes, and print tables.

    python -m tests.bench.run                                    everything, at full size
    python -m tests.bench.run small --scale 0.1 --peers cas,git  a tenth of one workload, two contenders

Each cell is whole processes as a user would start them, and a sync of the file system: the median of
--repeat rounds. In every round all contenders take their turn, so a machine that slows down slows all.

    commit, again, change    the first version, the same once more, the next version
    look                     list the versions
    checkout, collect        the last version; forget all others and free what only they used
    cpu, memory              of the first commit: user and system time; peak of its largest process
    size                     what the store takes on disk, in blocks, after the last version

A checkout that is not what was committed, or a command that fails, is shown and not hidden. Compare figures
within a run, not between runs.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import platform
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench.peers import PEERS, present
from tests.bench.workloads import WORKLOADS

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.bench.peers import Peer
    from tests.bench.workloads import Workload

SECONDS = ["commit", "again", "change", "look", "checkout", "collect", "cpu"]
BYTES = ["memory", "size", "size collected"]


class CommandFailedError(Exception):
    """A contender did not do what was asked."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a command took."""

    seconds: float
    cpu: float
    memory: int


class Contest:
    """One contender on one workload, in a directory of its own."""

    def __init__(self, peer: Peer, work: Path) -> None:
        self.peer = peer
        self.names = {name: str(work / name) for name in ("store", "data", "out")} | {"work": str(work)}
        self.environment = _environment(work)
        (work / "data").mkdir()

    def run(self, command: str, **names: str) -> Cost:
        """Run a command of the contender and sync; what that took."""
        script = command.format(**self.names, **names)
        start = time.perf_counter()
        process = subprocess.Popen(
            ["sh", "-ec", f"ulimit -c 0; {script}"],
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            cwd=self.names["work"],
        )
        assert process.stderr is not None
        complaint = process.stderr.read().decode(errors="replace")
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        subprocess.run(["sync", "-f", self.names["work"]], check=True)
        seconds = time.perf_counter() - start
        if process.returncode:
            raise CommandFailedError(f"{script}\nexit {process.returncode}: {complaint[-500:]}")
        return Cost(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)

    def commit(self, tag: str) -> Cost:
        """Commit the data as it is."""
        if self.peer.prepare:
            self.run(self.peer.prepare)
        return self.run(self.peer.commit, tag=tag)

    def size(self) -> int:
        """Bytes that the store takes on disk."""
        store = Path(self.names["store"]).resolve()
        return sum(
            os.lstat(os.path.join(at, name)).st_blocks * 512
            for at, _, files in os.walk(store)
            for name in files
        )


def _environment(work: Path) -> dict[str, str]:
    """No configuration of this user, no cache of an earlier round, no questions."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(work),
        "LC_ALL": "C.UTF-8",
        "RESTIC_PASSWORD": "x",
        "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK": "yes",
        "BORG_RELOCATED_REPO_ACCESS_IS_OK": "yes",
        "DVC_NO_ANALYTICS": "1",
        "GIT_AUTHOR_NAME": "bench",
        "GIT_AUTHOR_EMAIL": "bench@localhost",
        "GIT_COMMITTER_NAME": "bench",
        "GIT_COMMITTER_EMAIL": "bench@localhost",
    }


def prepare(work: Callable[..., None], *arguments: object) -> None:
    """Call `work` in a process of its own.

    A child's peak memory starts at what its parent has, so the process that measures must stay small.
    """
    process = multiprocessing.get_context("fork").Process(target=work, args=arguments)
    process.start()
    process.join()
    assert process.exitcode == 0, "the data could not be made"


def play(contest: Contest, workload: Workload, scale: float, seed: int) -> dict[str, float]:
    """Take a contender through a workload; a figure for each column."""
    data, out = Path(contest.names["data"]), Path(contest.names["out"])
    prepare(workload.make, data, scale, random.Random(f"{seed} 0"))
    subprocess.run(["sync"], check=True)
    contest.run(contest.peer.init)
    first = contest.commit("v0")
    row: dict[str, float] = {"commit": first.seconds, "cpu": first.cpu, "memory": first.memory}
    row["again"] = contest.commit("again").seconds
    changes = []
    for number in range(1, workload.versions):
        prepare(workload.change, data, random.Random(f"{seed} {number}"))
        changes.append(contest.commit(f"v{number}").seconds)
    last = f"v{workload.versions - 1}"
    row["change"] = statistics.median(changes)
    row["size"] = contest.size()
    if contest.peer.look:
        row["look"] = contest.run(contest.peer.look).seconds
    row["checkout"] = contest.run(contest.peer.checkout, tag=last).seconds
    if not _same(data, out):
        raise CommandFailedError("the checkout is not what was committed")
    drop = ["v0", "again", *(f"v{number}" for number in range(1, workload.versions - 1))]
    if contest.peer.collect:
        row["collect"] = contest.run(contest.peer.collect, drop=" ".join(drop), last=last).seconds
        row["size collected"] = contest.size()
    return row


def _same(a: Path, b: Path) -> bool:
    command = ["diff", "-rq", "--no-dereference", str(a), str(b)]
    return subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode == 0


def measure(name: str, peers: dict[str, Peer], arguments: argparse.Namespace) -> dict[str, dict[str, float]]:
    """Play every round of one workload; the medians."""
    workload = WORKLOADS[name]
    rounds: dict[str, dict[str, list[float]]] = {peer: defaultdict(list) for peer in peers}
    for number in range(arguments.repeat):
        for label, peer in peers.items():
            with tempfile.TemporaryDirectory(prefix=f"bench-{label}-", dir=arguments.directory) as work:
                try:
                    row = play(Contest(peer, Path(work)), workload, arguments.scale, arguments.seed + number)
                except CommandFailedError as error:
                    print(f"{label}: {error}", file=sys.stderr)
                    row = {"failed": 1}
            for column, figure in row.items():
                rounds[label][column].append(figure)
    return {
        label: {column: statistics.median(figures) for column, figures in row.items()}
        for label, row in rounds.items()
    }


def table(rows: dict[str, dict[str, float]]) -> str:
    """The figures as a Markdown table; seconds and MB."""
    columns = [
        column for column in [*SECONDS, *BYTES, "failed"] if any(column in row for row in rows.values())
    ]
    lines = [["", *columns], ["---", *("---:" for _ in columns)]]
    for peer, row in rows.items():
        cells = [
            "" if c not in row else f"{row[c] / 1e6:.0f} MB" if c in BYTES else f"{row[c]:.2f}"
            for c in columns
        ]
        lines.append([peer, *cells])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> None:
    """Read the command line, measure, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("workloads", nargs="*", default=list(WORKLOADS), help=f"of {', '.join(WORKLOADS)}")
    parser.add_argument("--peers", default=",".join(PEERS), help="separated by commas")
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--directory", help="where to work: the file system that is measured")
    arguments = parser.parse_args()
    peers = present(arguments.peers.split(","))
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    python = f"Python {platform.python_version()}"
    print(f"{time.strftime('%Y-%m-%d')}, {machine}, {python}, scale {arguments.scale:g}")
    for name in arguments.workloads:
        print(f"\n{WORKLOADS[name].title}\n\n{table(measure(name, peers, arguments))}", flush=True)


if __name__ == "__main__":
    main()
