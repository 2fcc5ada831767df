"""Where the payload of one resource is on this host: a folder of its own below the workspace."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from cas import fs
from cas.errors import StorageError
from cas.worktree.link import Link

if TYPE_CHECKING:
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


def protect(path: Path) -> None:
    """Take the right to write from a file, or from every file in a directory; links are left as they are."""
    files = (
        [path] if path.is_file() else [Path(top, name) for top, _, names in os.walk(path) for name in names]
    )
    for file in files:
        if not file.is_symlink():
            file.chmod(file.stat().st_mode & ~_WRITE_BITS)
