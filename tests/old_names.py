"""Repositories with names that earlier versions of `cas` took, and that are refused today."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from msgspec.structs import replace

from cas.testing.records import make_record
from cas.versions.events import Committed

if TYPE_CHECKING:
    from pathlib import Path

    from cas.repo import Repository


def commit_as_before(repository: Repository, name: str, source: Path) -> None:
    """Commit a file or directory under a name, whatever it is."""
    made = repository.commit("stand-in", source).version
    record = replace(make_record(name), content=made.content, size=made.size)
    event = Committed.of(made.layer, record)
    repository._write(lambda txn: repository._ledger.record(txn, [event], time.time_ns()))
    repository.remove(["stand-in"])
