"""The plan of a run: which modules are built, which are not, and why."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from cas.graph.causes import Recipe
from cas.graph.why import Explainer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cas.graph.fill import FilledGraph
    from cas.graph.module import Module
    from cas.ids import VersionId
    from cas.repo.repository import Repository


class Action(StrEnum):
    """What a run does about a module."""

    BUILD = "build"
    SKIP = "skip"


@dataclass(frozen=True, slots=True)
class PlannedOutput:
    """A resource that is to be there after the run."""

    name: str
    version: VersionId
    exists: bool
    """Whether the repository has it already."""

    @property
    def ref(self) -> str:
        """A spec that means this version, short enough for people."""
        return f"{self.name}@{self.version.short}"


@dataclass(frozen=True, slots=True)
class Step:
    """A module in a plan."""

    module: Module
    action: Action
    outputs: tuple[PlannedOutput, ...]
    """In the order of `module.outputs`."""
    reasons: tuple[str, ...]
    """Why, in words; one fact each."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run will do."""

    filled: FilledGraph
    steps: tuple[Step, ...]
    """One for each module of the graph, makers first."""
    registrations: tuple[PlannedOutput, ...]
    """External resources without payload (build parameters, empty optional ones) that the repository does
    not have yet: they are committed first, so that the lineage knows them."""


def plan(repository: Repository, filled: FilledGraph, *, force: bool = False) -> Plan:
    """Decide what is built: the targets that are not there, and what is missing to build them.

    What is missing but needed by nothing that is built is left alone, unless it is a target.

    Args:
        repository: Where to look.
        filled: What to look for.
        force: Build the targets even if they are there.

    Raises:
        NotFoundError: The file name of an output needs a property that it will not have.
        InvalidError: The properties of an output do not fit its type.
    """
    planner = _Planner(repository, filled, force=force)
    steps = [planner.step(module) for module in reversed(filled.graph.order)]
    registrations = [planner.output(name) for name, pin in filled.pins.items() if pin.is_declared]
    return Plan(filled, tuple(reversed(steps)), tuple(one for one in registrations if not one.exists))


class _Planner:
    """Goes through a graph from its ends to its beginnings: whoever needs a module is seen before it."""

    def __init__(self, repository: Repository, filled: FilledGraph, *, force: bool) -> None:
        self._filled = filled
        self._found = repository.lookup(filled.versions.items())
        # What is still to be built is not followed: it has reasons of its own, and to walk up to the sources
        # from each of ten thousand modules would take for ever.
        declared = {
            one.version: Recipe(one.properties, {}) for one in filled.pins.values() if one.is_declared
        }
        self._explainer = Explainer(repository, declared)
        self._targets = frozenset(filled.graph.targets)
        self._force = force
        self._needed: dict[str, str] = {}
        """Module → a sentence that says which module to be built reads from it."""

    def step(self, module: Module) -> Step:
        outputs = tuple(self.output(output.name) for output in module.outputs)
        reasons = self._reasons(module, outputs)
        if not reasons:
            return Step(module, Action.SKIP, outputs, _presences(outputs))
        self._rehearse(module)
        for one in module.inputs:
            if maker := self._filled.graph.maker(one.name):
                self._needed.setdefault(maker.name, f"'{module.name}' needs it")
        return Step(module, Action.BUILD, outputs, reasons)

    def output(self, name: str) -> PlannedOutput:
        version = self._filled.versions[name]
        return PlannedOutput(name, version, (name, version) in self._found)

    def _rehearse(self, module: Module) -> None:
        """Find out now, and not in the middle of a run, that an output refuses its properties."""
        for output in module.outputs:
            resource = copy.deepcopy(output.resource)
            resource.register(self._filled.properties[output.name], self._filled.input_versions(module))

    def _reasons(self, module: Module, outputs: Iterable[PlannedOutput]) -> tuple[str, ...]:
        """Say why a module is to be built; nothing if it is not."""
        is_target = module.name in self._targets
        if not is_target and module.name not in self._needed:
            return ()
        absent = [
            reason for output in outputs if not output.exists for reason in self._absence(module, output)
        ]
        if absent and not is_target:
            absent.append(self._needed[module.name])
        if self._force and is_target:
            absent.insert(0, "it is to be built in any case")
        return tuple(absent)

    def _absence(self, module: Module, output: PlannedOutput) -> Iterator[str]:
        yield f"{output.ref} is not there"
        properties = self._filled.properties[output.name]
        yield from map(
            str, self._explainer.explain(output.name, properties, self._filled.input_versions(module))
        )


def _presences(outputs: Iterable[PlannedOutput]) -> tuple[str, ...]:
    """Say why a module is not built."""
    missing = [output.ref for output in outputs if not output.exists]
    if missing:
        return (f"{', '.join(missing)} is not there, and nothing that is built needs it",)
    return tuple(f"{output.ref} is there" for output in outputs)
