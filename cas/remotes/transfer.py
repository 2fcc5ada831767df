"""Bringing the bytes of one file here: in parts that come in parallel, or all in one go."""

from __future__ import annotations

import contextlib
import json
import logging
import threading
from contextlib import closing
from typing import TYPE_CHECKING

from blake3 import blake3

from cas.remotes import errors
from cas.remotes.crew import apart, unordered
from cas.remotes.errors import RemoteError
from cas.remotes.partial import PART, Partial

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cas.progress import Progress
    from cas.remotes.digests import Hashes
    from cas.remotes.effort import Effort
    from cas.remotes.partial import Part
    from cas.remotes.source import RemoteFile, Source


log = logging.getLogger(__name__)


class Meter:
    """Counts bytes from many threads for a `Progress`, which wants to hear of them from one at a time."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._lock = threading.Lock()

    def start(self, total: int | None) -> None:
        """Begin to download."""
        self._progress.start("downloading", total, "bytes")

    def add(self, count: int) -> None:
        """Count some bytes."""
        with self._lock:
            self._progress.advance(count)


class Transfer:
    """One file that comes from a source into a `Partial`."""

    def __init__(
        self, source: Source, file: RemoteFile, effort: Effort, meter: Meter, *, size: int | None = None
    ) -> None:
        """Get ready.

        Args:
            source: Where the file is.
            file: The file, as the source describes it.
            effort: How long to try.
            meter: Counts bytes.
            size: What somebody says that it measures, for a source that does not say. [bytes]
        """
        self._source = source
        self._file = file
        self._effort = effort
        self._meter = meter
        self._size = size
        self.resumed = 0
        """Bytes that were there already."""

    @property
    def _url(self) -> str:
        return self._source.location.below(self._file.path)

    @property
    def is_in_parts(self) -> bool:
        """Whether it pays to ask for parts of it, and parts can be asked for."""
        return self._file.is_divisible and (self._file.size or 0) > PART

    def bring(self, path: Path, new_hashes: Callable[[], Hashes] | None, connections: int) -> Arrived:
        """Bring all of it.

        Args:
            path: Where it is collected; parts that an earlier attempt left there are used.
            new_hashes: Makes what hashes it on the way; called again if it has to begin anew.
            connections: How many parts are asked for at once.
        """
        if not self.is_in_parts:
            return apart(lambda: self.bring_whole(path, new_hashes), effort=self._effort, source=self._source)
        assert self._file.size is not None
        partial = Partial(path, size=self._file.size)
        hashes = new_hashes() if new_hashes else None
        self._bring_parts(partial, hashes, connections)
        return Arrived(partial, hashes, self._file.size)

    def bring_whole(self, path: Path, new_hashes: Callable[[], Hashes] | None) -> Arrived:
        """Bring it with one request, in this thread; another attempt begins at its first byte."""
        partial = Partial(path, size=self._file.size)
        patience = self._effort.patience()
        seen = 0
        while True:
            partial.restart()
            hashes = new_hashes() if new_hashes else None
            at = 0
            try:
                for block in self._source.read(self._file, 0, None):
                    self._effort.check()
                    self._check_length(at + len(memoryview(block)))
                    partial.write(at, block)
                    if hashes is not None:
                        hashes.update(block)
                    at += len(memoryview(block))
                    self._meter.add(max(at - seen, 0))
                    seen = max(seen, at)
                self._check_end(at, self._file.size)
            except RemoteError as error:
                patience.consider(error)
            else:
                return Arrived(partial, hashes, at)

    def _bring_parts(self, partial: Partial, hashes: Hashes | None, connections: int) -> None:
        try:
            partial.resume(self._header())
            self.resumed = partial.kept
            self._meter.add(self.resumed)
            self._bring_missing(partial, hashes, connections)
        except BaseException:
            # On a disk that is full or fails, what the journal says already has to do.
            with contextlib.suppress(OSError):
                partial.leave()
                self._say_what_is_left(partial.kept)
            raise

    def _bring_missing(self, partial: Partial, hashes: Hashes | None, connections: int) -> None:
        parts = partial.parts()
        hashed = _hash_ready(partial, parts, 0, hashes)
        with closing(
            unordered(
                lambda part: self._bring_part(partial, part),
                [part for part in parts if not partial.has(part)],
                count=connections,
                effort=self._effort,
                source=self._source,
            )
        ) as arriving:
            for part in arriving:
                partial.sync_at_times(part)
                hashed = _hash_ready(partial, parts, hashed, hashes)

    def _say_what_is_left(self, kept: int) -> None:
        if kept:
            log.warning(
                "%s: %s of %s bytes are here; another attempt goes on from there",
                self._url,
                f"{kept:,}",
                f"{self._file.size:,}",
            )

    def _header(self) -> str:
        """Which state of which file the parts are of; in one line."""
        location = self._source.location
        return json.dumps([location.identity, self._file.path, self._file.token, self._file.size, PART])

    def _bring_part(self, partial: Partial, part: Part) -> Part:
        """Bring a part; what came before a connection broke is not asked for again."""
        patience = self._effort.patience()
        at = part.start + partial.reached(part)
        while at < part.stop:
            try:
                for block in self._source.read(self._file, at, part.stop):
                    self._effort.check()
                    size = len(memoryview(block))
                    if at + size > part.stop:
                        raise errors.changed(self._url, "the server sent more than was asked for")
                    partial.write(at, block)
                    at += size
                    partial.reach(part, at)
                    self._meter.add(size)
                    patience.renew()
                self._check_end(at, part.stop)
            except RemoteError as error:
                patience.consider(error)
        return part

    def _check_length(self, at: int) -> None:
        """Refuse an answer that goes on behind its end: some have none, and the disk has."""
        if self._file.size is not None and at > self._file.size:
            raise errors.changed(self._url, f"it was {self._file.size:,} bytes long, and more came")
        if self._file.size is None and self._size is not None and at > self._size:
            raise errors.wrong_size(self._url, f"{self._size:,} bytes were declared, and more came")

    def _check_end(self, at: int, stop: int | None) -> None:
        if stop is not None and at < stop:
            raise errors.truncated(self._url, f"the answer ended after {at:,} of {stop:,} bytes")


class Arrived:
    """A file that is here, under a temporary name."""

    def __init__(self, partial: Partial, hashes: Hashes | None, size: int) -> None:
        self.partial = partial
        self.hashes = hashes
        self.size = size

    @property
    def blake3(self) -> str:
        """Its BLAKE3, in hex; read back if it was not hashed on its way."""
        if self.hashes is not None:
            return self.hashes.blake3
        hasher = blake3()
        for block in self.partial.blocks(0, self.size):
            hasher.update(block)
        return hasher.hexdigest()


def _hash_ready(partial: Partial, parts: list[Part], hashed: int, hashes: Hashes | None) -> int:
    """Hash the parts that have all before them; returns how many are hashed.

    While other parts are on their way: at the end little is left to read, and what is read was just written,
    so that it comes from memory.
    """
    while hashes is not None and hashed < len(parts) and partial.has(parts[hashed]):
        for block in partial.blocks(parts[hashed].start, parts[hashed].stop):
            hashes.update(block)
        hashed += 1
    return hashed
