"""However a mount ends, nothing is left of it; and if it was killed, the next one says what to do."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cas.config import LayerConfig
from cas.errors import CasError
from cas.mount import mount as mounts
from cas.repo import Repository
from tests.cli.conftest import arguments, environment
from tests.mount.mounts import is_mounted, mounted, remove

if TYPE_CHECKING:
    from collections.abc import Callable


def try_to_mount(home: Path, at: Path) -> CasError:
    """Mount in this process, which must fail before anything is mounted."""
    with Repository.open(home) as repository, pytest.raises(CasError) as caught:
        mounts.mount_version(
            repository, repository.resolve("photos"), at, owner=(0, 0), on_ready=lambda: remove(at)
        )
    return caught.value


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_unmounts(home: Path, tmp_path: Path, number: signal.Signals) -> None:
    """To end a mount is what Ctrl-C is for: the exit status is 0, and nothing is said."""
    with mounted(home, tmp_path / "m", "photos", "-q") as mount:
        assert is_mounted(mount.at)
        assert f"{mount.at}\n" == mount.line

        assert 0 == mount.stop(number)

        assert not is_mounted(mount.at)
        assert "" == mount.told()
    assert [] == os.listdir(tmp_path / "m")


def test_several_signals_unmount_once(home: Path, tmp_path: Path) -> None:
    """Who closes a terminal, or presses Ctrl-C again, must not leave a dead mount behind."""
    with mounted(home, tmp_path / "m", "photos", "-q") as mount:
        for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM, signal.SIGINT):
            mount.process.send_signal(number)

        assert 0 == mount.process.wait()

        assert not is_mounted(mount.at)
        assert "" == mount.told()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_it_is_being_mounted_unmounts_too(
    home: Path, tmp_path: Path, number: signal.Signals
) -> None:
    """The kernel has the mount and nobody serves it yet: to die of the signal now would leave it dead."""
    at = tmp_path / "m"
    at.mkdir()
    for _ in range(5):
        with subprocess.Popen(
            arguments("--repo", os.fspath(home), "mount", os.fspath(at), "photos"),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=environment(),
        ) as process:
            try:
                while not is_mounted(at):
                    assert process.poll() is None
                process.send_signal(number)

                assert 0 == process.wait()
                assert not is_mounted(at)
            finally:
                process.kill()
                remove(at)


def test_a_reader_does_not_keep_the_mount(home: Path, tmp_path: Path) -> None:
    """Somebody's shell is inside and a file is open: the mount goes all the same, and the process ends."""
    with (
        mounted(home, tmp_path / "m", "photos") as mount,
        (mount.at / "large").open("rb") as file,
        subprocess.Popen(["cat"], cwd=mount.at / "summer", stdin=subprocess.PIPE) as inside,
    ):
        file.read(10)

        assert 0 == mount.stop()
        assert not is_mounted(mount.at)
        inside.kill()


def test_unmounting_from_outside_ends_it(home: Path, tmp_path: Path) -> None:
    """`umount` or `fusermount -u` in another terminal is as good as Ctrl-C."""
    with mounted(home, tmp_path / "m", "photos") as mount:
        subprocess.run(["umount", mount.at], check=True)

        assert 0 == mount.process.wait()


