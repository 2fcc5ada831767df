"""A file on its way here, of which an interrupted download leaves what came.

Theory of operation
-------------------
The file lies in the state folder under a name of its own, as long as it will be, with holes. Threads write
blocks at their places, each thread the blocks of one part, in order. Beside it lies its journal: a line that
says which state of which file this is, one that says which boot of the machine, and then how far each part
got: its number, and how many of its bytes are there.

1. A line about a part is written only after its bytes were, so what a killed process left can be used. A
   power cut may lose bytes that were written. So the journal also says when all before was synced: what is
   above "syncing N" is on the disk if "synced N" follows. After another boot of the machine only that counts.
   To sync after every few parts instead would cost a third of the speed of the disk.
2. Parts are taken over only if the first line is the same, letter by letter. Otherwise all begins anew.
3. The descriptors live as long as any thread has the `Partial`, and what begins anew does so in new files: a
   thread that outlives its download writes neither into whatever file got the number next, nor into another
   state of the same file, nor lines about it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cas import fs
from cas.remotes.stamp import Stamp, renamed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from _typeshed import ReadableBuffer

PART: Final = 1 << 24
"""Bytes that one request asks for."""

STEP: Final = 1 << 20
"""A killed process loses less than this of what each thread was at. [bytes]"""

_SYNC_EVERY: Final = 1 << 30
_BOOT: Final = "/proc/sys/kernel/random/boot_id"
_HEAD: Final = 2
"""Lines of a journal that are there before any part is: the header, and the boot."""
_REACHED: Final = re.compile(r"([0-9]{1,18}) ([0-9]{1,18})")
_SYNCED: Final = re.compile(r"synced [0-9]{1,18}")
_BLOCK: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Part:
    """A range of the file."""

    index: int
    start: int
    stop: int


class Partial:
    """A file that is not all here. `write` and `reach` may be called by several threads, all else by one."""

    def __init__(self, path: Path, *, size: int | None) -> None:
        """Begin, or go on if `resume` says so.

        Args:
            path: Where it is; the journal is beside it.
            size: How long it will be; None if nobody knows.
        """
        self._path = path
        self._size = size
        self._file = Descriptor(_opened(path, os.O_RDWR))
        self._journal: Descriptor | None = None
        self._reached: dict[int, int] = {}
        self._noted: dict[int, int] = {}
        self._unsynced = 0
        self._syncs = 0
        self._writing = threading.Lock()

    @property
    def _journal_path(self) -> Path:
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
        reached = self._read_journal(header)
        if reached is None or os.fstat(self._file.fd).st_size != self._size:
            self.discard()
            self._file = Descriptor(_opened(self._path, os.O_RDWR | os.O_EXCL))  # invariant 3
            os.ftruncate(self._file.fd, self._size)
            reached = {}
        self._reached, self._noted = reached, dict(reached)
        os.fdatasync(self._file.fd)  # what is there may be of another boot
        self._begin_journal(header)
        self._reserve()

    def _read_journal(self, header: str) -> dict[int, int] | None:
        """Read how far each part got; None if that is of no use."""
        try:
            text = self._journal_path.read_text(encoding="ascii", errors="replace")
        except FileNotFoundError:
            return None
        lines = text.split("\n")[:-1]  # the last is empty, or was cut off
        if len(lines) < _HEAD or lines.pop(0) != header:
            return None
        if lines[0] != _boot():  # invariant 1
            del lines[_end_of_synced(lines) :]
        found = [(int(match[1]), int(match[2])) for line in lines if (match := _REACHED.fullmatch(line))]
        lengths = {part.index: part.stop - part.start for part in self.parts()}
        return {index: reached for index, reached in found if 0 < reached <= lengths.get(index, 0)}

    def _begin_journal(self, header: str) -> None:
        """Put a new one in the place of the old, at once: what it said was worth hours, perhaps."""
        new = self._path.with_suffix(".parts.new")
        self._journal = Descriptor(_opened(new, os.O_WRONLY | os.O_APPEND | os.O_TRUNC))
        self._note(header, _boot(), *self._lines(), "syncing 0", "synced 0")
        new.rename(self._journal_path)

    def _lines(self) -> list[str]:
        return [f"{index} {reached}" for index, reached in sorted(self._reached.copy().items())]

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
    def kept(self) -> int:
        """How many bytes of it another attempt would find."""
        return sum(self._reached.copy().values())

    def reached(self, part: Part) -> int:
        """How many bytes of the part are here, from its start on."""
        return self._reached.get(part.index, 0)

    def has(self, part: Part) -> bool:
        """Whether all of the part is here."""
        return self.reached(part) == part.stop - part.start

    def write(self, offset: int, block: ReadableBuffer) -> None:
        """Put some bytes at their place."""
        view = memoryview(block)
        with (
            self._writing
        ):  # the kernel lets one at a time write to a file, and the others spin, on our cores
            while view:
                count = os.pwrite(self._file.fd, view, offset)
                view, offset = view[count:], offset + count

    def reach(self, part: Part, offset: int) -> None:
        """Tell that the part was written up to there; for one thread at a time of each part."""
        reached = self._reached[part.index] = offset - part.start
        if self.has(part) or reached - self._noted.get(part.index, 0) >= STEP:
            self._note(f"{part.index} {reached}")
            self._noted[part.index] = reached

    def sync_at_times(self, part: Part) -> None:
        """Make what is here survive a power cut, if since the last time enough came; `part` did, just now."""
        self._unsynced += part.stop - part.start
        if self._unsynced >= _SYNC_EVERY:
            self._sync()

    def leave(self) -> None:
        """Make all that is here survive whatever comes, for another attempt; if nothing is, leave nothing."""
        if not self.kept:
            self.discard()
            return
        self._note(*self._lines())
        self._sync()

    def _sync(self) -> None:
        self._syncs += 1
        self._note(f"syncing {self._syncs}")
        os.fdatasync(self._file.fd)
        self._note(f"synced {self._syncs}")
        self._unsynced = 0

    def _note(self, *lines: str) -> None:
        """Add lines to the journal; in one call, so that threads do not write into each other's."""
        assert self._journal is not None
        os.write(self._journal.fd, "".join(f"{line}\n" for line in lines).encode("ascii"))

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
            self._journal_path.unlink(missing_ok=True)
        return stamp

    def discard(self) -> None:
        """Throw it away."""
        for path in (self._journal_path, self._path):
            with contextlib.suppress(FileNotFoundError):
                path.unlink()


def _opened(path: Path, flags: int) -> int:
    return os.open(path, flags | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)


def _end_of_synced(lines: list[str]) -> int:
    """Count the lines that are about what was synced."""
    synced = [line for line in lines if _SYNCED.fullmatch(line)]
    begun = synced[-1].replace("synced", "syncing") if synced else ""
    return lines.index(begun) if begun in lines else 0


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
