"""A repository to build in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cas.repo import Repository

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The directory of an empty repository."""
    folder = tmp_path / "home"
    Repository.init(folder).close()
    return folder
