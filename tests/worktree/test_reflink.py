"""Cloning, for real: on a disk of our own that can, where this machine lets us have one."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from tests import processes
from tests.worktree import children

if TYPE_CHECKING:
    from pathlib import Path

SIZE = 16 * 1024 * 1024
IMAGE_SIZE = 160 * 1024 * 1024
ON_BTRFS = ("unshare", "--mount", "sh", "-c", 'mount -o loop "$0" "$1" && shift && "$@"')
"""A program that gives its arguments, an image, a directory and a command, the disk in the image."""


def make_disk(folder: Path) -> list[str]:
    """Make an empty btrfs, and return what has to stand before a command; nothing if this machine cannot."""
    image = folder / "image"
    with image.open("wb") as file:
        file.truncate(IMAGE_SIZE)
    mount = [*ON_BTRFS, str(image), str(folder)]
    for probe in (["mkfs.btrfs", "--quiet", str(image)], [*mount, "true"]):
        try:
            subprocess.run(probe, capture_output=True, check=True)
        except (FileNotFoundError, subprocess.CalledProcessError):
            return []
    return mount


def test_a_clone_costs_nothing_and_is_the_users_own(tmp_path: Path) -> None:
    """It shares its blocks with the store until it is written to; elsewhere the refusal says why."""
    disk = make_disk(tmp_path)
    child = processes._command(children.clone_a_large_file, (tmp_path / "home", SIZE))

    done = subprocess.run(
        [*disk, *child], capture_output=True, text=True, env=processes._environment(), check=False
    )

    assert done.returncode == 0, done.stderr
    outcome, *cost = done.stdout.split()
    assert outcome in ({"cloned"} if disk else {"cloned", "no-reflink"})
    if disk:  # elsewhere others may be writing, too
        assert int(*cost) < SIZE / 4
