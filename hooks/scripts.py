"""Executables in `.cas/hooks`, one for each point, named by it.

They are looked for once, when the first hook of an open repository fires. A name with a dot in it is
ignored, so that examples, notes and what scripts share may lie beside them; so is a directory. Any other
name must be a point: a misspelt one would be a policy that never runs.

One that runs `cas` on its own repository starts no executables there, or it might start itself for ever.

They belong to this copy of the repository: nothing that copies a repository's versions copies them, or
whoever hands out data could run code on the machines of those who take it.
"""

from __future__ import annotations

import errno
import os
import signal
from functools import partial
from typing import TYPE_CHECKING, Final

from cas.hooks.calls import FaultError, Hook, Kind, failing
from cas.hooks.events import POINTS, is_before

if TYPE_CHECKING:
    from pathlib import Path

    from cas.hooks.events import Event

_QUOTED_LINES: Final = 10
"""Lines of standard error that become the reason of a refusal."""

_LONGEST_LINE: Final = 512
"""Bytes of a `#!` line that are looked at; the kernel takes no more."""


class Scripts:
    """The executables of one repository."""

    def __init__(self, root: Path, folder: Path, *, timeout_s: float) -> None:
        """`root` is the `.cas` directory, `folder` where the executables are."""
        self._root = root
        self._folder = folder
        self._timeout_s = timeout_s

    def find(self) -> list[Hook]:
        """List them, by name."""
        try:
            with os.scandir(self._folder) as entries:
                names = sorted(entry.name for entry in entries if _is_meant(entry))
        except FileNotFoundError:
            return []
        except OSError as error:
            return [self._unreadable(error)]
        return [self._known(name) if name in POINTS else self._unknown(name) for name in names]

    def _known(self, name: str) -> Hook:
        path = self._folder / name
        problem, _ = _look_at(path)
        return Hook(name, Kind.EXECUTABLE, self._shown(path), str(path), partial(self._call, path), problem)

    def _unknown(self, name: str) -> Hook:
        import difflib  # noqa: PLC0415 - only for whoever mistyped

        near = difflib.get_close_matches(name.replace("-", "_"), POINTS, n=1)
        meant = f"did you mean '{near[0]}'? " if near else ""
        return self._stray(
            self._folder / name,
            "is named after no point",
            code="hook-unknown",
            hint=f"{meant}with a dot in its name, as in '{name}.off', it is ignored",
        )

    def _unreadable(self, error: OSError) -> Hook:
        words = f"cannot be looked into, so nobody knows what has to agree: {error.strerror}"
        return self._stray(self._folder, words, code="hook-not-runnable")

    def _stray(self, path: Path, words: str, *, code: str, hint: str | None = None) -> Hook:
        call = failing(words, code=code, hint=hint)
        return Hook(None, Kind.EXECUTABLE, self._shown(path), str(path), call, words)

    def _shown(self, path: Path) -> str:
        return str(path.relative_to(self._root.parent))

    def _call(self, path: Path, event: Event) -> str:
        """Run one; what it printed."""
        from cas.hooks import process, wire  # noqa: PLC0415 - subprocess, for repositories that have executables

        # The environment is handed on, not read: a hook lives in the same world as the command.
        environment = {**os.environ, "CAS_REPO": str(self._root), "CAS_HOOK": path.name}
        try:
            ended = process.run(
                path,
                said=wire.encode(event) + b"\n",
                cwd=self._root.parent,
                environment=environment,
                timeout_s=self._timeout_s,
            )
        except OSError as error:
            raise _not_started(path, error) from error
        said = "\n".join(filter(None, (ended.out, ended.err)))
        if ended.status is None:
            raise FaultError(
                f"did not end within {self._timeout_s:g} s and was killed",
                code="hook-timeout",
                hint="`hooks: {timeout: SECONDS}` in config.yaml sets the limit",
                said=said,
            )
        if ended.status < 0:
            name = signal.strsignal(-ended.status)
            words = f"was ended by signal {-ended.status} ({name}){_quoted(ended.err)}"
            raise FaultError(words, code="hook-failed", said=said)
        if ended.status > 0:
            why = _quoted(ended.err) or f": it ended with status {ended.status} and said nothing"
            if is_before(path.name):
                raise FaultError(f"refused{why}", code="hook-refused", said=said)
            raise FaultError(f"failed{why}", code="hook-failed", said=said)
        return said


def _is_meant(entry: os.DirEntry[str]) -> bool:
    return "." not in entry.name and (entry.name in POINTS or not entry.is_dir())


def _quoted(err: str) -> str:
    """Give the last lines of what a program said, to follow what it did."""
    lines = err.splitlines()[-_QUOTED_LINES:]
    return (": " if len(lines) == 1 else ":\n") + "\n".join(lines) if lines else ""


def _not_started(path: Path, error: OSError) -> FaultError:
    words, hint = _look_at(path)
    if not words and error.errno == errno.ENOEXEC:
        words, hint = "has no '#!' line and is no program", "begin it with '#!/bin/sh', say"
    return FaultError(words or f"cannot be started: {error.strerror}", code="hook-not-runnable", hint=hint)


def _look_at(path: Path) -> tuple[str, str | None]:
    """Say why a file cannot be run, and what to do, as far as looking tells; "" if nothing is seen."""
    if not os.path.lexists(path):
        return "is not there any more", None
    if not os.path.exists(path):  # Path.exists would raise where a link leads into a closed folder
        return "is a link that leads nowhere", None
    if os.path.isdir(path):
        return "is a directory, and only a file can be run", None
    if not os.access(path, os.X_OK):
        return "is not executable", f"run `chmod +x {path}`, or delete it"
    interpreter = _interpreter(path)
    if interpreter and not os.access(interpreter, os.X_OK):
        return f"names the interpreter {interpreter!r}, which is not there", None
    return "", None


def _interpreter(path: Path) -> str:
    """Read the program that a file's `#!` line names; "" if it has none."""
    try:
        with path.open("rb") as file:
            line = file.readline(_LONGEST_LINE)
    except OSError:  # a program may be run without being read
        return ""
    if not line.startswith(b"#!"):
        return ""
    # A carriage return at the end is a part of the name for the kernel; so it is here, and is shown.
    name = line[2:].strip(b" \t\n").replace(b"\t", b" ").partition(b" ")[0]
    return os.fsdecode(name)
