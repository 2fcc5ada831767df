"""Where the payload of one resource is on this host: a folder of its own below the workspace."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from cas import fs
from cas.errors import StorageError
from cas.worktree.link import Link
from cas.worktree.views import is_untouched

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cas.repo.repository import Repository
    from cas.versions.version import Version

_WRITE_BITS = 0o222


class Scratch:
    """A folder that is made when it is first needed, and deleted when it is not needed any more."""

    __slots__ = ("_folder",)

    def __init__(self) -> None:
        self._folder: Path | None = None

    def place(self, workspace: Path, name: str) -> Path:
        """Give the path of `name` in the folder; the folder exists then, what the path names need not.

        Raises:
            StorageError: The folder cannot be made.
        """
        if self._folder is None:
            with fs.explained(f"cannot make a folder in '{workspace}'"):
                self._folder = Path(tempfile.mkdtemp(dir=workspace))
        return self._folder / name

    def delete(self) -> None:
        """Delete the folder, as far as that is possible; the workspace is its owner's to delete."""
        if self._folder is None:
            return
        shutil.rmtree(self._folder, ignore_errors=True)
        if self._folder.exists():  # a task may leave directories in which nothing can be deleted
            for top, names, _ in os.walk(self._folder):
                for place in (os.path.join(top, name) for name in names):
                    with contextlib.suppress(OSError):
                        if not os.path.islink(place):
                            os.chmod(place, 0o700)
            shutil.rmtree(self._folder, ignore_errors=True)
        self._folder = None


def materialise(repository: Repository, version: Version, destination: Path) -> None:
    """Put `version` at `destination` for reading: linked to the repository's files, or else copied.

    Raises:
        CorruptError: Stored bytes are damaged or lost.
        StorageError: The disk is full.
    """
    with repository.session() as session:
        try:
            repository.place(version, destination, session=session, link=Link.HARDLINK)
        except StorageError as error:
            if error.code != "no-hardlink":  # found out before anything was written
                raise
        else:
            return
        repository.place(version, destination, session=session, link=Link.COPY)
    with fs.explained(f"cannot protect '{destination}'"):
        protect(destination)


def touched(path: Path) -> Path | None:
    """Find a file at or below `path` that is linked to the repository's own and that somebody wrote to."""
    for file in _files(path):
        status = file.lstat()
        if stat.S_ISREG(status.st_mode) and status.st_nlink > 1 and not is_untouched(status, None):
            return file
    return None


def protect(path: Path) -> None:
    """Take the right to write from a file, or from every file in a directory; links are left as they are."""
    for file in _files(path):
        if not file.is_symlink():
            file.chmod(file.stat().st_mode & ~_WRITE_BITS)


def _files(path: Path) -> Iterator[Path]:
    if path.is_dir() and not path.is_symlink():
        yield from (Path(top, name) for top, _, names in os.walk(path) for name in names)
    elif os.path.lexists(path):
        yield path
