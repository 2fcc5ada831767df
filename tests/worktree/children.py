"""What tests of working trees run in a process of its own (`tests.processes`)."""

from __future__ import annotations

from pathlib import Path

from cas.errors import CasError
from cas.worktree.sinks import HashingSink
from tests.children import become_nobody
from tests.objects.stores import make_layout, open_store
from tests.processes import say
from tests.worktree.reading import read


def read_as_nobody(repository: str, source: str) -> None:
    """Read `source` as a user who may not read all of it; say what came of it, and about which path."""
    become_nobody()
    with open_store(make_layout(Path(repository) / ".cas")) as store:
        try:
            read(store, Path(source), HashingSink(store))
        except CasError as error:
            say(type(error).__name__, error.code, error.what.split("'")[1])
