"""A real store in a temporary directory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cas.objects.session import Session
from tests.objects.stores import make_layout, open_store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cas.layout import Layout
    from cas.objects.store import ObjectStore


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """The directories of a repository, empty."""
    return make_layout(tmp_path / ".cas")


@pytest.fixture
def store(layout: Layout) -> Iterator[ObjectStore]:
    """An empty store."""
    with open_store(layout) as opened:
        yield opened


@pytest.fixture
def session(layout: Layout) -> Iterator[Session]:
    """A running writer's session."""
    with Session.start(layout) as started:
        yield started
