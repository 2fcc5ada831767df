"""The directory that files are put into, and no other, whatever their names and whatever links are there.

It is made when the first file is put into it: an empty directory would hide what lower layers have, and be in
the way of a registry that is corrected after a download has failed.
"""

from __future__ import annotations

import contextlib
import errno
import os
import threading
from typing import TYPE_CHECKING, Final

from cas.errors import ConflictError
from cas.remotes.partial import Descriptor
from cas.remotes.stamp import hashed_at
from cas.worktree.directories import open_directory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from cas.remotes.aside import Aside
    from cas.remotes.digests import Hashes
    from cas.remotes.partial import Partial
    from cas.remotes.stamp import Stamp

_IN_THE_WAY: Final = (errno.ENOTDIR, errno.ELOOP, errno.EISDIR)


class Landing:
    """A directory that is open, or will be once it is made. Safe for threads."""

    def __init__(self, directory: Path, aside: Aside, make: Callable[[], object]) -> None:
        """Open it if it is there.

        Args:
            directory: Where it is, or will be.
            aside: Where what is in the way goes.
            make: Makes the directory; does nothing if it is there.
        """
        self._directory = directory
        self._aside = aside
        self._make = make
        self._lock = threading.Lock()
        self._root: Descriptor | None = None
        with self._explained("."), contextlib.suppress(FileNotFoundError):
            self._root = self._opened()

    def _opened(self) -> Descriptor:
        return Descriptor(os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))

    def make(self) -> Descriptor:
        """Open it, and make it before if it is missing."""
        if self._root is not None:  # as for all files but the first
            return self._root
        with self._lock:
            if self._root is None:
                with self._explained("."):
                    self._make()
                    self._root = self._opened()
            return self._root

    def look(self, path: str) -> os.stat_result | None:
        """The status of what is at a relative path; None if there is nothing."""
        if self._root is None:
            return None
        try:
            return os.stat(path, dir_fd=self._root.fd, follow_symlinks=False)
        except (FileNotFoundError, NotADirectoryError):
            return None

    def hashed(self, path: str, algorithm: str | None) -> tuple[os.stat_result, Hashes] | None:
        """Hash the file at a relative path, if it is one that no link leads to."""
        with self._folder(path) as folder:
            return hashed_at(path.rpartition("/")[2], algorithm, folder=folder)

    def put(
        self,
        partial: Partial,
        path: str,
        *,
        is_durable: bool,
        is_ours: Callable[[os.stat_result, str, int], bool],
    ) -> tuple[Stamp, Path | None]:
        """Put a file that has arrived at a relative path; directories above it are made.

        Args:
            partial: The file.
            path: Where to.
            is_durable: Whether it is on the disk when this returns.
            is_ours: Tells by its status, its name and the open directory that it is in whether what is there
                may be lost.

        Returns:
            What it looks like there, and where what was there before is kept; None if it was nothing, or may
            be lost.

        Raises:
            ConflictError: A link or a file is where a directory is to be, or a directory where the file is.
        """
        name = path.rpartition("/")[2]
        with self._explained(path), self._folder(path) as folder:
            kept = self._aside.clear(folder, name, path, is_ours=lambda status: is_ours(status, name, folder))
            return partial.publish(name, folder, is_durable=is_durable), kept

    @contextlib.contextmanager
    def _folder(self, path: str) -> Iterator[int]:
        """Open the directory above a relative path, one component at a time, through no link."""
        root = self.make()
        names = path.split("/")[:-1]
        if not names:
            yield root.fd
            return
        fd = os.dup(root.fd)
        try:
            for name in names:
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
