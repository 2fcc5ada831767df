"""Checking that modules are reproducible: the same version, made again, must have the same bytes.

A version id says what was asked for and nothing about bytes, so a task that depends on the time, on the
machine or on chance goes unnoticed until somebody builds it a second time. Here it is built a second time
on purpose. The outputs are committed as always, but to a repository of which every commit is a dry run: so
each type of resource is compared as it would be stored, and nothing changes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cas.graph.outcome import Mismatch, ModuleResult, RunReport, State
from cas.graph.schedule import Schedule
from cas.graph.workshop import Workshop
from cas.graph.wrapper import build
from cas.repo.repository import Repository
from cas.repo.results import OnConflict

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cas.graph.opened import Opener
    from cas.graph.plan import Plan, Step
    from cas.graph.workshop import Manner
    from cas.graph.wrapper import Bench
    from cas.ids import VersionId
    from cas.repo.results import CommitResult
    from cas.versions.version import Version

    Key = tuple[str, VersionId]


def check(opener: Opener, plan: Plan, manner: Manner) -> RunReport:
    """Build the targets of the plan's graph again, store nothing, and compare.

    A module of which something is not stored cannot be compared and is skipped. No hooks are fired.

    Raises:
        ReadOnlyError: The repository cannot be written; the modules work in its `tmp/`.
    """
    steps = {step.module.name: step for step in plan.steps if step.module.name in plan.filled.graph.targets}
    schedule = Schedule(dict.fromkeys(steps, frozenset()), jobs=manner.jobs)
    with Workshop(opener, manner) as workshop:
        checking = _Checking(plan, steps, workshop)
        schedule.run_all(checking.attempt, stop=manner.programs.stop)
    return RunReport(tuple(schedule.results[name] for name in steps))


class _Rehearsal(Repository):
    """A repository that only says what a commit would store."""

    def commit(self, *args: Any, **options: Any) -> CommitResult:  # noqa: ANN401 - whatever the real one takes
        """Look at the content and store nothing; what is stored with other content is no conflict here."""
        return super().commit(*args, **{**options, "dry_run": True, "on_conflict": OnConflict.REPLACE})


class _Checking:
    """Checks modules."""

    def __init__(self, plan: Plan, steps: dict[str, Step], workshop: Workshop) -> None:
        self._filled = plan.filled
        self._steps = steps
        self._workshop = workshop

    def attempt(self, module: str) -> ModuleResult:
        """Check a module. Nobody is in the way, because nothing is written."""
        step = self._steps[module]
        with self._workshop.repository() as repository:
            stored = repository.lookup((output.name, output.version) for output in step.outputs)
            missing = [output.ref for output in step.outputs if (output.name, output.version) not in stored]
            if not missing:
                return self._workshop.do(step, repository, lambda bench: self._work(step, stored, bench))
        why = f"{', '.join(missing)} is not there: nothing to compare with"
        return ModuleResult(module, State.SKIPPED, step.outputs, (why,))

    def _work(self, step: Step, stored: Mapping[Key, Version], bench: Bench) -> ModuleResult:
        with _Rehearsal.open(bench.source.layout.root) as bench.target:
            build(step.module, self._filled, bench)
        found = [
            Mismatch(output, stored[output.name, output.version].content, made.version.content)
            for output, made in zip(step.outputs, bench.made, strict=True)
        ]
        mismatches = tuple(one for one in found if one.stored != one.made)
        state = State.DIFFERENT if mismatches else State.SAME
        return ModuleResult(step.module.name, state, step.outputs, mismatches=mismatches)
