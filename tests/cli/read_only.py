"""Commands in a repository that cannot be written, each way in a process of its own (`tests.processes`).

A child runs every command once where it may write: whatever Python imports late is imported then, because
who has given up root's rights may not be allowed to read the packages.
"""

from __future__ import annotations

import contextlib
import ctypes
import io
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from cas.cli.main import main
from tests.children import become_nobody
from tests.processes import printed, say

if TYPE_CHECKING:
    from collections.abc import Callable

_NEW_MOUNTS = 0x20000
_PRIVATE = 0x44000
_BIND = 0x1000
_REMOUNT_READ_ONLY = 0x1021


def run_as_nobody(warm: str, home: str, commands: str) -> None:
    """Run commands as somebody whom the permission bits keep from writing."""
    _run_all(warm, commands)
    become_nobody()
    _run_all(home, commands)


def run_on_a_read_only_mount(warm: str, home: str, commands: str) -> None:
    """Run commands where the same directory, writable elsewhere, is mounted read-only. Only root can."""
    _run_all(warm, commands)
    mount_read_only(Path(home) / ".cas")
    _run_all(home, commands)


def mount_read_only(folder: Path) -> None:
    """Mount a directory over itself, read-only, for this process alone."""
    libc = ctypes.CDLL(None, use_errno=True)
    path = os.fsencode(folder)
    for done in (
        libc.unshare(_NEW_MOUNTS),
        libc.mount(b"none", b"/", None, _PRIVATE, None),
        libc.mount(path, path, None, _BIND, None),
        libc.mount(b"none", path, None, _REMOUNT_READ_ONLY, None),
    ):
        if done:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def say_whether_mounting_works(folder: str) -> None:
    """Try it; containers often forbid it to root."""
    try:
        mount_read_only(Path(folder))
    except OSError:
        say("no")
    else:
        say("yes")


def ways() -> list[Callable[[str, str, str], None]]:
    """List the ways that this machine has: permission bits always, a mount where root may make one."""
    with tempfile.TemporaryDirectory() as folder:
        can_mount = printed(say_whether_mounting_works, folder) == "yes\n"
    return [run_as_nobody, run_on_a_read_only_mount] if can_mount else [run_as_nobody]


def _run_all(home: str, commands: str) -> None:
    """Run each command in `home`; print a list of [exit status, standard output, standard error].

    HOME in a word is the directory; the command `complete LINE` is a press of Tab.
    """
    os.chdir(home)
    results = []
    for words in json.loads(commands):
        out, err = io.TextIOWrapper(io.BytesIO()), io.TextIOWrapper(io.BytesIO())
        environment = {"USER": "ann"}
        if words[0] == "complete":
            environment |= {"_CAS_COMPLETE": "fish_complete", "COMP_LINE": words.pop()}
            words.clear()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main([word.replace("HOME", home) for word in words], environment=environment)
        for stream in (out, err):
            stream.flush()
        shown = [stream.buffer.getvalue().decode() for stream in (out, err)]
        results.append([code, *shown])
    sys.stdout.write(json.dumps(results) + "\n")
    sys.stdout.flush()
