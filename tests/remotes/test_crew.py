"""Threads that work through tasks: what they are given, what they give back, and how they end."""

from __future__ import annotations

import threading
import time
from queue import Empty

import pytest

from cas.remotes.crew import Crew


def test_everything_given_comes_back() -> None:
    """Also None, which is a task and a result like any other; no order is promised."""
    crew: Crew[int | None, int | None] = Crew(lambda task: task, count=3)
    for task in (*range(20), None):
        crew.give(task)

    found = [crew.collect() for _ in range(21)]
    crew.dismiss()

    assert {None, *range(20)} == set(found)
    assert 0 == crew.waiting


def test_no_more_threads_than_asked_for() -> None:
    """And none that has nothing to do."""
    names: set[int] = set()
    meeting = threading.Barrier(2)

    def meet(_: int) -> None:
        names.add(threading.get_ident())
        meeting.wait(60)

    crew: Crew[int, None] = Crew(meet, count=2)
    for task in range(10):
        crew.give(task)
    for _ in range(10):
        crew.collect()
    crew.dismiss()

    assert 2 == len(names)


def test_what_has_not_begun_never_begins_after_a_dismissal() -> None:
    """The thread is at its first task; the others were given, and are dropped."""
    begun: list[int] = []
    is_begun, may_end = threading.Event(), threading.Event()

    def do(task: int) -> int:
        begun.append(task)
        is_begun.set()
        assert may_end.wait(60)
        return task

    crew = Crew(do, count=1)
    for task in range(5):
        crew.give(task)
    assert is_begun.wait(60)
    crew.dismiss(grace_s=0)
    may_end.set()

    assert 0 == crew.collect()
    crew.dismiss(grace_s=60)
    assert [0] == begun
    assert not [thread for thread in threading.enumerate() if thread.name == "cas-crew"]


def test_who_does_not_answer_in_time_is_not_waited_for() -> None:
    """The time is one for all results; what is there already is taken even when it is over."""
    may_end = threading.Event()

    def do(task: int) -> int:
        if task == 2:
            assert may_end.wait(60)
        return task

    crew = Crew(do, count=2)
    crew.give(1)
    assert 1 == crew.collect(time.monotonic() + 60)
    crew.give(2)
    with pytest.raises(Empty):
        crew.collect(time.monotonic())

    may_end.set()
    assert 2 == crew.collect()
    crew.dismiss()


def test_a_failure_is_raised_where_the_result_is_asked_for() -> None:
    """And the crew goes on with the rest."""

    def do(task: int) -> float:
        return 1 / task

    crew = Crew(do, count=1)
    crew.give(0)
    crew.give(2)

    with pytest.raises(ZeroDivisionError):
        crew.collect()
    assert 0.5 == crew.collect()
    crew.dismiss()