def test_nohup_is_respected(home: Path, tmp_path: Path) -> None:
    """A mount that was started with SIGHUP ignored is there when the terminal is gone."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # children inherit it
    try:
        with mounted(home, tmp_path / "m", "photos") as mount:
            mount.process.send_signal(signal.SIGHUP)

            assert "Pictures.\n" == (mount.at / "readme.txt").read_text()
            assert 0 == mount.stop()
    finally:
        signal.signal(signal.SIGHUP, before)


def test_nobody_to_tell_is_no_mount(home: Path, tmp_path: Path) -> None:
    """The script that waited for the line is gone: so is the mount."""
    at = tmp_path / "m"
    at.mkdir()
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            arguments("--repo", os.fspath(home), "mount", os.fspath(at), "photos"),
            stdout=writer,
            stderr=subprocess.PIPE,
            env=environment(),
            check=False,
        )
    finally:
        os.close(writer)

    assert (0, b"") == (done.returncode, done.stderr)
    assert not is_mounted(at)


def test_a_killed_mount_is_explained(home: Path, tmp_path: Path) -> None:
    """The kernel says `Transport endpoint is not connected`; we say what to type, and that works."""
    with mounted(home, tmp_path / "m", "photos") as mount:
        assert -signal.SIGKILL == mount.stop(signal.SIGKILL)
        assert is_mounted(mount.at)

        error = try_to_mount(home, mount.at)

        assert "mount-dead" == error.code
        assert "Transport endpoint is not connected" in str(error.why)
        command = str(error.hint).split("`")[1]
        assert os.fspath(mount.at) in command
        subprocess.run(shlex.split(command), check=True)
        assert not is_mounted(mount.at)
        with mounted(home, mount.at, "photos") as again:
            assert "Pictures.\n" == (again.at / "readme.txt").read_text()


def test_what_is_mounted_is_not_mounted_over(home: Path, tmp_path: Path) -> None:
    """Whoever reads there would suddenly read something else."""
    with mounted(home, tmp_path / "m", "photos") as mount:
        error = try_to_mount(home, mount.at)

        assert "mount-point-busy" == error.code
        assert "Pictures.\n" == (mount.at / "readme.txt").read_text()


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda _: None, "no-such-path"),
        (lambda at: at.write_text("a file"), "not-a-directory"),
        (lambda at: (at / "below").mkdir(parents=True), "mount-point-not-empty"),
        (lambda at: at.symlink_to("nowhere"), "no-such-path"),
    ],
    ids=["nothing", "file", "not empty", "dangling"],
)
def test_a_mount_point_is_an_empty_directory(
    home: Path, tmp_path: Path, make: Callable[[Path], object], code: str
) -> None:
    """Each thing that it may be instead has an error of its own, and stays as it is."""
    at = tmp_path / "m"
    make(at)

    error = try_to_mount(home, at)

    assert code == error.code
    assert not is_mounted(at)


def test_a_repository_is_not_mounted_on_itself(home: Path) -> None:
    """Below `.cas` is nothing but what we put there."""
    at = home / ".cas" / "tmp" / "m"
    at.mkdir()

    assert "mount-in-layer" == try_to_mount(home, at).code


def test_a_mount_point_may_be_named_by_a_symlink(home: Path, tmp_path: Path) -> None:
    """What is said and checked is where it really is."""
    (tmp_path / "real").mkdir()
    (tmp_path / "m").symlink_to("real")
    with mounted(home, tmp_path / "m", "photos", "-q") as mount:
        assert f"{tmp_path / 'real'}\n" == mount.line
        assert 0 == mount.stop()


def test_the_current_directory_stays(home: Path, tmp_path: Path) -> None:
    """The thread of libfuse goes to the root; what is relative to the current directory must not follow."""
    with mounted(home, tmp_path / "m", "photos", here=tmp_path) as mount:
        assert tmp_path == Path(f"/proc/{mount.process.pid}/cwd").readlink()


def test_a_mount_that_cannot_end_says_so(home: Path, tmp_path: Path) -> None:
    """A layer is on a file system that hangs, and so do all who look at it; we say so, and what is left."""
    other = tmp_path / "other"
    other.mkdir()
    with mounted(home, tmp_path / "far", "photos") as far:
        with Repository.init(other) as repository:
            repository.add_layer(LayerConfig("far", kind="directory", path=os.fspath(far.at), writable=False))
        with mounted(other, tmp_path / "m", "-q", here=other) as mount:
            assert "Pictures.\n" == (mount.at / "readme.txt").read_text()
            far.process.send_signal(signal.SIGSTOP)
            with subprocess.Popen(["stat", mount.at / "sort.sh"], stdout=subprocess.DEVNULL) as stuck:
                try:
                    while not is_waiting(mount.process.pid):
                        assert stuck.poll() is None
                    mount.process.send_signal(signal.SIGTERM)
                    assert mount.process.stderr is not None
                    told = [mount.process.stderr.readline() for _ in range(3)]
                finally:
                    far.process.send_signal(signal.SIGCONT)  # until then the kernel lets nobody go

                assert 1 == mount.process.wait()

    assert "cannot unmount" in told[0]
    assert f"-uz {tmp_path / 'm'}" in told[2]


def is_waiting(process: int) -> bool:
    """Whether a thread of a process waits for the answer of a file system."""
    tasks = Path(f"/proc/{process}/task").iterdir()
    return any("request_wait_answer" == (task / "wchan").read_text(encoding="ascii") for task in tasks)
