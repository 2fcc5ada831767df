"""Small graphs to run, and ways to run them."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from cas.graph.declare import inputs_by_role, no_properties, outputs_by_role
from cas.graph.fill import fill_graph
from cas.graph.graph import Graph
from cas.graph.module import Command, Module
from cas.graph.pins import pin
from cas.graph.plan import plan
from cas.graph.programs import Programs
from cas.graph.run import run
from cas.graph.workshop import Manner
from cas.repo import Repository
from cas.resources.files import FileResource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from cas.graph.declare import Inputs
    from cas.graph.module import External, TaskContext
    from cas.graph.outcome import ModuleResult, RunReport
    from cas.graph.plan import Plan
    from cas.resources.base import Resource
    from cas.versions.values import JSON

PATH = {"PATH": os.environ["PATH"]}


def make(
    name: str,
    task: Callable[[TaskContext], None] | str | Command,
    *,
    inputs: Inputs = (),
    outputs: Sequence[Resource] | None = None,
    **properties: JSON,
) -> Module:
    """Declare a module; a text is a script for `sh`, and the output is a file called as the module."""
    return Module(
        name=name,
        inputs=inputs_by_role(inputs),
        outputs=outputs_by_role(outputs or [FileResource(name)]),
        propagator=no_properties,
        task=Command(("sh", "-ec", task)) if isinstance(task, str) else task,
        properties=properties or {"made_by": name},
    )


@dataclass
class Witness:
    """A listener that remembers."""

    started_modules: list[str] = field(default_factory=list)
    waited_for: list[str] = field(default_factory=list)
    results: list[ModuleResult] = field(default_factory=list)

    def started(self, module: str) -> None:
        """Remember it."""
        self.started_modules.append(module)

    def waiting(self, module: str) -> None:
        """Remember it."""
        self.waited_for.append(module)

    def ended(self, result: ModuleResult) -> None:
        """Remember it."""
        self.results.append(result)


def planned(home: Path, graph: Graph, *, force: bool = False) -> Plan:
    """Plan a run of `graph` on the repository in `home`."""
    with Repository.open(home) as repository:
        return plan(repository, fill_graph(graph, pin(repository, graph)), force=force)


def build(  # noqa: PLR0913 - what a run may be told
    home: Path,
    *modules: Module,
    externals: Iterable[External] = (),
    targets: Sequence[str] = (),
    jobs: int = 1,
    force: bool = False,
    keep: Path | None = None,
    witness: Witness | None = None,
) -> RunReport:
    """Plan and run modules on the repository in `home`."""
    graph = Graph(modules, externals)
    if targets:
        graph = graph.select(targets)
    manner = Manner(
        Programs(PATH, grace_s=60),
        jobs=jobs,
        is_forced=force,
        keep=keep,
        listener=witness or Witness(),
    )
    return run(partial(Repository.open, home), planned(home, graph, force=force), manner)


def states(report: RunReport) -> dict[str, str]:
    """Say what happened to each module."""
    return {one.module: one.state.value for one in report.modules}


def read(home: Path, spec: str) -> str:
    """Read a file of the repository."""
    with Repository.open(home) as repository:
        return repository.read(spec).decode()


def names(home: Path) -> list[str]:
    """List what the repository has."""
    with Repository.open(home) as repository:
        return [one.name for one in repository.names()]


def leftovers(home: Path) -> list[str]:
    """List what a run should have cleared away."""
    root = home / ".cas"
    return sorted(path.name for folder in (root / "tmp", root / "sessions") for path in folder.iterdir())
