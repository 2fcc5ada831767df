"""A repository, and a host that has it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cas.layout import Layout
from cas.repo import Repository
from tests.repo.examples import Clock
from tests.resources.hosts import Host

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[Repository]:
    """An empty repository, whose clock ticks once a second from 2024 on."""
    home = tmp_path / "home"
    Repository.init(home).close()
    with Repository(Layout.at(home), clock_ns=Clock()) as opened:
        yield opened


@pytest.fixture
def host(repository: Repository, tmp_path: Path) -> Host:
    """A host on which resources are written, read and removed."""
    return Host(repository, tmp_path / "workspace")
