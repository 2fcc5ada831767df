"""A repository with one version of everything that a directory can have."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from cas.repo import Repository
from tests.objects.stores import noise

if TYPE_CHECKING:
    from pathlib import Path

LARGE = noise("large", 3_000_000)
"""Cut into some forty chunks."""


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A directory to commit."""
    folder = tmp_path / "photos"
    (folder / "summer" / "deep").mkdir(parents=True)
    (folder / "empty").mkdir()
    (folder / "readme.txt").write_text("Pictures.\n")
    (folder / "nothing").touch()
    (folder / "large").write_bytes(LARGE)
    (folder / "text").write_bytes(b"a line that compresses well\n" * 20_000)
    (folder / "summer" / "deep" / "beach.jpg").write_bytes(bytes(range(256)) * 8)
    (folder / "sort.sh").write_text("#!/bin/sh\necho sorted\n")
    (folder / "sort.sh").chmod(0o755)
    (folder / "latest").symlink_to("summer/deep/beach.jpg")
    (folder / os.fsdecode(b"caf\xe9 \xf0\x9f\x8c\x8a")).write_text("no UTF-8")
    return folder


@pytest.fixture
def home(tmp_path: Path, photos: Path) -> Path:
    """The directory of a repository that has it as `photos`."""
    folder = tmp_path / "home"
    folder.mkdir()
    with Repository.init(folder) as repository:
        repository.commit("photos", photos)
    return folder
