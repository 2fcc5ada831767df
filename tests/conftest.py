"""What holds for every test."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from collections.abc import Iterator

# A deadline is a timing assertion, and a busy machine is no bug. What failed once is kept in the failing
# test as an example, not in a database beside the code.
settings.register_profile("cas", deadline=None, database=None, print_blob=True)
settings.load_profile("cas")


@pytest.fixture
def public() -> Iterator[Path]:
    """A temporary directory that other users may enter; `tmp_path` is private to whoever runs the tests."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)
