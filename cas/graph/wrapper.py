"""What is done around a task, so that it only has to read and write files.

Three flows, as the resources' life cycle has them:

    outputs   settings, task, commit, clean
    inputs    settings, make available, task, clean
    removal   settings, remove

`clean` comes in the end whatever happened before.

Invariants
1. Nothing is committed before the task has ended well and every output is there. So a task that fails, or
   forgets an output, leaves no record.
2. A module is built if all its outputs are live, and not otherwise. Outputs are committed one after the other
   in the order of the module; if that is cut short (a full disk, a hook, SIGKILL), those before are live, and
   each is true by itself: its record says what it was made with, and its bytes are what this recipe made.
   The module counts as not built, and the next run does the whole task again.
3. When that happens, committing what is there already changes nothing if the bytes are equal. If they are
   not, the module fails with a conflict: one output of one attempt beside one of another is what nobody
   made, and only the user can say which attempt counts. A forced run says so: what it makes takes the place
   of what is there.
4. What a task sees of its inputs are the versions that were pinned before the run, whatever is current now.
"""

from __future__ import annotations

import copy
import itertools
import logging
import os
import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from cas.errors import CasError, ConflictError, NotFoundError
from cas.graph.command import path_of, perform
from cas.graph.module import TaskContext
from cas.repo.results import OnConflict
from cas.resources.environment import Environment
from cas.resources.registry import resource_type
from cas.resources.stage import Stage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from cas.graph.fill import FilledGraph
    from cas.graph.module import Module
    from cas.graph.programs import Programs
    from cas.repo.repository import Repository
    from cas.repo.results import CommitResult
    from cas.resources.base import Resource

log = logging.getLogger(__name__)

_KINDS: Final = {"file": os.path.isfile, "directory": os.path.isdir}
"""What must be at the path of an output, by its type."""

_SHOWN: Final = 5
"""Files of a task that an error names."""


@dataclass(slots=True)
class Bench:
    """Where one module is run, with what, and what has come of it so far, hence not frozen."""

    source: Repository
    """Inputs come from here."""
    target: Repository
    """Outputs are committed here: the same repository, or one that is thrown away."""
    programs: Programs
    folder: Path
    """Empty, and only for this; the caller deletes what is left of it."""
    is_forced: bool = False
    """Outputs take the place of those that are there with other bytes."""
    origin: str = ""
    """Who or what commits, for the record."""
    keep: Path | None = None
    """A directory to which `folder` is moved when the task is over, instead of being cleaned."""
    made: list[CommitResult] = field(default_factory=list)
    """What has been committed, in the order of the module."""
    kept: Path | None = None
    """Where `folder` is now, if it was moved."""
    notes: list[str] = field(default_factory=list)
    """What went wrong and did not matter."""

    def environment(self, repository: Repository, place: str) -> Environment:
        """Make what resources are told about this host; their folders are in `place`."""
        workspace = self.folder / place
        workspace.mkdir()
        return Environment(repository, workspace, log.info, self.origin)


def build(module: Module, filled: FilledGraph, bench: Bench) -> None:
    """Run a module: flow 1 for its outputs around flow 2 for its inputs.

    Raises:
        CasError: The task failed or left an output out, an input is gone, or the store refused an output.
    """
    inputs = {one.role: _input(one.name, filled, bench.source) for one in module.inputs}
    outputs = {one.role: _output(one.resource, module, filled) for one in module.outputs}
    try:
        here = bench.environment(bench.source, "inputs")
        for resource in inputs.values():
            resource.load_environment_settings(here)
            resource.ensure_available()
        here = bench.environment(bench.target, "outputs")
        for resource in outputs.values():
            resource.load_environment_settings(here)
        workspace = bench.folder / "work"
        workspace.mkdir()
        context = TaskContext(module.name, inputs, outputs, workspace)
        said = perform(module, context, bench.programs)
        _require_untouched(context)
        _require_written(context, said)
        for resource in outputs.values():
            bench.made.append(_commit(resource, bench))
    finally:
        if bench.keep is not None:
            _keep(bench, bench.keep, module.name)
        _clean((*inputs.values(), *outputs.values()), bench)


def register(name: str, filled: FilledGraph, bench: Bench) -> None:
    """Commit an external resource that has no payload: flow 1 without a task."""
    prototype = filled.graph.externals[name].resource
    assert prototype is not None, "a resource that is declared by its properties has a type"
    resource = copy.deepcopy(prototype)
    resource.register(filled.pins[name].properties)
    try:
        resource.load_environment_settings(bench.environment(bench.target, "outputs"))
        resource.logged_commit()
    finally:
        _clean([resource], bench)


