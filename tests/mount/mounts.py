"""Real mounts, each served by a process of its own, as users have them."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.cli.conftest import arguments, environment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@dataclass(frozen=True, slots=True)
class Mounted:
    """A mount and the `cas mount` that serves it."""

    at: Path
    process: subprocess.Popen[str]
    line: str
    """What it said when everything could be read."""

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal; the exit status."""
        self.process.send_signal(number)
        return self.process.wait()

    def told(self) -> str:
        """Return what it had to say on standard error, once it has ended."""
        assert self.process.stderr is not None
        return self.process.stderr.read()


@contextlib.contextmanager
def mounted(
    home: Path, at: Path, *words: str, here: Path | None = None, variables: Mapping[str, str] | None = None
) -> Iterator[Mounted]:
    """Mount a version of the repository in `home`, or its view, at the directory `at`, which is made.

    `words` follow DIR on the command line, `here` is the current directory, `variables` are set.
    """
    at.mkdir(exist_ok=True)
    with subprocess.Popen(
        arguments("--repo", os.fspath(home), "mount", os.fspath(at), *words),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(**(variables or {})),
        cwd=here,
    ) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line, process.communicate()[1]
            yield Mounted(at, process, line)
        finally:
            process.kill()
            process.wait()
            remove(at)


def remove(at: Path) -> None:
    """Take away whatever mount was left at `at`."""
    subprocess.run(["umount", "--lazy", at], check=False, capture_output=True)


def is_mounted(at: Path) -> bool:
    """Whether something is mounted at `at`, be it dead."""
    table = Path("/proc/self/mountinfo").read_text(encoding="utf-8")
    return any(line.split()[4] == os.fspath(at) for line in table.splitlines())


def forget_pages(path: Path) -> None:
    """Have the kernel ask again for what it has of a file."""
    fd = os.open(path, os.O_RDONLY)
    try:
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(fd)
