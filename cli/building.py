"""What `cas build` and `cas run` have in common: how modules are run, and what is said meanwhile."""

from __future__ import annotations

import gc
import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from cas.cli import errors, text
from cas.graph.programs import Programs
from cas.graph.workshop import DEAF, Manner

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cas.cli.console import Console
    from cas.cli.context import Invocation
    from cas.graph.outcome import ModuleResult

KEPT_IN = "cas-work"
"""Where --keep-work leaves the folders of modules, below the current directory."""


def manner(
    invocation: Invocation, *, modules: int, jobs: int | None, is_forced: bool = False, keeps_work: bool
) -> Manner:
    """Say how modules are run; by default as many at a time as there are processors.

    Args:
        invocation: What -v, -q and the environment say.
        modules: How many are to be run, for whoever watches.
        jobs: How many at a time.
        is_forced: What comes out takes the place of what is there.
        keeps_work: Move the folders of modules to `cas-work/`.
    """
    return Manner(
        Programs(invocation.environment, listen=_say if invocation.verbosity else None),
        jobs=jobs or os.cpu_count() or 1,
        is_forced=is_forced,
        origin=invocation.origin(),
        keep=Path.cwd() / KEPT_IN if keeps_work else None,
        listener=Watcher(invocation.console, modules) if _is_watched(invocation) else DEAF,
    )


@contextmanager
def without_collector() -> Iterator[None]:
    """Make a plan without looking for cycles: it is large, it has none, and all of it stays.

    Looking it over again and again took a quarter of the time.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


class Watcher:
    """Writes a line to standard error for each module that begins."""

    def __init__(self, console: Console, count: int) -> None:
        self._console = console
        self._count = count
        self._started = 0

    def started(self, module: str) -> None:
        """Count it."""
        self._started += 1
        self._console.note(f"[{self._started}/{self._count}] {text.printable(module)} …")

    def waiting(self, module: str) -> None:
        """Say why nothing goes on."""
        self._console.note(f"another run is building {text.printable(module)}; waiting for it")

    def ended(self, result: ModuleResult) -> None:
        """Say nothing: the table at the end does."""


def show_trouble(console: Console, results: Iterable[ModuleResult]) -> None:
    """Write the errors and notes of modules to standard error."""
    for result in results:
        if result.error is not None and not console.is_json:
            errors.explain(result.error).show(console)
        for note in result.notes:
            console.note(text.printable(f"{result.module}: {note}"))
        if result.kept is not None:
            console.note(
                f"the files of {text.printable(result.module)} are in {text.printable(str(result.kept))}"
            )


def _is_watched(invocation: Invocation) -> bool:
    return invocation.has_progress and sys.stderr.isatty()


def _say(module: str, line: str) -> None:
    """Pass on what a program said; one call, so that lines of several do not mix."""
    sys.stderr.write(f"{text.printable(module)}: {text.printable(line)}\n")
