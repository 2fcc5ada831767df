"""Readers without the right to write: they see whole snapshots, and writers leave those alone."""

from __future__ import annotations

import fcntl
import os
import threading
from typing import TYPE_CHECKING

import pytest

from cas.errors import StorageError
from cas.objects.bystanders import Bystanders
from cas.objects.index import Index
from tests.objects import children
from tests.processes import printed, run, start

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from subprocess import Popen


@pytest.fixture
def folder(public: Path) -> Path:
    """Where the index is, which is filled and closed."""
    path = public / "index"
    path.mkdir(mode=0o755)
    index = Index.open(path, create=True)
    index.write(children.write_rows("first"))
    index.close()
    return path


@pytest.fixture
def index(folder: Path) -> Iterator[Index]:
    """The index, opened for writing: what is forbidden afterwards is no matter to it."""
    opened = Index.open(folder)
    yield opened
    opened.close()


@pytest.fixture
def frozen(folder: Path) -> Iterator[Path]:
    """The directory of the index, where permission bits forbid everybody but root to write."""
    modes = {path: path.stat().st_mode for path in (*folder.iterdir(), folder)}
    for path in modes:
        path.chmod(0o555 if path.is_dir() else 0o444)
    yield folder
    folder.chmod(0o755)
    for path, mode in modes.items():
        if path.exists():
            path.chmod(mode)


def heard(child: Popen[str]) -> str:
    """Give the next line that a child says."""
    assert child.stdout is not None
    return child.stdout.readline().strip()


def told(child: Popen[str]) -> str:
    """Say a line to a child, and give its answer."""
    assert child.stdin is not None
    child.stdin.write("\n")
    child.stdin.flush()
    return heard(child)


def test_who_may_not_write_reads(frozen: Path) -> None:
    """And is told so at the first attempt to write, in our words."""
    refused = "ReadOnlyError permission-denied with a hint\n"

    assert refused * 2 + "3000 rows\n" == printed(children.write_as_nobody, frozen)


@pytest.mark.parametrize("name", ["lock.mdb", "data.mdb"])
def test_one_file_that_cannot_be_written_is_enough(frozen: Path, name: str) -> None:
    """LMDB writes to both."""
    for path in frozen.iterdir():
        path.chmod(0o444 if path.name == name else 0o666)

    assert printed(children.write_as_nobody, frozen).startswith("ReadOnlyError permission-denied")


def test_the_table_of_readers_may_be_missing(frozen: Path) -> None:
    """A copy of a repository on a read-only medium has none, and cannot get one."""
    frozen.chmod(0o755)
    (frozen / "lock.mdb").unlink()
    frozen.chmod(0o555)

    assert printed(children.write_as_nobody, frozen).endswith("3000 rows\n")


def test_what_may_not_be_read_is_an_error(frozen: Path) -> None:
    """Of the kind that says: get the permission."""
    (frozen / "data.mdb").chmod(0)

    done = run(children.write_as_nobody, frozen)

    assert "ReadOnlyError: cannot open the index" in done.stderr


def is_waiting(path: Path) -> bool:
    """Whether somebody stands in the entrance: a writer that waits."""
    fd = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False


def test_a_writer_leaves_the_pages_of_a_bystander_alone(index: Index, frozen: Path) -> None:
    """Three transactions later, LMDB would have given them to others."""
    writer = threading.Thread(
        target=lambda: [index.write(children.write_rows(str(number))) for number in range(8)]
    )
    with start(children.look_as_nobody, frozen) as child:
        assert "read-only" == heard(child)
        assert "inside" == told(child)
        writer.start()
        while not is_waiting(frozen) and writer.is_alive():
            pass

        assert "whole" == told(child)

        writer.join()


def test_bystanders_see_whole_snapshots_whatever_is_written(index: Index, frozen: Path) -> None:
    """Two of them scan without a pause, and the writer gets its turn all the same."""
    with start(children.scan_as_nobody, frozen) as one, start(children.scan_as_nobody, frozen) as other:
        assert ["begins", "begins"] == [heard(one), heard(other)]
        for number in range(60):
            index.write(children.write_rows(str(number)))

        assert ["0 torn", "0 torn"] == [told(one), told(other)]


def test_a_process_whose_snapshots_overlap_lets_a_writer_go(index: Index, frozen: Path) -> None:
    """Its threads never agree to end together by themselves; a writer would give up after a minute."""
    with start(children.overlap_as_nobody, frozen) as readers:
        assert heard(readers) == "begins"
        for number in range(5):
            index.write(children.write_rows(str(number)))

        assert told(readers) == "ends"


def test_newcomers_wait_for_a_writer_that_waits(folder: Path) -> None:
    """Or a row of readers, each coming before the last has left, would keep it out for ever."""
    first, writer = Bystanders(folder), Bystanders(folder)
    first.enter()
    waiting = threading.Thread(target=writer.wait)
    waiting.start()
    while not is_waiting(folder):
        pass

    first.leave()

    waiting.join()
    assert not is_waiting(folder)
    first.enter()
    first.close()
    writer.wait()
    writer.close()


def test_a_reader_that_never_ends_stops_no_writer_for_ever(folder: Path) -> None:
    """A process that is stopped in the middle of a snapshot holds its lock; the error says how to find it."""
    stopped, writer = Bystanders(folder), Bystanders(folder)
    stopped.enter()

    with pytest.raises(StorageError) as caught:
        writer.wait(limit_s=0.01)

    assert caught.value.code == "readers-in-the-way"
    assert not is_waiting(folder)
    stopped.close()
    writer.wait()
    writer.close()


def test_whoever_is_inside_can_tell_that_a_writer_waits(folder: Path) -> None:
    """A process with many threads must let its own snapshots run out then."""
    inside, writer = Bystanders(folder), Bystanders(folder)
    inside.enter()
    before = inside.is_awaited()
    waiting = threading.Thread(target=writer.wait)
    waiting.start()
    while not is_waiting(folder):
        pass

    during = inside.is_awaited()
    inside.leave()
    waiting.join()

    assert [False, True, False] == [before, during, inside.is_awaited()]
    inside.close()
    writer.close()
