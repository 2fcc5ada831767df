"""What tests of exports run in a process of its own (`tests.processes`)."""

from __future__ import annotations

from pathlib import Path

from cas.repo import Repository
from cas.testing import faults
from tests.children import become_nobody
from tests.processes import say


def export_and_die(home: str, out: str, step: str) -> None:
    """Export, and die at the durable step of this number; the first is 1."""
    with Repository.open(home) as repository:
        faults.kill_at(int(step))
        repository.export_view(out)


def export_as_nobody(home: str, out: str) -> None:
    """Export without the right to write to the repository; say how many files were written."""
    with Repository.open(home) as repository:
        repository.export_view(Path(out).with_name("first"))  # imports what nobody may not be allowed to read
    become_nobody()
    with Repository.open(home) as repository:
        say(repository.export_view(out).written)
