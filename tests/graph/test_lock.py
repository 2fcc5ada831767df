"""One builder for one output: taken whole, dropped by death, not handed to children."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cas.graph.lock import BuildLock
from cas.ids import VersionId
from cas.layout import Layout
from cas.objects.session import live_sessions
from cas.repo import Repository
from tests.processes import say, start

A = ("roads", VersionId(bytes(32)))
B = ("rails", VersionId(bytes(32)))


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """The layout of an empty repository."""
    with Repository.init(tmp_path) as repository:
        return repository.layout


def hold(folder: str) -> None:
    """Take the lock of one output, start a program and fork a worker that outlive us, and wait."""
    assert BuildLock(Layout.at(Path(folder)), [A]).acquire()
    program = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    reader, writer = os.pipe()
    worker = os.fork()
    if worker == 0:
        os.write(writer, b"1")
        signal.pause()
    os.read(reader, 1)  # it is through with what a fork does first
    say(program.pid, worker)
    input()


def test_one_holder_at_a_time(layout: Layout) -> None:
    """A second run must not start the build that the first is at; when it is over it may."""
    first, second = BuildLock(layout, [A]), BuildLock(layout, [A])

    assert first.acquire()
    assert not second.acquire()
    first.release()
    assert second.acquire()
    second.release()


def test_the_name_and_the_version_count(layout: Layout) -> None:
    """Two resources may have one version id, and one resource many versions."""
    others = [B, (A[0], VersionId(b"\1" * 32))]
    lock, other = BuildLock(layout, [A]), BuildLock(layout, others)

    assert lock.acquire()
    assert other.acquire()
    lock.release()
    other.release()


def test_all_locks_or_none(layout: Layout) -> None:
    """Whoever kept one while another is busy could wait for somebody who waits for that one."""
    first, both, second = BuildLock(layout, [B]), BuildLock(layout, [A, B]), BuildLock(layout, [A])
    assert first.acquire()

    assert not both.acquire()

    assert second.acquire()
    first.release()
    second.release()


def test_nothing_is_left_behind(layout: Layout) -> None:
    """A released lock has no file; releasing twice does nothing."""
    lock = BuildLock(layout, [A, B])
    lock.acquire()
    assert len(list(layout.sessions.iterdir())) == 2

    lock.release()
    lock.release()

    assert list(layout.sessions.iterdir()) == []


def test_a_lock_dies_with_its_owner_and_no_child_keeps_it(layout: Layout) -> None:
    """After SIGKILL the next run takes over, though a program and a forked worker of the dead one live on."""
    lock = BuildLock(layout, [A])
    with start(hold, layout.root) as owner:
        assert owner.stdout is not None
        children = [int(word) for word in owner.stdout.readline().split()]
        assert not lock.acquire()

        owner.kill()
        owner.wait()
        is_free = lock.acquire()
        for child in children:
            os.kill(child, signal.SIGKILL)

    assert is_free
    lock.release()


def test_gc_removes_the_files_of_the_dead(layout: Layout) -> None:
    """A build that was killed and is never repeated leaves nothing for ever; a running one keeps its lock."""
    lock = BuildLock(layout, [A])
    assert lock.acquire()
    (layout.sessions / ("ab" * 32)).touch()

    live_sessions(layout)

    assert len(list(layout.sessions.iterdir())) == 1
    assert not BuildLock(layout, [A]).acquire()
    lock.release()
