"""What tests of the view run in a process of its own (`tests.processes`)."""

from __future__ import annotations

import io
import os
import threading
from contextlib import suppress
from pathlib import Path

import cas
from cas.errors import CasError
from cas.repo import Repository
from tests.children import become_nobody
from tests.processes import say


def commit(home: str, name: str, text: str) -> None:
    """Commit a text."""
    with Repository.open(home) as repository:
        repository.commit(name, io.BytesIO(text.encode()))


def look_as_nobody(home: str, *names: str) -> None:
    """Look paths up without the right to write to the repository; say what comes of it."""
    with Repository.open(home) as repository:
        repository.view().get_resource_path(names[0])  # imports what nobody may not be allowed to read
    become_nobody()
    with Repository.open(home) as repository:
        for name in names:
            say(repository.view().find(name).size)
        say(len(list(repository.view().walk())))
        try:
            say(repository.view().get_resource_path(names[1]))
        except CasError as error:
            say(type(error).__name__)


def look_here(*folders: str) -> None:
    """Look one path up in several current directories."""
    for folder in folders:
        os.chdir(folder)
        try:
            say(cas.get_resource_path("models/a").read_text())
        except CasError as error:
            say(type(error).__name__, error.code)


def look_with_own_directory(own: str, *folders: str) -> None:
    """Say where to write, in several current directories, before and after an own directory is set."""
    for folder in folders:
        os.chdir(folder)
        say(cas.get_resources_writable_directory("x"))
    cas.set_user_resources_directory(own)
    for folder in folders:
        os.chdir(folder)
        say(cas.get_resources_writable_directory("x"))


def look_after_fork(home: str) -> None:
    """Look up before a fork, in the child, and in the parent again."""
    os.chdir(home)
    say(cas.get_resource_path("models/a").read_text())
    child = os.fork()
    say(cas.get_resource_path("models/a").read_text())
    if not child:
        os._exit(0)
    _, status = os.waitpid(child, 0)
    say(os.waitstatus_to_exitcode(status))
    say(cas.get_resource_path("models/a").read_text())


def look_while_it_changes(home: str, other: str) -> None:
    """Look up; replace the repository by another one; look up again."""
    os.chdir(home)
    say(cas.get_resource_path("models/a").read_text())
    os.rename(Path(home, ".cas"), Path(home, "old"))
    os.rename(Path(other, ".cas"), Path(home, ".cas"))
    say(cas.get_resource_path("models/a").read_text())


def look_in_threads(home: str) -> None:
    """Look up in many threads at once; say what they found."""
    os.chdir(home)
    found: list[str] = []
    barrier = threading.Barrier(8)

    def look() -> None:
        barrier.wait()
        found.extend(cas.get_resource_path("models/a").read_text() for _ in range(20))

    threads = [threading.Thread(target=look) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    say(len(found), *set(found))


def make_a_directory(home: str, path: str) -> None:
    """Wait for a word, then ask for a directory to write to."""
    os.chdir(home)
    say("ready")
    input()
    say(cas.get_resources_writable_directory(path))


def look_on_a_small_disk(home: str, is_full: str) -> None:
    """Look up what is on the disk already, and what is not; say what comes. If `is_full`, fill it before."""
    folder = Path(home)
    folder.mkdir(exist_ok=True)
    with Repository.init(folder) as repository:
        for name in ("there", "missing"):
            repository.commit(name, io.BytesIO(name.encode()))
        repository.view().get_resource_path("there")
    if is_full:
        with (folder / "fill").open("wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(bytes(4096))
    for name in ("there", "missing", "there"):
        with Repository.open(folder) as repository:
            try:
                say(repository.view().get_resource_path(name).read_text())
            except CasError as error:
                say(error.code)
    (folder / "fill").unlink(missing_ok=True)
    with Repository.open(folder) as repository:
        say(repository.view().get_resource_path("missing").read_text())
