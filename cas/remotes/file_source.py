"""Files of this machine as a source: a mounted share, a directory that another program fills."""

from __future__ import annotations

import errno
import logging
import os
import stat
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from cas import fs
from cas.remotes import errors
from cas.remotes.source import RemoteFile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cas.remotes.location import Location

log = logging.getLogger(__name__)

_BLOCK: Final = 1 << 20


class FileSource:
    """A file or a directory; links are followed, since whoever wrote the URL may read all that is there."""

    def __init__(self, location: Location) -> None:
        self.location = location

    def head(self) -> RemoteFile:
        """Look at the file."""
        status = self._stat(self.location.path)
        if status is None:
            raise errors.absent(str(self.location), "there is no such file")
        if stat.S_ISDIR(status.st_mode):
            raise errors.is_directory(str(self.location))
        if not stat.S_ISREG(status.st_mode):
            raise errors.absent(str(self.location), "there is something of that name, but it is no file")
        return _described("", status)

    def list(self) -> Iterator[RemoteFile]:
        """Look at every file below the directory."""
        status = self._stat(self.location.path.rstrip("/") or "/")
        if status is None:
            raise errors.absent(str(self.location), "there is no such directory")
        if not stat.S_ISDIR(status.st_mode):
            raise errors.is_file(str(self.location))
        return self._below(self.location.path.rstrip("/") + "/")

    def _below(self, root: str) -> Iterator[RemoteFile]:
        with fs.explained(f"cannot list '{self.location}'"):
            folders: list[tuple[str, frozenset[tuple[int, int]]]] = [(root, frozenset())]
            while folders:
                folder, above = folders.pop()
                inside = above | {_identity(os.stat(folder))}
                for name in os.listdir(folder):
                    path = folder + name
                    status = self._stat(path)
                    if status is None or stat.S_IFMT(status.st_mode) not in (stat.S_IFREG, stat.S_IFDIR):
                        log.warning("'%s' is no file, so it is not fetched", path)
                    elif stat.S_ISREG(status.st_mode):
                        yield _described(path[len(root) :], status)
                    elif _identity(status) in inside:  # a link upwards has no end
                        log.warning("'%s' leads back to where it is, so it is not followed", path)
                    else:
                        folders.append((f"{path}/", inside))

    def read(self, file: RemoteFile, start: int, stop: int | None) -> Iterator[bytes]:
        """Read the file in order, and look at the end whether it is still the one that was described."""
        assert start == 0
        assert stop is None
        path = self.location.path + file.path
        with (
            fs.explained(f"cannot fetch '{self.location.below(file.path)}'"),
            # Without blocking: a pipe that took the place of the file would be waited for.
            open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as stream,
        ):
            while block := stream.read(_BLOCK):
                yield block
            if _described(file.path, os.fstat(stream.fileno())).token != file.token:
                raise errors.changed(self.location.below(file.path), "somebody wrote to it")

    def close(self) -> None:
        """Nothing is held."""

    def _stat(self, path: str) -> os.stat_result | None:
        with fs.explained(f"cannot fetch '{self.location}'"):
            try:
                return os.stat(path)
            except (FileNotFoundError, NotADirectoryError):
                return None
            except OSError as error:
                if error.errno == errno.ELOOP:  # a link to itself leads to nothing
                    return None
                raise


def _described(path: str, status: os.stat_result) -> RemoteFile:
    return RemoteFile(
        path,
        status.st_size,
        modified=_time(status.st_mtime_ns // 1_000_000_000),
        token=f"{status.st_size}-{status.st_mtime_ns}-{status.st_ino}",
    )


def _time(seconds: int) -> datetime | None:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):  # file systems know years that calendars do not
        return None


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino
