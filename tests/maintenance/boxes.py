"""Repositories to break: a directory with a repository, and the moves and questions of these tests."""

from __future__ import annotations

import os
import random
import shutil
import sys
from typing import TYPE_CHECKING

from cas.maintenance.leftovers import pack_files
from cas.objects.rows import PackRow
from cas.repo import Repository
from cas.testing import faults
from cas.versions import refs

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from cas.layout import Layout
    from cas.versions.events import AnyEvent
    from cas.versions.refs import Whiteout

Files = dict[str, bytes]
"""Path → bytes: what a version holds."""


class Box:
    """A repository that is opened anew for every move, as by one command after the other."""

    def __init__(self, home: Path) -> None:
        self.home = home

    @classmethod
    def make(cls, home: Path) -> Box:
        """Make an empty repository."""
        Repository.init(home).close()
        return cls(home)

    @property
    def layout(self) -> Layout:
        """Its paths."""
        with self.open() as repository:
            return repository.layout

    @property
    def root(self) -> Path:
        """The `.cas` directory, without opening anything."""
        return self.home / ".cas"

    def open(self) -> Repository:
        """Open the repository; the caller closes it."""
        return Repository.open(self.home)

    def copy(self, home: Path) -> Box:
        """Copy everything to `home`."""
        shutil.copytree(self.home, home, symlinks=True)
        return Box(home)

    def commit(self, name: str, files: Mapping[str, bytes], **options: object) -> str:
        """Commit these files as a version of `name`; its spec."""
        with self.open() as repository:
            return commit(repository, self.home / "source", name, files, **options)

    def record(self, *events: AnyEvent, at_ns: int = 1) -> None:
        """Make events happen that no other move of these tests makes happen."""
        with self.open() as repository:
            repository._index.write(lambda txn: repository._ledger.record(txn, events, at_ns))

    def whiteouts(self, layer: str = "main") -> dict[str, Whiteout]:
        """Read what is hidden: path → whiteout."""
        with self.open() as repository, repository.snapshot() as txn:
            return refs.whiteouts(txn, layer)

    def versions(self) -> dict[str, Files]:
        """Read everything that is live: `name@version` → files."""
        with self.open() as repository:
            return {
                f"{one.name}@{one.version}": files_of(repository, f"{one.name}@{one.version}")
                for listing in repository.names()
                for one in repository.versions(listing.name)
            }

    def problems(self, *, quick: bool = False) -> list[str]:
        """List what a verification finds."""
        with self.open() as repository:
            return [problem.what for problem in repository.verify(quick=quick).problems]

    def litter(self) -> list[str]:
        """List what no running process and no row of the index accounts for."""
        with self.open() as repository:
            layout = repository.layout
            with repository._index.read() as txn:
                rows = [PackRow.decode(value) for _, value in txn.scan(txn.tables.packs)]
        known = {row.id.hex() for row in rows}
        found = [str(path) for folder in (layout.tmp, layout.sessions) for path in folder.iterdir()]
        found += [f"orphan {path}" for path in pack_files(layout) if path.stem not in known]
        found += [f"missing pack {name}" for name in known - {path.stem for path in pack_files(layout)}]
        return found + [str(path) for path in layout.root.iterdir() if path.name == "index.new"]

    def objects(self) -> set[bytes]:
        """Ids of everything that the index knows."""
        with self.open() as repository, repository._index.read() as txn:
            return {key for key, _ in txn.scan(txn.tables.objects)}

    def packs(self) -> list[Path]:
        """Files of packs, largest first."""
        return sorted(self.root.rglob("packs/*/*.pack"), key=lambda path: -path.stat().st_size)


def commit(
    repository: Repository, source: Path, name: str, files: Mapping[str, bytes], **options: object
) -> str:
    """Commit these files as a version of `name`; its spec. `source` is made and deleted."""
    write(source, files)
    try:
        result = repository.commit(name, source, **options)  # type: ignore[arg-type] # the caller's affair
    finally:
        shutil.rmtree(source)
    return f"{name}@{result.version.version}"


def write(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write files below `folder`."""
    folder.mkdir(parents=True)
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)


def files_of(repository: Repository, spec: str) -> Files:
    """Read a version back, every byte verified."""
    return {
        item.path: repository.read(spec, item.path)
        for item in repository.tree(spec)
        if item.kind.name != "DIRECTORY"
    }


def noise(seed: int, size: int) -> bytes:
    """Make bytes that neither compress nor repeat."""
    return random.Random(seed).randbytes(size)


def damage(path: Path, offset: int) -> None:
    """Flip a bit of a file, as a disk might."""
    data = bytearray(path.read_bytes())
    data[offset] ^= 1
    os.chmod(path, 0o644)
    path.write_bytes(data)


def killed_at(count: int, action: Callable[[], object]) -> bool:
    """Run `action` in a child that dies at its `count`-th durable step; False if it came to its end."""
    child = os.fork()
    if child == 0:
        try:
            faults.kill_at(count)
            action()
        except BaseException as error:  # noqa: BLE001 - a child must not go on with the parent's tests
            os.write(2, f"{type(error).__name__}: {error}\n".encode())
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return True
    assert os.WEXITSTATUS(status) == 0, "the command failed before it could be killed"
    return False


def run_apart(actions: list[Callable[[], object]]) -> list[int]:
    """Run each action in a child of its own, all at once; their exit statuses."""
    children = []
    for action in actions:
        child = os.fork()
        if child == 0:
            try:
                action()
            except BaseException as error:  # noqa: BLE001 - see `killed_at`
                os.write(2, f"{type(error).__name__}: {error}\n".encode())
                os._exit(1)
            sys.stdout.flush()
            os._exit(0)
        children.append(child)
    return [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
