"""What a directory got from its source, file by file: a log that grows while files come.

One line of JSON for each file, the last one counts; before them a line with the URL. At the end it is
written anew, each file once. It is not synced while it grows. It need not be: it only ever says what a file
looks like that has these bytes, and after a power cut a file that did not reach the disk is shorter.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cas import fs
from cas.remotes.stamp import Stamp

if TYPE_CHECKING:
    from collections.abc import Iterable
    from io import BufferedWriter
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Line:
    """One file as it was left."""

    token: str | None
    stamp: Stamp
    blake3: str
    """64 hex digits: of what came, whatever is there now."""


class Manifest:
    """The files of one directory, by relative path."""

    def __init__(self, path: Path, url: str) -> None:
        """Read what is there; what came from another URL says nothing about this one."""
        self._path = path
        self._url = url
        self.lines: dict[str, Line] = {}
        self._log: BufferedWriter | None = None
        try:
            first, *lines = path.read_bytes().split(b"\n")
        except FileNotFoundError:
            return
        if first == self._header():
            self.lines.update(_parsed(lines))

    def _header(self) -> bytes:
        return json.dumps({"url": self._url}).encode()

    def put(self, path: str, line: Line) -> None:
        """Remember a file."""
        if self._log is None:
            self._save()  # so that what is appended stands below the right URL
            self._log = self._path.open("ab")
        self.lines[path] = line
        self._log.write(_formatted(path, line))

    def close(self, gone: Iterable[str] = ()) -> None:
        """Write everything anew, each file once, without those that are `gone`."""
        for path in gone:
            del self.lines[path]
        if self._log is not None:
            self._log.close()
            self._log = None
        self._save()

    def abandon(self) -> None:
        """Keep what was appended so far; the work goes on another time."""
        if self._log is not None:
            self._log.close()
            self._log = None

    def _save(self) -> None:
        lines = (_formatted(path, line) for path, line in self.lines.items())
        fs.write_atomically(self._path, self._header() + b"\n" + b"".join(lines))


def _formatted(path: str, line: Line) -> bytes:
    return json.dumps([path, line.token, line.stamp, line.blake3]).encode() + b"\n"


def _parsed(lines: list[bytes]) -> Iterable[tuple[str, Line]]:
    for text in lines:
        try:
            path, token, stamp, digest = json.loads(text)
            line = Line(token, Stamp(*stamp), digest)
        except (ValueError, TypeError):
            continue  # cut off by a crash, or of another version of this program: the file is looked at again
        yield path, line
