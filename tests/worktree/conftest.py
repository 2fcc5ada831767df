"""A repository to check out from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.worktree.desks import Desk

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """An empty repository."""
    desk = Desk.make(tmp_path / "desk")
    yield desk
    desk.close()


@pytest.fixture(scope="module")
def shared_desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """One repository for all examples of a law: making one takes longer than an example."""
    desk = Desk.make(tmp_path_factory.mktemp("shared") / "desk")
    yield desk
    desk.close()
