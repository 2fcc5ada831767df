"""A repository to work on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.maintenance.boxes import Box

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def box(tmp_path: Path) -> Box:
    """An empty repository."""
    return Box.make(tmp_path / "box")
