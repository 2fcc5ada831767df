"""What the modules of one run share: open repositories, room on the disk, and whoever listens.

A run holds one session, and every module works in a folder of its own below that: on the repository's file
system, so that inputs can be hard links, and swept by gc if this process dies.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import time
from dataclasses import dataclass, replace
from threading import Lock
from typing import TYPE_CHECKING, Final, Protocol, Self

from cas import fs
from cas.errors import CasError
from cas.graph.opened import Repositories
from cas.graph.outcome import ModuleResult, State
from cas.graph.wrapper import Bench

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from cas.graph.opened import Opener
    from cas.graph.plan import Step
    from cas.graph.programs import Programs
    from cas.repo.repository import Repository

_OWN: Final = 0o700


class Listener(Protocol):
    """Whoever wants to know how far a run is. Called by one thread at a time, but not always the same."""

    def started(self, module: str) -> None:
        """`module` begins."""

    def waiting(self, module: str) -> None:
        """Somebody else is building `module`; said once."""

    def ended(self, result: ModuleResult) -> None:
        """A module that had begun is over."""


class Deaf:
    """A listener that does not care: the default of the library."""

    def started(self, module: str) -> None:
        """Ignore it."""

    def waiting(self, module: str) -> None:
        """Ignore it."""

    def ended(self, result: ModuleResult) -> None:
        """Ignore it."""


DEAF: Final = Deaf()


@dataclass(frozen=True, slots=True)
class Manner:
    """How modules are run."""

    programs: Programs
    jobs: int = 1
    """How many at a time."""
    is_forced: bool = False
    """What comes out takes the place of what is there; by default other bytes are a conflict."""
    keep: Path | None = None
    """Where the folders of modules are moved when they are over; by default they are deleted."""
    origin: str = ""
    """Who or what runs them, for the records."""
    listener: Listener = DEAF
    clock: Callable[[], float] = time.monotonic
    """Seconds since some moment."""


class Workshop:
    """One run, from its session to the folders of its modules. Threads may share it."""

    def __init__(self, opener: Opener, manner: Manner) -> None:
        self.manner = manner
        self._stack = contextlib.ExitStack()
        self._repositories = Repositories(opener)
        self._numbers = itertools.count(1)
        self._telling = Lock()

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            stack.enter_context(self._repositories)
            with self._repositories.borrow() as repository:
                self.layout = repository.layout
                self._session = stack.enter_context(repository.session())
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def repository(self) -> contextlib.AbstractContextManager[Repository]:
        """Borrow an open repository."""
        return self._repositories.borrow()

    def tell(self, say: Callable[[Listener], None]) -> None:
        """Let the listener know."""
        with self._telling:
            say(self.manner.listener)

    def do(self, step: Step, repository: Repository, work: Callable[[Bench], ModuleResult]) -> ModuleResult:
        """Do one module's work in a folder of its own, and say how it ended.

        Whatever goes wrong in it is a result that says so.
        """
        name = step.module.name
        self.tell(lambda listener: listener.started(name))
        start = self.manner.clock()
        with self.bench(repository) as bench:
            try:
                result = work(bench)
            except Exception as error:  # noqa: BLE001 - a task or a resource of somebody's may raise anything
                result = ModuleResult(
                    name, State.FAILED, step.outputs, step.reasons, error=_explain(name, error)
                )
        ended = replace(
            result,
            made=tuple(bench.made),
            seconds=self.manner.clock() - start,
            kept=bench.kept,
            notes=(*result.notes, *bench.notes),
        )
        self.tell(lambda listener: listener.ended(ended))
        return ended

    @contextlib.contextmanager
    def bench(self, repository: Repository) -> Iterator[Bench]:
        """Give a place to work, which is gone afterwards."""
        folder = self._session.tmp / str(next(self._numbers))
        folder.mkdir()
        try:
            yield Bench(
                repository,
                repository,
                self.manner.programs,
                folder,
                is_forced=self.manner.is_forced,
                origin=self.manner.origin,
                keep=self.manner.keep,
            )
        finally:
            _delete(folder)


def _explain(module: str, error: Exception) -> CasError:
    """Make an error of ours of whatever a module raised."""
    if isinstance(error, CasError):
        return error
    if isinstance(error, OSError):
        return fs.explain(error, f"module '{module}' failed")
    failure = CasError(
        f"module '{module}' failed", code="task-failed", why=f"{type(error).__name__}: {error}"
    )
    failure.__cause__ = error
    return failure


def _delete(folder: Path) -> None:
    """Delete a folder, and the read-only directories in it that a task may have left."""
    shutil.rmtree(folder, ignore_errors=True)
    if folder.exists():
        for path, _, _ in os.walk(folder):
            os.chmod(path, _OWN)
        shutil.rmtree(folder, ignore_errors=True)
