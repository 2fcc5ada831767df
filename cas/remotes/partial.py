"""A file on its way here, of which an interrupted download leaves the parts that are done.

Theory of operation
-------------------
The file lies in the state folder under a name of its own, as long as it will be, with holes. Threads write
blocks at their places. Beside it lies its journal: a line that says which state of which file this is, and a
line for each part that is done.

1. A part is in the journal only after its bytes were written, so what a killed process left can be used. A
   power cut may lose bytes that were written. So the journal also says when all before was synced, and which
   boot of the machine it is of: after another boot only parts from before the last sync count. To sync after
   every few parts instead would cost a third of the speed of the disk.
2. Parts are taken over only if the first line is the same, letter by letter. Otherwise all begins anew.
3. The descriptor lives as long as any thread has the `Partial`: a thread that outlives its download must not
   write into whatever file got the number next.
"""

from __future__ import annotations

import contextlib
import errno
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cas import fs
from cas.remotes.stamp import Stamp, renamed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from _typeshed import ReadableBuffer

PART: Final = 1 << 24
"""Bytes that one request asks for, and that are the unit of resuming."""

_SYNC_EVERY: Final = 1 << 30
_BOOT: Final = "/proc/sys/kernel/random/boot_id"
_SYNCED: Final = "synced"
_HEAD: Final = 2
"""Lines of a journal that are there before any part is: the header, and the boot."""
_BLOCK: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Part:
    """A range of the file."""

    index: int
    start: int
    stop: int


class Partial:
    """A file that is not all here. `write` may be called by several threads, all else by one."""

    def __init__(self, path: Path, *, size: int | None) -> None:
        """Begin, or go on if `resume` says so.

        Args:
            path: Where it is; the journal is beside it.
            size: How long it will be; None if nobody knows.
        """
        self._path = path
        self._size = size
        self._file = Descriptor(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666))
        self._done: set[int] = set()
        self._unsynced = 0

    @property
    def _journal(self) -> Path:
        return self._path.with_suffix(".parts")

    def restart(self) -> None:
        """Forget what is there."""
        if os.fstat(self._file.fd).st_size:  # a file system writes to its journal to make nothing of nothing
            os.ftruncate(self._file.fd, 0)
        if self._size is None or self._size >= PART:
            self._reserve()

    def resume(self, header: str) -> None:
        """Take over what an attempt under the same `header`, one line, has left; else begin anew."""
        assert self._size is not None
        done = self._read_journal(header)
        if done is None or os.fstat(self._file.fd).st_size != self._size:
            self._journal.unlink(missing_ok=True)
            self.restart()
            os.ftruncate(self._file.fd, self._size)
            done = set()
        self._done = done
        self._reserve()
        lines = [header, _boot(), *map(str, sorted(done)), _SYNCED]
        os.fdatasync(self._file.fd)  # those parts may be of another boot
        self._journal.write_text("".join(f"{line}\n" for line in lines), encoding="ascii")

    def _read_journal(self, header: str) -> set[int] | None:
        try:
            text = self._journal.read_text(encoding="ascii", errors="replace")
        except FileNotFoundError:
            return None
        lines = text.split("\n")[:-1]  # the last is empty, or was cut off
        if len(lines) < _HEAD or lines.pop(0) != header:
            return None
        if lines[0] != _boot():  # invariant 1
            last = max((at for at, line in enumerate(lines) if line == _SYNCED), default=0)
            del lines[last:]
        return {int(line) for line in lines[1:] if line.isascii() and line.isdigit()}

    def _reserve(self) -> None:
        """Find out now, and not after an hour, that there is no room.

        Room is not taken: where the file system cannot do that, the C library would write a byte into every
        block.
        """
        if self._size is None:
            return
        room = os.statvfs(self._path)
        missing = self._size - os.fstat(self._file.fd).st_blocks * 512
        if missing > room.f_bavail * room.f_frsize:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._path))

    def parts(self) -> list[Part]:
        """All parts of the file, in order."""
        assert self._size is not None
        starts = range(0, self._size, PART)
        return [Part(index, start, min(start + PART, self._size)) for index, start in enumerate(starts)]

    @property
    def is_begun(self) -> bool:
        """Whether another attempt could use anything of it."""
        return bool(self._done)

    def has(self, part: Part) -> bool:
        """Whether the part is done."""
        return part.index in self._done

    def write(self, offset: int, block: ReadableBuffer) -> None:
        """Put some bytes at their place."""
        view = memoryview(block)
        while view:
            count = os.pwrite(self._file.fd, view, offset)
            view, offset = view[count:], offset + count

    def finish(self, part: Part) -> None:
        """Note that a part is done."""
        self._done.add(part.index)
        self._unsynced += part.stop - part.start
        self._note(str(part.index))
        if self._unsynced >= _SYNC_EVERY:
            self.sync()

    def sync(self) -> None:
        """Make what is done survive whatever comes."""
        os.fdatasync(self._file.fd)
        self._note(_SYNCED)
        self._unsynced = 0

    def _note(self, line: str) -> None:
        with self._journal.open("a", encoding="ascii") as journal:
            journal.write(f"{line}\n")

    def blocks(self, start: int, stop: int) -> Iterator[bytes]:
        """Read bytes that are there."""
        for offset in range(start, stop, _BLOCK):
            yield fs.read_exactly(self._file.fd, min(_BLOCK, stop - offset), offset)

    def publish(self, name: str, folder: int, *, is_durable: bool) -> Stamp:
        """Put the file at `name` in the open directory `folder`; returns what it looks like there."""
        if is_durable:
            os.fsync(self._file.fd)
            fs.reached("download.written")
        stamp = renamed(self._file.fd, lambda: os.rename(self._path, name, dst_dir_fd=folder))
        if is_durable:
            fs.reached("download.renamed")
            os.fsync(folder)
            self._journal.unlink(missing_ok=True)
        return stamp

    def discard(self) -> None:
        """Throw it away."""
        for path in (self._journal, self._path):
            with contextlib.suppress(FileNotFoundError):
                path.unlink()


def _boot() -> str:
    """What tells this boot of the machine from all others; where nothing does, it is like no other."""
    try:
        with open(_BOOT, encoding="ascii") as stream:
            return stream.read().strip()
    except OSError:
        return f"unknown {os.urandom(16).hex()}"


class Descriptor:
    """A file descriptor that is closed when nobody can use it any more (invariant 3)."""

    __slots__ = ("fd",)

    def __init__(self, fd: int) -> None:
        self.fd = fd

    def __del__(self) -> None:
        os.close(self.fd)
