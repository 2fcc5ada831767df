"""Looking paths up where the disk is full: what is there is there."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from tests import processes
from tests.maintenance.test_full_disk import SMALL_DISK, has_small_disks
from tests.view import view_children

if TYPE_CHECKING:
    from pathlib import Path

CASES = [(False, "there missing there missing")]
if has_small_disks():
    CASES.append((True, "there disk-full there missing"))


@pytest.mark.parametrize(("is_full", "said"), CASES)
def test_what_is_on_disk_is_handed_out_without_room_for_a_lease(
    tmp_path: Path, is_full: bool, said: str
) -> None:
    """A program that only looks something up goes on; what would have to be written is told."""
    child = processes._command(view_children.look_on_a_small_disk, (tmp_path / "home", "full" * is_full))
    words = [*SMALL_DISK, str(tmp_path), *child] if is_full else child

    done = subprocess.run(words, capture_output=True, text=True, env=processes._environment(), check=False)

    assert (0, said.split()) == (done.returncode, done.stdout.split()), done.stderr
