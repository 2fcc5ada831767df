"""Downloads in a process of its own: to be killed, interrupted, or run beside another."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import struct
from pathlib import Path
from typing import TYPE_CHECKING

from cas.errors import CasError
from cas.remotes.aside import Aside
from cas.remotes.fetch import fetch_file
from cas.remotes.location import Location
from cas.remotes.settings import Settings
from cas.remotes.sources import open_source
from cas.remotes.sync import sync
from cas.testing import faults
from tests.processes import say
from tests.remotes.fetching import fetch, not_at_all

if TYPE_CHECKING:
    from collections.abc import Callable


class Watcher:
    """Does something once so many bytes are here."""

    def __init__(self, at: int, act: Callable[[], object]) -> None:
        self._left = at
        self._act = act

    def start(self, task: str, total: int | None, unit: str) -> None:
        """Nothing is to be done."""

    def advance(self, count: int) -> None:
        """Count down."""
        before, self._left = self._left, self._left - count
        if before > 0 >= self._left:
            self._act()


def settings(endpoint: str) -> Settings:
    """Of an S3 server at `endpoint`, if it is not empty."""
    words = ("AWS_ENDPOINT_URL", "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    return Settings(dict(zip(words, (endpoint, "us-east-1", "AK", "SK"), strict=True)) if endpoint else {})


def fetch_and_die(url: str, home: str, at: str) -> None:
    """Fetch a file, and be killed once `at` bytes are here."""
    source = open_source(Location.parse(url), Settings())
    killed = Watcher(int(at), lambda: os.kill(os.getpid(), signal.SIGKILL))
    fetch_file(source, Path(home, "state"), Path(home, "file"), connections=1, progress=killed)


def fetch_until_interrupted(url: str, home: str, endpoint: str) -> None:
    """Say when a download hangs, and what became of it after SIGINT."""
    source = open_source(Location.parse(url), settings(endpoint))
    hangs = Watcher(1, lambda: say("hangs"))
    try:
        fetch_file(source, Path(home, "state"), Path(home, "file"), progress=hangs)
    except KeyboardInterrupt:
        say("interrupted")


def fetch_beside_others(url: str, home: str) -> None:
    """Fetch when told to; say whether it was there already."""
    source = open_source(Location.parse(url), Settings())
    say("ready")
    input()
    if url.endswith("/"):
        say(sync(source, Path(home, "state"), Path(home, "all")).fetched)
    else:
        say(fetch_file(source, Path(home, "state"), Path(home, "file")).is_unchanged)


def fetch_without_room(url: str, home: str, limit: str) -> None:
    """Fetch on a disk that is too small, or with a limit on files; say what comes of it and what is there."""
    if limit:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), resource.RLIM_INFINITY))
    folder = Path(home)
    folder.mkdir(exist_ok=True)
    (folder / "file").write_bytes(b"old")
    source = open_source(Location.parse(url), Settings())
    try:
        fetch_file(source, folder / "state", folder / "file", wait=not_at_all)
    except CasError as error:
        say(error.code, (folder / "file").read_bytes().decode())


def fetch_and_die_at(url: str, home: str, step: str) -> None:
    """Fetch a file, and be killed at a step."""
    faults.kill_at(int(step))
    fetch(url, Path(home))


def fetch_without_links(url: str, home: str, step: str) -> None:
    """Fetch a file where no file can have a second name; be killed at a step, or say what was in the way."""
    forbid_links()
    if step:
        faults.kill_at(int(step))
    displaced = fetch(url, Path(home)).displaced
    assert displaced is not None
    say(displaced.kept.name)


def clear_what_vanishes(home: str, how: str) -> None:
    """Keep a file that is deleted while it is looked at, with or without links; say where it is."""
    if how:
        forbid_links()
    folder, file = os.open(home, os.O_RDONLY | os.O_DIRECTORY), Path(home, "file")

    def is_ours(_: os.stat_result) -> bool:
        file.unlink()
        return False

    say(Aside(Path(home, "kept")).clear(folder, "file", "file", is_ours=is_ours))


def forbid_links() -> None:
    """Have the kernel refuse link(2) to this process, as file systems without hard links do."""
    number = {"x86_64": 265, "aarch64": 37}[os.uname().machine]
    # Load the number of the call; if it is that one, fail with EPERM; else go on.
    words = ((0x20, 0, 0, 0), (0x15, 0, 1, number), (0x06, 0, 0, 0x0005_0001), (0x06, 0, 0, 0x7FFF_0000))
    filters = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *word) for word in words))
    program = struct.pack("HxxxxxxP", len(words), ctypes.addressof(filters))
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    assert prctl(38, 1, 0, 0, 0) == 0, "no new privileges"
    assert prctl(22, 2, ctypes.create_string_buffer(program), 0, 0) == 0, os.strerror(ctypes.get_errno())
