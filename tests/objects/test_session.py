"""Sessions: alive while their owner is, dead however it died, and only the dead are cleared away."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from cas.errors import CasError, NotFoundError
from cas.layout import Layout
from cas.objects.session import Session, is_live, live_sessions, remove_leftovers
from tests.objects import children
from tests.objects.stores import files_below
from tests.processes import start

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def child(layout: Layout) -> Iterator[subprocess.Popen[str]]:
    """Another process with a session and a half-written pack in it."""
    with start(children.hold_a_session, layout.root) as process:
        try:
            yield process
        finally:
            process.kill()


def said_id(child: subprocess.Popen[str]) -> bytes:
    """Wait until the child has its session; its id."""
    assert child.stdout is not None
    return bytes.fromhex(child.stdout.readline().strip())


def test_a_session_is_live_while_it_is_held(layout: Layout) -> None:
    """Its packs are left alone by gc; even in one process, where a lock could be taken twice."""
    with Session.start(layout) as session:
        assert {session.id} == live_sessions(layout)
        assert is_live(layout, session.id.hex())
        assert session.tmp.is_dir()

    assert set() == live_sessions(layout)
    assert not is_live(layout, session.id.hex())


def test_a_closed_session_leaves_nothing(layout: Layout) -> None:
    """Neither its file nor its folder, whatever was in it."""
    with Session.start(layout) as session:
        (session.tmp / "half.pack").write_bytes(b"half of a pack")

    session.close()

    assert [] == files_below(layout.root)
    assert [] == list(layout.tmp.iterdir())


def test_sessions_are_told_apart(layout: Layout) -> None:
    """Two commits at once have two ids, and one ends before the other."""
    with Session.start(layout) as one:
        with Session.start(layout) as two:
            assert {one.id, two.id} == live_sessions(layout)
        assert {one.id} == live_sessions(layout)


def test_another_process_is_seen(layout: Layout, child: subprocess.Popen[str]) -> None:
    """The lock, not a process id, says who lives."""
    session = said_id(child)

    assert {session} == live_sessions(layout)
    assert 0 == remove_leftovers(layout)
    assert ["half.pack"] == [path.name for path in files_below(layout.tmp)]


def test_a_killed_process_is_dead_at_once(layout: Layout, child: subprocess.Popen[str]) -> None:
    """The kernel drops the lock: no timeout to wait for, no stale lock to delete by hand."""
    session = said_id(child)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    assert ["half.pack"] == [path.name for path in files_below(layout.tmp)]

    assert not is_live(layout, session.hex())
    assert set() == live_sessions(layout)
    assert 1 == remove_leftovers(layout)

    assert [] == files_below(layout.root)
    assert [] == list(layout.tmp.iterdir())


def test_leftovers_of_the_living_stay(layout: Layout, child: subprocess.Popen[str]) -> None:
    """One owner died, the other is at work; only the first one's folder goes."""
    session = said_id(child)
    (layout.tmp / bytes(16).hex()).mkdir()
    (layout.tmp / bytes(16).hex() / "half.pack").write_bytes(b"")

    with Session.start(layout) as mine:
        assert 1 == remove_leftovers(layout)
        assert {session.hex(), mine.id.hex()} == {path.name for path in layout.tmp.iterdir()}


def test_the_lock_file_of_the_dead_goes_too(layout: Layout) -> None:
    """Else the folder would fill with one file for each crash."""
    (layout.sessions / bytes(16).hex()).write_bytes(b"")
    (layout.sessions / "README").write_text("not ours")

    assert set() == live_sessions(layout)

    assert ["README"] == [path.name for path in layout.sessions.iterdir()]


def test_no_session_without_its_folders(tmp_path: Path) -> None:
    """A repository that cannot be written says so before anything is read."""
    with pytest.raises(CasError) as caught:
        Session.start(Layout(tmp_path))

    assert isinstance(caught.value, NotFoundError)
    assert "cannot write to the repository" in str(caught.value)


def test_a_session_that_cannot_begin_leaves_no_lock(layout: Layout) -> None:
    """Its file would say that somebody is at work, for as long as this process runs."""
    layout.tmp.rmdir()

    with pytest.raises(CasError):
        Session.start(layout)

    assert [] == list(layout.sessions.iterdir())
