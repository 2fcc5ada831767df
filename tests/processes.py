"""Functions in a process of their own: to be killed, to be limited, or to come from outside.

A function is named by its module, and its arguments are text, so nothing is pickled and nothing is forked:
the child starts from nothing, as another user's `cas` would.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[1]
_CALL = "import importlib, sys; getattr(importlib.import_module(sys.argv[1]), sys.argv[2])(*sys.argv[3:])"


def start(function: Callable[..., object], *arguments: object) -> subprocess.Popen[str]:
    """Run `function` in a child; talk to it through its standard input and output."""
    return subprocess.Popen(
        _command(function, arguments),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=_environment(),
    )


def run(function: Callable[..., object], *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run `function` in a child and wait; whether it succeeded is for the test to say."""
    return subprocess.run(
        _command(function, arguments), capture_output=True, text=True, env=_environment(), check=False
    )


def say(*words: object) -> None:
    """Print a line for whoever started this process, at once."""
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


def printed(function: Callable[..., object], *arguments: object) -> str:
    """Run `function` in a child that must succeed, and return what it printed."""
    done = run(function, *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _command(function: Callable[..., object], arguments: tuple[object, ...]) -> list[str]:
    return [sys.executable, "-c", _CALL, function.__module__, function.__name__, *map(str, arguments)]


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}
