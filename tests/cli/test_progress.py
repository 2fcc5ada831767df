"""The progress bar: late, on standard error, gone at the end."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING

from cas.cli.progress import TerminalProgress

if TYPE_CHECKING:
    import pytest


class _Terminal(io.StringIO):
    """Standard error that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def _work(progress: TerminalProgress) -> None:
    with progress:
        progress.start("reading", None, "files")
        progress.advance(3)
        progress.start("writing", 4096, "bytes")
        progress.advance(2048)
        progress.advance(2048)


def test_nothing_is_drawn_in_the_first_second(monkeypatch: pytest.MonkeyPatch) -> None:
    """Most commands are over before a bar could be read."""
    terminal = _Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)

    _work(TerminalProgress(is_shown=True))

    assert not terminal.getvalue()


def test_a_long_task_is_drawn_and_wiped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Task, amount and unit are shown; the last thing written erases the bar."""
    terminal = _Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")

    _work(TerminalProgress(is_shown=True, patience_s=0))

    assert "reading" in terminal.getvalue()
    assert "3 files" in terminal.getvalue()
    assert "4.0 KiB of 4.0 KiB" in terminal.getvalue()
    assert terminal.getvalue().rstrip().endswith("\x1b[2K")


def test_nothing_is_drawn_when_not_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    """-q, --json, --no-progress and pipes come down to this."""
    terminal = _Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)

    _work(TerminalProgress(is_shown=False, patience_s=0))

    assert not terminal.getvalue()
