"""Repositories for threads: each writer needs one of its own, and opening one takes longer than using it."""

from __future__ import annotations

import contextlib
from threading import Lock
from typing import TYPE_CHECKING, Self, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from cas.repo.repository import Repository

Opener: TypeAlias = "Callable[[], AbstractContextManager[Repository]]"
"""Opens the same repository in the same way each time that it is called."""


class Repositories:
    """As many open repositories as were needed at one time; all are closed at the end."""

    def __init__(self, opener: Opener) -> None:
        self._opener = opener
        self._lock = Lock()
        self._free: list[Repository] = []
        self._opened = contextlib.ExitStack()

    @contextlib.contextmanager
    def borrow(self) -> Iterator[Repository]:
        """Give one that nobody else uses meanwhile."""
        with self._lock:
            repository = self._free.pop() if self._free else self._opened.enter_context(self._opener())
        try:
            yield repository
        finally:
            with self._lock:
                self._free.append(repository)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()
