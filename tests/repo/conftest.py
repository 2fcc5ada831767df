"""A repository, and room beside it for what is committed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cas.layout import Layout
from cas.repo import Repository
from cas.testing.trees import write_tree
from tests.repo.examples import PHOTOS, Clock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The directory that holds `.cas`."""
    return tmp_path / "home"


@pytest.fixture
def repository(home: Path) -> Iterator[Repository]:
    """An empty repository, whose clock ticks once a second from 2024 on."""
    Repository.init(home).close()
    with Repository(Layout.at(home), clock_ns=Clock()) as opened:
        yield opened


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A directory to commit, with one of everything."""
    write_tree(PHOTOS, tmp_path / "photos")
    return tmp_path / "photos"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file to commit."""
    path = tmp_path / "file.txt"
    path.write_bytes(b"first\n")
    return path
