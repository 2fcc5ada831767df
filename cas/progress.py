"""How long work reports how far it is, without knowing who listens."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Somebody who wants to know how far a long operation is. Called from one thread at a time."""

    def start(self, task: str, total: int | None, unit: str) -> None:
        """Begin `task` ("reading", "writing", …), `total` units long if that is known.

        `unit` is "bytes", "files" or "objects".
        """

    def advance(self, count: int) -> None:
        """Add `count` units of work done to the current task."""


class Silent:
    """Progress nobody listens to: the default of the library."""

    def start(self, task: str, total: int | None, unit: str) -> None:
        """Ignore it."""

    def advance(self, count: int) -> None:
        """Ignore it."""
