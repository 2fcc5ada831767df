"""Measure what a plan takes: version ids a second, and a pipeline of 10,000 modules that is all built.

    python -m tests.bench.planning
    python -m tests.bench.planning --modules 100000

Version ids have ten properties and three inputs each. Every module of the pipeline reads two outputs of
others and hands three properties on; the repository has them all. `cas build --dry-run` is a whole process;
its steps are those of another one, so that the interpreter's start and what is printed are what is left.
"""

from __future__ import annotations

import argparse
import io
import itertools
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from cas.graph.fill import fill_graph
from cas.graph.pins import pin
from cas.graph.pipeline_file import load_pipeline
from cas.graph.plan import Action, plan
from cas.ids import VersionId
from cas.repo import Repository
from cas.versions.events import Committed
from cas.versions.identity import version_id
from cas.versions.record import Record

if TYPE_CHECKING:
    from cas.graph.fill import FilledGraph
    from cas.versions.version import Version

IDS = 20_000
ROUNDS = 10


def ids_per_second() -> float:
    """Hash recipes that all differ, on one core. Of several rounds the best: others use the core too."""
    inputs = {role: VersionId(bytes([at]) * 32) for at, role in enumerate(("roads", "build", "rules"))}
    recipes = [
        {"region": "ru", "vendor": "yandex", "date": "20160101", "rows": number, "n": number * 3}
        | {"is_final": True, "note": f"number {number}", "parent": None, "language": "русский", "rate": 0.25}
        for number in range(IDS)
    ]
    rounds = []
    for _ in range(ROUNDS):
        start = time.process_time()
        for properties in recipes:
            version_id(properties, inputs)
        rounds.append(time.process_time() - start)
    return len(recipes) / min(rounds)


def write_pipeline(path: Path, count: int) -> None:
    """Write a pipeline in which each module reads the output before it and one half way up."""
    lines = ["resources:", "  build: {type: file}", "modules:"]
    for number in range(count):
        far, near = (f"out/{number // 2 - 1}", f"out/{number - 1}") if number > 1 else ("build", "build")
        lines += [
            f"  module-{number}:",
            f"    inputs: {{far: {far}, near: {near}}}",
            f"    outputs: [out/{number}]",
            "    properties: {ensure_equal: [region, vendor, date]}",
            f'    run: [python, step.py, "{{inputs.far}}", "{{inputs.near}}", "{{outputs.{number}}}"]',
        ]
    path.write_text("\n".join(lines) + "\n")


def prepare(home: Path, count: int) -> None:
    """Make the pipeline, and a repository that has everything it makes.

    In a process of its own, because a child's peak memory starts at what its parent has.
    """
    process = multiprocessing.get_context("fork").Process(target=_prepare, args=(home, count))
    process.start()
    process.join()
    assert process.exitcode == 0, "the pipeline could not be made"


def _prepare(home: Path, count: int) -> None:
    write_pipeline(home / "pipeline.yaml", count)
    with Repository.init(home) as repository:
        properties = {"region": "ru", "vendor": "yandex", "date": "20160101"}
        repository.commit("build", io.BytesIO(b"x"), properties=properties)
        graph = load_pipeline(home / "pipeline.yaml")
        build_all(repository, fill_graph(graph, pin(repository, graph)))


def build_all(repository: Repository, filled: FilledGraph) -> None:
    """Put a record of every output into the repository, all with the content of `build`.

    In one transaction, because what is measured is reading; ten thousand commits take minutes.
    """
    build = repository.resolve("build")
    events = [
        Committed.of("main", _record(filled, name, build), replaces=False) for name in filled.graph.modules
    ]
    repository._write(lambda txn: repository._ledger.record(txn, events, time.time_ns()))


def _record(filled: FilledGraph, name: str, build: Version) -> Record:
    module = filled.graph.modules[name]
    output = module.outputs[0].name
    return Record(
        name=output,
        type="file",
        version=filled.versions[output],
        properties=dict(filled.properties[output]),
        inputs=filled.input_versions(module),
        content=build.content,
        size=build.size,
        file_count=1,
        created_at=build.created_at,
        message="",
        origin="bench",
    )


def measure(home: Path) -> dict[str, float]:
    """Plan the pipeline of `home`; the seconds of each step."""
    marks = [time.perf_counter()]
    graph = load_pipeline(home / "pipeline.yaml")
    marks.append(time.perf_counter())
    with Repository.open(home) as repository:
        pins = pin(repository, graph)
        marks.append(time.perf_counter())
        filled = fill_graph(graph, pins)
        marks.append(time.perf_counter())
        made = plan(repository, filled)
        marks.append(time.perf_counter())
    assert all(step.action is Action.SKIP for step in made.steps), "everything is built"
    seconds = [after - before for before, after in itertools.pairwise(marks)]
    return dict(zip(("load", "pin", "fill", "plan"), seconds, strict=True))


def run_build(home: Path) -> tuple[float, int]:
    """Run `cas build --dry-run` on the pipeline of `home`; seconds, and bytes of memory at its peak."""
    command = ["build", str(home / "pipeline.yaml"), "--dry-run", "--json"]
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "cas", "--repo", str(home), *command], stdout=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, "cas build failed"
    return time.perf_counter() - start, usage.ru_maxrss * 1024


def main() -> None:
    """Read the command line, measure, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--modules", type=int, default=10_000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--home", type=Path, help="plan what is in this directory; for the script itself")
    arguments = parser.parse_args()
    if arguments.home:
        print(json.dumps(measure(arguments.home)))
        return
    print(f"{ids_per_second():,.0f} version ids a second")
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        prepare(home, arguments.modules)
        print(f"{arguments.modules:,} modules, all built")
        for _ in range(arguments.repeat):
            seconds, memory = run_build(home)
            itself = [sys.executable, "-m", "tests.bench.planning", "--home", folder]
            done = subprocess.run(itself, capture_output=True, text=True, check=True)
            steps = ", ".join(f"{name} {took:.2f} s" for name, took in json.loads(done.stdout).items())
            print(f"cas build --dry-run: {seconds:.2f} s, {memory / 1e6:.0f} MB; of which {steps}")


if __name__ == "__main__":
    main()