def remove(resource: Resource, environment: Environment) -> None:
    """Delete what is stored of a registered resource: flow 3. The object is of no use afterwards.

    Raises:
        ConflictError: Others were made from it.
        NotFoundError: It was never stored.
    """
    resource.load_environment_settings(environment)
    resource.remove()


def _input(name: str, filled: FilledGraph, repository: Repository) -> Resource:
    """Make the resource of the pinned version of `name`, by its record."""
    wanted = filled.versions[name]
    version = repository.lookup([(name, wanted)]).get((name, wanted))
    if version is None:
        raise NotFoundError(
            f"cannot use '{name}@{wanted.short}'",
            code="input-gone",
            why="it was there when the run began, and has been removed",
            hint="run the same command again",
        )
    prototype = _prototype(name, filled)
    if prototype is None:  # nobody said what it is, so it is what the record says
        make: Callable[[str], Resource] = resource_type(version.type)
        prototype = make(name)
    resource = copy.deepcopy(prototype)
    resource.register(version.properties, version.inputs)
    return resource


def _prototype(name: str, filled: FilledGraph) -> Resource | None:
    maker = filled.graph.maker(name)
    if maker is None:
        return filled.graph.externals[name].resource
    return next(output.resource for output in maker.outputs if output.name == name)


def _output(prototype: Resource, module: Module, filled: FilledGraph) -> Resource:
    resource = copy.deepcopy(prototype)
    resource.register(filled.properties[resource.name], filled.input_versions(module))
    return resource


def _require_untouched(context: TaskContext) -> None:
    """Check that no input was written to; invariant 4. It is the repository's own file, and other modules'.

    Raises:
        CasError: One was, by this task or by somebody else meanwhile.
    """
    for role, resource in context.inputs.items():
        file = resource.written_to()
        if file is not None:
            raise CasError(
                f"module '{context.module}' cannot trust its input '{role}'",
                code="input-changed",
                why=f"somebody wrote to '{file.name}' while it was read, this module or another one",
                hint="inputs are only to be read: copy them to $CAS_WORKSPACE to change them",
            )


def _require_written(context: TaskContext, said: str) -> None:
    """Check that every output is there; invariant 1.

    Raises:
        CasError: The task left one out.
    """
    for role, resource in context.outputs.items():
        path = path_of(resource, context.workspace)
        if not resource.has_payload or _is_written(resource, path):
            continue
        why = f"there is no {resource.type_name} at '{path}'" if path else "no value was set"
        others = _others(path, context.workspace) if path else []
        raise CasError(
            f"module '{context.module}' did not make its output '{role}'",
            code="output-missing",
            why="".join(
                (
                    why,
                    f"; there are {', '.join(map(repr, others))}" if others else "",
                    f"; it said:\n{said}" if said else "",
                )
            ),
            hint=f"write to {{outputs.{role}}}" if path else None,
        )


def _is_written(resource: Resource, path: Path | None) -> bool:
    if path is None:
        return resource.stage is Stage.WRITTEN
    return _KINDS.get(resource.type_name, os.path.exists)(path)


def _others(path: Path, workspace: Path) -> list[str]:
    """List what the task wrote beside `path`, and what into its workspace."""
    beside = [one for one in path.parent.iterdir() if one != path]
    return [str(one) for one in sorted((*beside, *workspace.iterdir()))[:_SHOWN]]


def _commit(resource: Resource, bench: Bench) -> CommitResult:
    """Commit an output; invariant 3."""
    try:
        return resource.logged_commit(on_conflict=OnConflict.REPLACE if bench.is_forced else OnConflict.FAIL)
    except ConflictError as error:
        if error.code != "version-conflict":
            raise
        raise ConflictError(
            error.what,
            code=error.code,
            why=f"{error.why}: an earlier attempt made it, or the task does not always make the same",
            hint="run it again with --force, and the new one takes its place",
        ) from error


def _clean(resources: Iterable[Resource], bench: Bench) -> None:
    """Clean all, and let none that fails at it hide another or what the module came to."""
    for resource in resources:
        try:
            resource.clean()
        except Exception as error:  # noqa: BLE001 - a resource of somebody's may raise anything
            bench.notes.append(f"cannot clean up after '{resource.name}': {type(error).__name__}: {error}")


def _keep(bench: Bench, directory: Path, name: str) -> None:
    """Move a module's folder to where its user can look at it; what is there already stays.

    What the module came to does not depend on it: if it cannot be done, a note says so.
    """
    base = name.replace("/", "_")
    names = itertools.chain([base], (f"{base}-{number}" for number in itertools.count(2)))
    try:
        directory.mkdir(parents=True, exist_ok=True)
        place = next(directory / one for one in names if not os.path.lexists(directory / one))
        shutil.move(bench.folder, place)
    except OSError as error:
        bench.notes.append(f"cannot keep its files in '{directory}': {error.strerror}")
    else:
        bench.kept = place
