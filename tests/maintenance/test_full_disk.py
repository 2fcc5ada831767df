"""No room left: the command says so, nothing is lost, and as soon as there is room everything works."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from tests import processes
from tests.maintenance import children

if TYPE_CHECKING:
    from pathlib import Path

SMALL_DISK = (
    "unshare",
    "--map-root-user",
    "--mount",
    "sh",
    "-c",
    'mount -t tmpfs -o size=64m none "$0" && "$@"',
)
"""A program that gives its arguments, a directory and a command, a disk of 64 MiB that nobody else sees."""


def has_small_disks() -> bool:
    """Whether this machine lets a process have one; where it does not, the limit on files must do."""
    try:
        return subprocess.run([*SMALL_DISK, "/mnt", "true"], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


# Where there is no room, the command, and what it says: on a disk of its own, the error is the real one.
CASES = [("limit", "gc", "io-error"), ("limit", "commit", "io-error")]
if has_small_disks():
    CASES += [
        ("disk", "gc", "disk-full"),
        ("disk", "commit", "disk-full"),
        ("disk", "gc with its reserve", "done"),
    ]


@pytest.mark.parametrize(("room", "command", "outcome"), CASES)
def test_without_room_nothing_is_lost(tmp_path: Path, room: str, command: str, outcome: str) -> None:
    """The flip of gc and a commit both fail cleanly, and with the reserve for that day gc makes room."""
    child = processes._command(children.work_on_a_full_disk, (tmp_path / "box", room, command))
    words = [*SMALL_DISK, str(tmp_path), *child] if room == "disk" else child

    done = subprocess.run(words, capture_output=True, text=True, env=processes._environment(), check=False)

    assert (done.returncode, done.stdout) == (0, f"{outcome}\n"), done.stderr
