"""Reading many blobs at once: in pack order, each frame read and decompressed once.

Small blobs share frames with their neighbours of the same commit. Asked for one by one in the order of a
tree that was put together from many commits, each would cost a frame. So a batch of them is sorted by
where they are, and cut into jobs of a few frames that threads work on independently.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from cas.errors import NotFoundError
from cas.ids import BlobId
from cas.objects.rows import ObjectRow, Stored
from cas.objects.store import PackGoneError, check

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cas.objects.store import ObjectStore

_JOB_SIZE: Final = 512 * 1024
"""Bytes of decompressed frames after which a job is large enough to be worth a thread's attention."""

_PACK, _FRAME_OFFSET, _RAW_SIZE = 0, 2, 4  # places in a row of the index


class FrameShare(NamedTuple):
    """The blobs that are wanted from one frame."""

    blobs: list[tuple[bytes, ObjectRow]]


class Large(NamedTuple):
    """A blob of many chunks: a job of its own."""

    blob: bytes


Job = Large | list[FrameShare]


def plan_jobs(store: ObjectStore, blobs: Iterable[bytes]) -> Iterator[Job]:
    """Iterate over the jobs that together read each of `blobs` once; their order is that of the packs.

    Raises:
        NotFoundError: A blob is not in the store.
    """
    small: dict[tuple[int, int], list[tuple[bytes, ObjectRow]]] = {}
    for blob, row in _locate(store, blobs):
        if row.kind is Stored.RECIPE:
            yield Large(blob)
        else:
            small.setdefault((row.pack, row.frame_offset), []).append((blob, row))
    job: list[FrameShare] = []
    size = 0
    for _, share in sorted(small.items()):
        job.append(FrameShare(share))
        size += share[0][1].frame_raw_size
        if size >= _JOB_SIZE:
            yield job
            job, size = [], 0
    if job:
        yield job


def _locate(store: ObjectStore, blobs: Iterable[bytes]) -> Iterator[tuple[bytes, ObjectRow]]:
    found = []
    with store.index.read() as txn:
        for blob in sorted(blobs):  # in key order, neighbours share pages of the index
            row = store.locate(txn, blob)
            if row is None:
                raise _no_such_blob(blob)
            found.append((blob, row))
    return iter(found)


def read_share(store: ObjectStore, share: FrameShare) -> Iterator[tuple[bytes, bytes]]:
    """Iterate over (id, bytes) of the blobs of one frame, each verified before it is handed out.

    Raises:
        CorruptError: The stored bytes are not what they should be.
    """
    try:
        frame = store.read_frame(share.blobs[0][1])
    except PackGoneError:  # gc rewrote the pack since the look-up: the store looks again
        for blob, _ in share.blobs:
            yield blob, store.get(BlobId(blob))
        return
    for blob, row in share.blobs:
        data = frame[row.offset : row.offset + row.size]
        check(blob, row.kind, data)
        yield blob, data


def _no_such_blob(blob: bytes) -> NotFoundError:
    return NotFoundError(f"cannot find object '{blob.hex()}'", code="no-such-object", hint="run `cas verify`")
