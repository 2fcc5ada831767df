"""The progress bar: on a terminal, and only for what takes more than a second.

`rich` takes longer to import than most commands take to run, so it is imported when the first second is
over and not before.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import TracebackType

    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

PATIENCE_S = 1.0
"""Nothing is drawn before this."""


class TerminalProgress:
    """Draws a bar on standard error once the work has taken a second; a `cas.progress.Progress`."""

    def __init__(self, *, is_shown: bool, patience_s: float = PATIENCE_S) -> None:
        self._is_shown = is_shown
        self._shows_at = time.monotonic() + patience_s
        self._task = ""
        self._total: int | None = None
        self._unit = ""
        self._done = 0
        self._bar: RichProgress | None = None
        self._bar_task: TaskID | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take the bar off the screen, so that the result or the error stands alone."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def start(self, task: str, total: int | None, unit: str) -> None:
        """Begin a task; the one before is over."""
        self._task, self._total, self._unit, self._done = task, total, unit, 0
        if self._bar is not None:
            self._show_task(self._bar)

    def advance(self, count: int) -> None:
        """Count work done, and draw it if it is time."""
        self._done += count
        if self._bar is not None and self._bar_task is not None:
            self._bar.update(self._bar_task, completed=self._done)
        elif self._is_shown and time.monotonic() >= self._shows_at:
            self._bar = _new_bar()
            self._bar.start()
            self._show_task(self._bar)

    def _show_task(self, bar: RichProgress) -> None:
        if self._bar_task is not None:
            bar.remove_task(self._bar_task)
        self._bar_task = bar.add_task(
            self._task,
            total=self._total,
            completed=self._done,
            is_bytes=self._unit == "bytes",
            unit=self._unit,
        )


def _new_bar() -> RichProgress:
    from rich.console import Console  # noqa: PLC0415 - heavy, and rarely needed: see the top
    from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    from cas.cli import text  # noqa: PLC0415

    class Amount(ProgressColumn):
        """How much is done, of how much, and how fast, in the unit of the task."""

        def render(self, task: Task) -> Text:
            write = text.size if task.fields["is_bytes"] else text.number
            unit = "" if task.fields["is_bytes"] else f" {task.fields['unit']}"
            done = write(int(task.completed))
            of = f" of {write(int(task.total))}" if task.total is not None else ""
            speed = f"  {write(int(task.speed))}/s" if task.speed else ""
            return Text(f"{done}{of}{unit}{speed}")

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        Amount(),
        TimeRemainingColumn(compact=True),
        console=Console(stderr=True),
        transient=True,
        refresh_per_second=8,
    )
