"""The order in which modules are done, and what a failure or an interrupt stops."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cas.graph.outcome import ModuleResult, State
from cas.graph.schedule import Schedule

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class Record:
    """Work that only notes what was done, and fails where it is told to."""

    def __init__(self, *, failing: frozenset[str] = frozenset()) -> None:
        self.done: list[str] = []
        self.is_stopped = False
        self._failing = failing

    def attempt(self, module: str) -> ModuleResult | None:
        """Do nothing."""
        self.done.append(module)
        return ModuleResult(module, State.FAILED if module in self._failing else State.BUILT, ())

    def stop(self) -> None:
        """Note it."""
        self.is_stopped = True


class Meeting(Record):
    """Work of which two pieces must be going on at the same time."""

    def __init__(self) -> None:
        super().__init__()
        self._barrier = threading.Barrier(2, timeout=60)

    def attempt(self, module: str) -> ModuleResult | None:
        """Wait for the other."""
        self._barrier.wait()
        return super().attempt(module)


class Contested(Record):
    """Work of which one piece is in somebody else's hands until another is done."""

    def attempt(self, module: str) -> ModuleResult | None:
        """Give `a` up while `c` is not done."""
        return None if module == "a" and "c" not in self.done else super().attempt(module)


class Broken(Record):
    """Work with a bug."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self._error = error

    def attempt(self, module: str) -> ModuleResult:
        """Raise."""
        self.done.append(module)
        raise self._error


@st.composite
def graphs(draw: st.DrawFn) -> dict[str, frozenset[str]]:
    """Draw a graph in which each module may need those before it."""
    names = [f"m{number}" for number in range(draw(st.integers(1, 12)))]
    return {
        name: frozenset(draw(st.lists(st.sampled_from(names[:place]), max_size=3)) if place else ())
        for place, name in enumerate(names)
    }


def needs(graph: Mapping[str, frozenset[str]], name: str) -> frozenset[str]:
    """Everything that `name` comes after."""
    return graph[name].union(*(needs(graph, other) for other in graph[name]))


@given(graph=graphs(), jobs=st.integers(1, 4), data=st.data())
def test_a_failure_stops_what_needs_it_and_nothing_else(
    graph: dict[str, frozenset[str]], jobs: int, data: st.DataObject
) -> None:
    """Makers come first; all is done but what comes after a failure; the blockers are those failures."""
    failing = frozenset(data.draw(st.lists(st.sampled_from(sorted(graph)), max_size=2)))
    work = Record(failing=failing)
    schedule = Schedule(graph, jobs=jobs)

    schedule.run_all(work.attempt, stop=work.stop)

    assert set(work.done) == {name for name in graph if not needs(graph, name) & failing}
    assert len(work.done) == len(set(work.done))
    for place, name in enumerate(work.done):
        assert graph[name] <= set(work.done[:place])
    for name in graph.keys() - set(work.done):
        assert schedule.blockers(name) == tuple(sorted(needs(graph, name) & failing & set(work.done)))
    assert not work.is_stopped


def test_independent_modules_go_on_together() -> None:
    """Two jobs are two modules at a time."""
    work = Meeting()

    Schedule({"a": frozenset(), "b": frozenset()}, jobs=2).run_all(work.attempt, stop=work.stop)

    assert sorted(work.done) == ["a", "b"]


def test_what_somebody_else_builds_does_not_hold_up_the_rest() -> None:
    """With one job, a module that another run is at is left for later, and what it needs comes after it."""
    work = Contested()
    graph: Mapping[str, frozenset[str]] = {
        "a": frozenset(),
        "b": frozenset({"a"}),
        "c": frozenset(),
    }

    Schedule(graph, jobs=1).run_all(work.attempt, stop=work.stop)

    assert work.done == ["c", "a", "b"]


@pytest.mark.parametrize("make", [KeyboardInterrupt, lambda: RuntimeError("a bug")])
def test_an_interrupt_or_a_bug_ends_the_run(make: Callable[[], BaseException]) -> None:
    """What is running is told to stop, and nobody mistakes the end for a result."""
    error = make()
    work = Broken(error)

    with pytest.raises(type(error)):
        Schedule({"a": frozenset(), "b": frozenset({"a"})}, jobs=2).run_all(work.attempt, stop=work.stop)

    assert work.is_stopped
