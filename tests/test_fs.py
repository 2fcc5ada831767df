"""File operations: whole or not at all, locks that die with their owner, errors that say what was done."""

from __future__ import annotations

import errno
import os
import signal
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cas import fs
from cas.errors import CasError, InvalidError, NotFoundError, ReadOnlyError, StorageError
from cas.testing import faults
from tests import children
from tests.processes import run, start


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A name for a file."""
    return tmp_path / "file"


def test_a_file_is_replaced(path: Path) -> None:
    """Written, synced, renamed: in this order, and nothing else stays."""
    fs.write_atomically(path, b"old")
    with faults.recorded_steps() as steps:
        fs.write_atomically(path, b"new")

    assert b"new" == path.read_bytes()
    assert [path] == list(path.parent.iterdir())
    assert ["file.written", "file.renamed"] == steps


@pytest.mark.parametrize(("step", "text"), [(1, "old"), (2, "new")])
def test_a_crash_leaves_the_old_file_or_the_new_one(path: Path, step: int, text: str) -> None:
    """Never a part of one, and never nothing."""
    path.write_text("old")

    died = run(children.write_and_die, path, "new", step)

    assert -signal.SIGKILL == died.returncode
    assert text == path.read_text()


@pytest.mark.parametrize("step", [1, 2])
def test_a_crash_while_a_file_is_made_leaves_nothing_or_the_file(path: Path, step: int) -> None:
    """The same for a name that was free; and the next attempt succeeds."""
    run(children.write_and_die, path, "new", step)

    assert path.exists() == (step == 2)
    fs.write_atomically(path, b"newer")
    assert b"newer" == path.read_bytes()


def test_a_failure_leaves_the_old_file_alone(path: Path) -> None:
    """A disk that fills up: nothing has changed, and the temporary file is gone."""
    path.write_text("old")

    with (
        pytest.raises(OSError, match="No space left"),
        faults.failing_at("file.written", OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))),
    ):
        fs.write_atomically(path, b"new")

    assert "old" == path.read_text()
    assert [path] == list(path.parent.iterdir())


def test_a_name_that_cannot_be_taken_leaves_nothing(tmp_path: Path) -> None:
    """The rename fails last of all, and there too the temporary file goes."""
    (tmp_path / "folder").mkdir()

    with pytest.raises(IsADirectoryError):
        fs.write_atomically(tmp_path / "folder", b"new")

    assert ["folder"] == [found.name for found in tmp_path.iterdir()]


def test_a_directory_is_made_once(tmp_path: Path) -> None:
    """Whoever comes second finds it."""
    fs.make_directory(tmp_path / "a")
    fs.make_directory(tmp_path / "a")

    assert (tmp_path / "a").is_dir()
    with pytest.raises(FileNotFoundError):
        fs.make_directory(tmp_path / "b" / "c")


def test_everything_is_written_however_little_is_taken_at_once() -> None:
    """A pipe takes what fits and says how much that was."""
    data = bytes(range(256)) * 4096
    reading, writing = os.pipe()
    received = bytearray()

    def read() -> None:
        while part := os.read(reading, 7000):
            received.extend(part)

    thread = threading.Thread(target=read)
    thread.start()
    fs.write_all(writing, data)
    os.close(writing)
    thread.join()
    os.close(reading)

    assert data == received


@given(data=st.binary(max_size=100), size=st.integers(0, 120), offset=st.integers(0, 120))
def test_as_much_is_read_as_there_is(
    data: bytes, size: int, offset: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Fewer bytes come back only where the file ends."""
    path = tmp_path_factory.mktemp("read") / "file"
    path.write_bytes(data)
    fd = os.open(path, os.O_RDONLY)
    try:
        assert data[offset : offset + size] == fs.read_exactly(fd, size, offset)
    finally:
        os.close(fd)


def test_one_holds_a_lock_at_a_time(path: Path) -> None:
    """Also within one process, where a record lock would be given twice."""
    first, second = fs.FileLock(path), fs.FileLock(path)

    assert first.acquire(blocking=False)
    assert not second.acquire(blocking=False)
    first.release()
    assert second.acquire(blocking=False)
    second.release()


def test_a_lock_may_be_released_twice(path: Path) -> None:
    """Clean-up code need not know how far things went."""
    lock = fs.FileLock(path)
    lock.release()
    lock.acquire(blocking=True)
    lock.release(unlink=True)
    lock.release(unlink=True)

    assert not path.exists()


def wait_until_somebody_waits(path: Path) -> None:
    """Return once a lock on the file is waited for, which the kernel lists with an arrow."""
    inode = f":{path.stat().st_ino} "
    while not any("->" in line and inode in line for line in Path("/proc/locks").read_text().splitlines()):
        pass


def test_who_waits_gets_the_lock_when_it_is_free(path: Path) -> None:
    """As soon as its owner lets go."""
    order = []
    first, second = fs.FileLock(path), fs.FileLock(path)
    first.acquire(blocking=True)

    def wait() -> None:
        second.acquire(blocking=True)
        order.append("acquired")

    thread = threading.Thread(target=wait)
    thread.start()
    wait_until_somebody_waits(path)
    order.append("released")
    first.release()
    thread.join()
    second.release()

    assert ["released", "acquired"] == order


