"""Files of this machine as a source: a mounted share, a directory that another program fills."""

from __future__ import annotations

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
            for folder, _, names in os.walk(root, onerror=_raise):
                for name in names:
                    path = os.path.join(folder, name)
                    status = self._stat(path)
                    if status is None or not stat.S_ISREG(status.st_mode):
                        log.warning("'%s' is no file, so it is not fetched", path)
                        continue
                    yield _described(path[len(root) :], status)

    def read(self, file: RemoteFile, start: int, stop: int | None) -> Iterator[bytes]:
        """Read the file in order, and look at the end whether it is still the one that was described."""
        assert start == 0
        assert stop is None
        path = self.location.path + file.path
        with fs.explained(f"cannot fetch '{self.location.below(file.path)}'"), open(path, "rb") as stream:
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


def _described(path: str, status: os.stat_result) -> RemoteFile:
    return RemoteFile(
        path,
        status.st_size,
        modified=datetime.fromtimestamp(status.st_mtime_ns // 1_000_000_000, UTC),
        token=f"{status.st_size}-{status.st_mtime_ns}-{status.st_ino}",
    )


def _raise(error: OSError) -> None:
    raise error
