"""Compression, hashing and pack writing, overlapped with whatever produces the objects.

    caller ──submit──▶ compressors ──in order──▶ one writer thread ──full packs──▶ one sealer (fsync)

Theory of operation
-------------------
A *batch* is a few frames to be (about a megabyte). The caller hands batches over and goes on reading; the
pool compresses them in any order; the writer thread takes them in the order of submission, appends them to
the current pack, and gives a full one to the sealer, which waits for the disk. zstd, BLAKE3 and `write`
release the GIL, so on two cores reading and packing cost the longer of the two, not their sum.

Invariants
1. At most `IN_FLIGHT` bytes are between caller and pack: memory is flat however slow the disk is.
2. An error of a worker reaches the caller at its next call; nothing after the failed batch is written.
3. Data frames and metadata frames never share a pack that is sealed before the end: metadata is kept
   aside and joins the last data pack, or a pack of its own once there is much of it.
"""

from __future__ import annotations

import os
import queue
import threading
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from cas.objects.codec import encode_frame
from cas.objects.packwriter import PackWriter, SealedPack

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

IN_FLIGHT: Final = 32 * 1024 * 1024
_METADATA_ASIDE: Final = 16 * 1024 * 1024
_SEALING: Final = 2
"""Packs that wait for the disk at any time, while the next one is written."""


class NewObject(msgspec.Struct, frozen=True, gc=False):
    """An object on its way into a pack."""

    id: bytes
    kind: int
    data: bytes | memoryview


FrameContent = list[NewObject]
"""The objects of one frame to be."""


class _PackedFrame(NamedTuple):
    stored: bytes | memoryview
    raw_size: int
    objects: list[tuple[bytes, int, int]]


class _Batch(NamedTuple):
    packed: Future[list[_PackedFrame]]
    raw_size: int
    is_metadata: bool


class PackPipeline:
    """Turns frames into sealed packs in the background."""

    def __init__(self, directory: Path, on_sealed: Callable[[SealedPack], None]) -> None:
        """`on_sealed` is called, in another thread, for each data pack that fills up before the end."""
        self._directory = directory
        self._on_sealed = on_sealed
        self._pool = ThreadPoolExecutor(max(1, (os.cpu_count() or 2) - 1), thread_name_prefix="cas-pack")
        self._sealer = ThreadPoolExecutor(1, thread_name_prefix="cas-seal")
        self._sealing: deque[Future[None]] = deque()
        self._queue: queue.SimpleQueue[_Batch | None] = queue.SimpleQueue()
        self._room = threading.Condition()
        self._in_flight = 0
        self._error: BaseException | None = None
        self._pack: PackWriter | None = None
        self._metadata_pack: PackWriter | None = None
        self._metadata: list[_PackedFrame] = []
        self._metadata_size = 0
        self._sealed: list[SealedPack] = []
        self._thread = threading.Thread(target=self._write_batches, name="cas-write", daemon=True)
        self._thread.start()

    def submit(self, frames: list[FrameContent], *, is_metadata: bool) -> None:
        """Hand a batch over; waits while too much is under way (invariant 1).

        Raises:
            OSError: The writer thread failed earlier (disk full).
        """
        raw_size = sum(len(item.data) for frame in frames for item in frame)
        with self._room:
            self._room.wait_for(lambda: self._in_flight < IN_FLIGHT or self._error is not None)
            self._in_flight += raw_size
        self._raise_error()
        self._queue.put(_Batch(self._pool.submit(_pack_frames, frames), raw_size, is_metadata))

    def finish(self) -> list[SealedPack]:
        """Wait until everything is sealed; the packs that `on_sealed` was not told of."""
        self._stop()
        self._raise_error()
        for sealing in self._sealing:
            sealing.result()
        if self._metadata:
            if self._metadata_pack is None:
                self._metadata_pack, self._pack = self._pack or self._open_pack(), None
            self._append_metadata(self._metadata_pack)
        for writer in (self._pack, self._metadata_pack):
            if writer is not None:
                self._sealed.append(writer.seal())
        self._pack = self._metadata_pack = None
        return self._sealed

    def abort(self) -> None:
        """Throw away what is not sealed. Safe at any time, also after `finish`."""
        with self._room:
            self._error = self._error or RuntimeError("aborted")
            self._room.notify_all()
        self._stop()
        for writer in (self._pack, self._metadata_pack):
            if writer is not None:
                writer.discard()
        self._pack = self._metadata_pack = None

    def _stop(self) -> None:
        if self._thread.is_alive():
            self._queue.put(None)
            self._thread.join()
        self._pool.shutdown(cancel_futures=True)
        self._sealer.shutdown()

    def _raise_error(self) -> None:
        if self._error is not None:
            raise self._error

    def _write_batches(self) -> None:
        while (batch := self._queue.get()) is not None:
            try:
                if self._error is None:
                    self._write_batch(batch)
            except BaseException as error:  # noqa: BLE001 - it is handed to the caller, invariant 2
                self._error = error
            with self._room:
                self._in_flight -= batch.raw_size
                self._room.notify_all()

    def _write_batch(self, batch: _Batch) -> None:
        frames = batch.packed.result()
        if batch.is_metadata:
            self._metadata += frames
            self._metadata_size += sum(len(frame.stored) for frame in frames)
            if self._metadata_size >= _METADATA_ASIDE:
                self._metadata_pack = self._metadata_pack or self._open_pack()
                self._append_metadata(self._metadata_pack)
                if self._metadata_pack.is_full:
                    self._sealed.append(self._metadata_pack.seal())
                    self._metadata_pack = None
            return
        self._pack = self._pack or self._open_pack()
        for frame in frames:
            self._pack.append(*frame)
        if self._pack.is_full:
            full, self._pack = self._pack, None
            self._sealing.append(self._sealer.submit(self._seal, full))
            if len(self._sealing) > _SEALING:
                self._sealing.popleft().result()

    def _seal(self, pack: PackWriter) -> None:
        """Runs beside the writer thread, which goes on while the disk is waited for."""
        try:
            sealed = pack.seal()
        except BaseException:
            pack.discard()
            raise
        self._on_sealed(sealed)

    def _append_metadata(self, pack: PackWriter) -> None:
        for frame in self._metadata:
            pack.append(*frame)
        self._metadata = []
        self._metadata_size = 0

    def _open_pack(self) -> PackWriter:
        return PackWriter(self._directory / f"{os.urandom(8).hex()}.pack")


def _pack_frames(frames: list[FrameContent]) -> list[_PackedFrame]:
    packed = []
    for frame in frames:
        raw = frame[0].data if len(frame) == 1 else b"".join(item.data for item in frame)
        objects = [(item.id, item.kind, len(item.data)) for item in frame]
        packed.append(_PackedFrame(encode_frame(raw), len(raw), objects))
    return packed