def test_a_lock_on_a_file_that_was_unlinked_is_not_worth_having(path: Path) -> None:
    """Who waited on the old file would hold a lock that nobody else sees; it tries again on the new one."""
    first, second = fs.FileLock(path), fs.FileLock(path)
    first.acquire(blocking=True)
    thread = threading.Thread(target=second.acquire, kwargs={"blocking": True})
    thread.start()
    wait_until_somebody_waits(path)
    first.release(unlink=True)
    thread.join()

    assert path.exists()
    assert not fs.FileLock(path).acquire(blocking=False)
    second.release(unlink=True)


def test_a_lock_on_a_file_that_was_replaced_is_not_worth_having(path: Path) -> None:
    """The same, where the name belongs to another file by the time the old one is free."""
    first, second = fs.FileLock(path), fs.FileLock(path)
    first.acquire(blocking=True)
    thread = threading.Thread(target=second.acquire, kwargs={"blocking": True})
    thread.start()
    wait_until_somebody_waits(path)
    path.with_name("new").touch()
    path.with_name("new").rename(path)
    first.release()
    thread.join()

    assert not fs.FileLock(path).acquire(blocking=False)
    second.release()


def test_a_lock_dies_with_its_owner(path: Path) -> None:
    """The kernel drops it, so there is no stale lock to wait for or to break."""
    with start(children.hold_a_lock, path) as child:
        assert child.stdout is not None
        assert "True\n" == child.stdout.readline()
        lock = fs.FileLock(path)
        assert not lock.acquire(blocking=False)

        child.kill()
        child.wait()

        assert lock.acquire(blocking=False)
        lock.release()


def test_a_lock_needs_its_directory(tmp_path: Path) -> None:
    """There is nothing to retry where the directory is missing."""
    with pytest.raises(FileNotFoundError):
        fs.FileLock(tmp_path / "absent" / "lock").acquire(blocking=True)


def test_the_file_system_is_known(tmp_path: Path) -> None:
    """An index on NFS would lose data, so it must be recognised before one is made there."""
    kind = fs.file_system_type(tmp_path)

    assert "proc" == fs.file_system_type(Path("/proc"))
    assert kind not in {None, "proc"}
    assert kind not in fs.NETWORK_FILE_SYSTEMS
    assert fs.file_system_type(tmp_path / "absent") is None


@pytest.mark.parametrize(
    ("number", "error", "code"),
    [
        (errno.ENOENT, NotFoundError, "no-such-path"),
        (errno.ENOTDIR, InvalidError, "not-a-directory"),
        (errno.EACCES, ReadOnlyError, "permission-denied"),
        (errno.EPERM, ReadOnlyError, "permission-denied"),
        (errno.EROFS, ReadOnlyError, "read-only-file-system"),
        (errno.ENOSPC, StorageError, "disk-full"),
        (errno.EDQUOT, StorageError, "disk-full"),
        (errno.ENAMETOOLONG, InvalidError, "path-too-long"),
        (errno.EIO, StorageError, "io-error"),
        (errno.EFBIG, StorageError, "io-error"),
    ],
)
def test_an_error_of_the_system_is_explained(number: int, error: type[CasError], code: str) -> None:
    """What was being done, what the system said, and about which path."""
    raised = OSError(number, os.strerror(number), "/some/where")

    explained = fs.explain(raised, "cannot do it")

    assert error is type(explained)
    assert code == explained.code
    assert f"cannot do it: {os.strerror(number)}: '/some/where'" == str(explained)
    assert (code == "disk-full") == (explained.hint is not None)


@pytest.mark.parametrize(
    ("raised", "why"),
    [
        (OSError(errno.EIO, "Input/output error"), "Input/output error"),
        (OSError(errno.ENOENT, "gone", b"/a/\xff"), "gone: '/a/\udcff'"),
        (OSError("no number"), "OSError"),
        (TimeoutError(), "TimeoutError"),
    ],
)
def test_whatever_an_error_lacks_is_left_out(raised: OSError, why: str) -> None:
    """Not every OSError has a number, a message and a path; nothing is said as 'None'."""
    assert why == fs.explain(raised, "cannot do it").why


def test_a_block_of_code_is_explained(tmp_path: Path) -> None:
    """The cause stays attached, and errors of ours pass through as they are."""
    with pytest.raises(NotFoundError) as caught, fs.explained("cannot read it"):
        (tmp_path / "absent").read_bytes()

    assert isinstance(caught.value.__cause__, FileNotFoundError)
    assert "cannot read it" == caught.value.what
    ours = InvalidError("mine", code="bad-name")
    with pytest.raises(InvalidError) as passed, fs.explained("cannot read it"):
        raise ours
    assert ours is passed.value


def test_a_volume_that_the_table_does_not_know_is_found_by_its_mount_point() -> None:
    """The volumes of btrfs have devices of their own; the innermost mount counts, and the last one there."""
    table = """\
1 0 8:1 / / rw - ext4 /dev/sda1 rw
2 1 0:50 / /data rw shared:1 - btrfs /dev/sdb rw
3 2 0:60 / /data/with\\040blank rw - xfs /dev/sdc rw
4 1 0:70 / /over rw - ext4 /dev/sdd rw
5 4 0:71 / /over rw - nfs4 server:/x rw
"""
    found = [
        fs.type_in(table, path, "0:99") for path in ("/data/a", "/data/with blank/b", "/database", "/over")
    ]

    assert ["btrfs", "xfs", "ext4", "nfs4"] == found
    assert fs.type_in(table, "/data/a", "8:1") == "ext4"
