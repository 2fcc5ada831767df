"""Running a plan: several modules at a time, each output built once whoever else is building.

A run keeps to the versions that its plan was made with. What is built is visible module by module, so a run
that was cut short is resumed by running the same again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cas.graph.lock import BuildLock
from cas.graph.outcome import ModuleResult, RunReport, State
from cas.graph.plan import Action
from cas.graph.schedule import Schedule
from cas.graph.workshop import Workshop
from cas.graph.wrapper import build, register
from cas.hooks import PostRun, PreRun, Subject

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cas.graph.opened import Opener
    from cas.graph.plan import Plan, Step
    from cas.graph.workshop import Manner
    from cas.graph.wrapper import Bench
    from cas.repo.repository import Repository


def run(opener: Opener, plan: Plan, manner: Manner) -> RunReport:
    """Build what the plan says, and report on every module.

    A module that fails stops only those that need it. When this is interrupted, programs are stopped, Python
    tasks are waited for, since a thread cannot be stopped, and the interrupt is raised; what was built before
    stays.

    Args:
        opener: Opens the repository; several times, if modules run at the same time.
        plan: What to build.
        manner: How.

    Raises:
        ReadOnlyError: There is something to build, and the repository cannot be written.
    """
    steps = {step.module.name: step for step in plan.steps if step.action is Action.BUILD}
    if not steps and not plan.registrations:
        return _report(plan, {}, None)
    schedule = Schedule(_after(plan, steps), jobs=manner.jobs)
    with Workshop(opener, manner) as workshop:
        _register(plan, workshop)
        building = _Building(plan, steps, workshop)
        schedule.run_all(building.attempt, stop=manner.programs.stop)
    return _report(plan, schedule.results, schedule)


def _after(plan: Plan, steps: Mapping[str, Step]) -> dict[str, frozenset[str]]:
    """Say which of the modules that are built each of them must wait for."""
    makers = {
        name: (plan.filled.graph.maker(one.name) for one in step.module.inputs)
        for name, step in steps.items()
    }
    return {
        name: frozenset(maker.name for maker in found if maker is not None and maker.name in steps)
        for name, found in makers.items()
    }


def _register(plan: Plan, workshop: Workshop) -> None:
    for one in plan.registrations:
        with workshop.repository() as repository, workshop.bench(repository) as bench:
            register(one.name, plan.filled, bench)


def _report(plan: Plan, results: Mapping[str, ModuleResult], schedule: Schedule | None) -> RunReport:
    """Put what was done beside what was not."""
    modules = []
    for step in plan.steps:
        name = step.module.name
        result = results.get(name)
        if result is None and step.action is Action.BUILD:
            assert schedule is not None, "something was to be built"
            blockers = schedule.blockers(name)
            result = ModuleResult(name, State.NOT_RUN, step.outputs, step.reasons, blockers=blockers)
        modules.append(result or ModuleResult(name, State.SKIPPED, step.outputs, step.reasons))
    return RunReport(tuple(modules))


class _Building:
    """Builds modules."""

    def __init__(self, plan: Plan, steps: Mapping[str, Step], workshop: Workshop) -> None:
        self._filled = plan.filled
        self._steps = steps
        self._workshop = workshop
        self._waited: set[str] = set()

    def attempt(self, module: str) -> ModuleResult | None:
        """Build a module, unless somebody else is at it."""
        step = self._steps[module]
        lock = BuildLock(self._workshop.layout, [(output.name, output.version) for output in step.outputs])
        if not lock.acquire():
            if module not in self._waited:
                self._waited.add(module)
                self._workshop.tell(lambda listener: listener.waiting(module))
            return None
        try:
            with self._workshop.repository() as repository:
                return self._build(step, repository)
        finally:
            lock.release()

    def _build(self, step: Step, repository: Repository) -> ModuleResult:
        if _is_done_meanwhile(step, repository):
            why = ("another run has built it meanwhile",)
            return ModuleResult(step.module.name, State.SKIPPED, step.outputs, why)
        return self._workshop.do(step, repository, lambda bench: self._work(step, bench))

    def _work(self, step: Step, bench: Bench) -> ModuleResult:
        repository = bench.source
        inputs = self._filled.input_versions(step.module)
        layer = repository.config.layer_for_writing(None)
        outputs = tuple(Subject(layer, output.name, output.version) for output in step.outputs)
        root = repository.layout.root
        repository.before_run(PreRun(root, step.module.name, outputs, inputs))
        clock = self._workshop.manner.clock
        start = clock()
        is_built = False
        try:
            build(step.module, self._filled, bench)
            is_built = True
        finally:
            event = PostRun(root, step.module.name, outputs, inputs, built=is_built, seconds=clock() - start)
            bench.notes += repository.after_run(event)
        return ModuleResult(step.module.name, State.BUILT, step.outputs, step.reasons)


def _is_done_meanwhile(step: Step, repository: Repository) -> bool:
    """Look again, now that nobody else is building: invariant 2 of `cas.graph.lock`.

    What was all there when the plan was made is built because the user insists.
    """
    if all(output.exists for output in step.outputs):
        return False
    keys = [(output.name, output.version) for output in step.outputs]
    return len(repository.lookup(keys)) == len(set(keys))
