"""The directory that files are put into, and no other, whatever their names and whatever links are there."""

from __future__ import annotations

import contextlib
import errno
import os
from typing import TYPE_CHECKING, Final

from cas.errors import ConflictError
from cas.remotes.partial import Descriptor
from cas.worktree.directories import open_directory

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cas.remotes.partial import Partial

_IN_THE_WAY: Final = (errno.ENOTDIR, errno.ELOOP, errno.EISDIR)


class Landing:
    """An open directory. Safe for threads."""

    def __init__(self, directory: Path) -> None:
        """Make it if it is missing."""
        self._directory = directory
        with self._explained("."):
            directory.mkdir(parents=True, exist_ok=True)
            self._root = Descriptor(os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))

    def look(self, path: str) -> os.stat_result | None:
        """The status of what is at a relative path; None if there is nothing."""
        try:
            return os.stat(path, dir_fd=self._root.fd, follow_symlinks=False)
        except (FileNotFoundError, NotADirectoryError):
            return None

    def open(self, path: str) -> int:
        """Open the file at a relative path for reading, if it is one that no link leads to."""
        with self._folder(path) as folder:
            return os.open(path.rpartition("/")[2], os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)

    def put(self, partial: Partial, path: str, *, is_durable: bool) -> os.stat_result:
        """Put a file that has arrived at a relative path; directories above it are made.

        Raises:
            ConflictError: A link or a file is where a directory is to be, or a directory where the file is.
        """
        with self._explained(path), self._folder(path) as folder:
            return partial.publish(path.rpartition("/")[2], folder, is_durable=is_durable)

    @contextlib.contextmanager
    def _folder(self, path: str) -> Iterator[int]:
        """Open the directory above a relative path, one component at a time, through no link."""
        fd = os.dup(self._root.fd)
        try:
            for name in path.split("/")[:-1]:
                below = _open_or_make(name, fd)
                os.close(fd)
                fd = below
            yield fd
        finally:
            os.close(fd)

    @contextlib.contextmanager
    def _explained(self, path: str) -> Iterator[None]:
        try:
            yield
        except (OSError, FileExistsError) as error:
            if error.errno not in (*_IN_THE_WAY, errno.EEXIST):
                raise
            raise ConflictError(
                f"cannot write '{self._directory / path}'",
                code="download-in-the-way",
                why="a link, or a file instead of a directory or the reverse, is there or above it",
                hint="move it away; nothing is fetched through links",
            ) from error


def _open_or_make(name: str, parent: int) -> int:
    try:
        return open_directory(name, parent=parent)
    except FileNotFoundError:
        with contextlib.suppress(FileExistsError):  # another thread was faster
            os.mkdir(name, dir_fd=parent)
        return open_directory(name, parent=parent)
