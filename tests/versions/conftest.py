"""Real tables and a real journal in a temporary directory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cas.layout import Layout
from cas.objects.index import Index
from cas.versions.journal import Journal
from cas.versions.ledger import Ledger

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MAP_SIZE = 1 << 26


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """Paths of a repository of which only index and journal will exist."""
    return Layout(tmp_path)


@pytest.fixture
def index(layout: Layout) -> Iterator[Index]:
    """An empty index."""
    opened = Index.open(layout.index, create=True, map_size=MAP_SIZE)
    yield opened
    opened.close()


@pytest.fixture
def journal(layout: Layout) -> Journal:
    """The journal beside it."""
    return Journal(layout)


@pytest.fixture
def ledger(journal: Journal) -> Ledger:
    """The ledger that writes both."""
    return Ledger(journal)
