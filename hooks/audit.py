"""The audit log: a line of JSON for everything that was done, in `.cas/audit.jsonl`.

Built in; `config.yaml` switches it on. A line has `at` (ISO 8601, UTC), `by` (who, as far as the program
that did it says) and what executables get for the event. Lines are only ever appended, each by one write
to a file opened for appending, which the kernel does not mix with those of others, and synced. A machine
that dies, or a full disk, can leave the first part of a line at the end; the next writer begins a new line
first. So a reader skips what is no JSON, and loses nothing else.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cas import fs
from cas.hooks import wire
from cas.hooks.specs import hookimpl
from cas.versions.times import format_time, from_nanoseconds

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cas.hooks.events import Event, PostCheckout, PostCommit, PostGc, PostRemove, PostRun


@dataclass(frozen=True, slots=True, eq=False)  # pluggy keeps plug-ins in sets
class AuditLog:
    """Writes down what was done."""

    path: Path
    clock_ns: Callable[[], int]
    """The time since 1970 in ns."""
    actor: str
    """Who does it."""

    @hookimpl(tryfirst=True)
    def post_commit(self, event: PostCommit) -> None:
        """Write it down."""
        self._append(event)

    @hookimpl(tryfirst=True)
    def post_checkout(self, event: PostCheckout) -> None:
        """Write it down."""
        self._append(event)

    @hookimpl(tryfirst=True)
    def post_remove(self, event: PostRemove) -> None:
        """Write it down."""
        self._append(event)

    @hookimpl(tryfirst=True)
    def post_gc(self, event: PostGc) -> None:
        """Write it down."""
        self._append(event)

    @hookimpl(tryfirst=True)
    def post_run(self, event: PostRun) -> None:
        """Write it down."""
        self._append(event)

    def _append(self, event: Event) -> None:
        at = format_time(from_nanoseconds(self.clock_ns()))
        line = json.dumps({"at": at, "by": self.actor, **wire.plain(event)}).encode() + b"\n"
        with fs.explained("cannot write the audit log"):
            fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
            try:
                fs.write_all(fd, b"\n" + line if _is_torn(fd) else line)
                os.fsync(fd)
            finally:
                os.close(fd)


def _is_torn(fd: int) -> bool:
    """Whether the last line of a file has no end."""
    size = os.fstat(fd).st_size
    return size > 0 and os.pread(fd, 1, size - 1) != b"\n"
