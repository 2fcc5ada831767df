"""Executables for tests: real ones, written where hooks are looked for."""

from __future__ import annotations

import os
import select
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def shell(path: Path, body: str) -> Path:
    """Write a shell script that may be run."""
    return _write(path, f"#!/bin/sh\n{body}\n")


def python(path: Path, body: str) -> Path:
    """Write a Python script that may be run."""
    return _write(path, f"#!{sys.executable} -IS\n{body}\n")


def _write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)
    return path


class Lifeline:
    """A pipe with a name: whoever was started with its end open for writing is alive until it is closed."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        self._fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)

    def is_free(self) -> bool:
        """Whether nobody holds it any more; waits for the death of those who do, but not for ever."""
        try:
            return not os.read(self._fd, 1)
        except BlockingIOError:
            return self.was_cut()

    def was_cut(self) -> bool:
        """Wait, but not for ever, until somebody has held it and let it go."""
        ready, _, _ = select.select([self._fd], [], [], 30)
        return bool(ready) and not os.read(self._fd, 1)

    def close(self) -> None:
        """Let go."""
        os.close(self._fd)
