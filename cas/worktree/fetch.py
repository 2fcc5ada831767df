"""Reading many blobs at once: in pack order, each frame read and decompressed once.

Small blobs share frames with their neighbours of the same commit. Asked for one by one in the order of a
tree that was put together from many commits, each would cost a frame. So a batch of them is sorted by
where they are, and cut into jobs of a few frames that threads work on independently.
"""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Final, NamedTuple

from cas.errors import CasError, NotFoundError
from cas.ids import BlobId
from cas.objects.rows import ObjectRow, Stored, decode_object
from cas.objects.store import PackGoneError, check

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cas.objects.store import ObjectStore

_OFFSET: Final = operator.itemgetter(1)
_JOB_SIZE: Final = 512 * 1024
"""Bytes of decompressed frames after which a job is large enough to be worth a thread's attention."""


class Large(NamedTuple):
    """A blob of many chunks: a job of its own."""

    blob: bytes


class Share(NamedTuple):
    """The blobs that are wanted from one frame."""

    frame: ObjectRow
    """The row of one of them, which says where the frame is."""
    blobs: list[tuple[bytes, int, int]]
    """Id, offset and size in the frame; in the order of the frame, which is that of some commit."""


Job = Large | list[Share]


class UnreadableError(Exception):
    """A blob is damaged or gone; whoever knows what it was for says so."""

    def __init__(self, blob: bytes, error: CasError) -> None:
        super().__init__()
        self.blob = blob
        self.error = error


def plan_jobs(store: ObjectStore, blobs: Iterable[bytes]) -> Iterator[Job]:
    """Iterate over the jobs that together read each of `blobs` once; their order is that of the packs.

    Raises:
        UnreadableError: A blob is not in the store.
    """
    large, shares = _locate(store, blobs)
    yield from large
    job: list[Share] = []
    size = 0
    for _, share in sorted(shares.items()):
        share.blobs.sort(key=_OFFSET)
        job.append(share)
        size += share.frame.frame_raw_size
        if size >= _JOB_SIZE:
            yield job
            job, size = [], 0
    if job:
        yield job


def _locate(store: ObjectStore, blobs: Iterable[bytes]) -> tuple[list[Large], dict[tuple[int, int], Share]]:
    """Look all blobs up; those of one frame come together, by pack and offset of the frame."""
    large: list[Large] = []
    shares: dict[tuple[int, int], Share] = {}
    with store.index.read() as txn:
        get, objects = txn.raw.get, txn.tables.objects
        for blob in sorted(blobs):  # in key order, neighbours share pages of the index
            row = get(blob, db=objects)
            if row is None:
                raise UnreadableError(blob, _no_such_blob(blob))
            pack, _, frame_offset, _, _, offset, size, kind = decode_object(row)
            if kind == Stored.RECIPE:
                large.append(Large(blob))
                continue
            share = shares.get((pack, frame_offset))
            if share is None:
                share = shares[pack, frame_offset] = Share(ObjectRow.decode(bytes(row)), [])
            share.blobs.append((blob, offset, size))
    return large, shares


def read_share(store: ObjectStore, share: Share) -> Iterator[tuple[bytes, bytes]]:
    """Iterate over (id, bytes) of the blobs of one frame, each verified before it is handed out.

    Raises:
        UnreadableError: The stored bytes are not what they should be.
    """
    blob = share.blobs[0][0]
    try:
        try:
            frame = store.read_frame(share.frame)
        except PackGoneError:  # gc rewrote the pack since the look-up: the store looks again
            for blob, _, _ in share.blobs:
                yield blob, store.get(BlobId(blob))
            return
        for blob, offset, size in share.blobs:
            data = frame[offset : offset + size]
            check(blob, Stored.DATA, data)
            yield blob, data
    except CasError as error:
        raise UnreadableError(blob, error) from error


def _no_such_blob(blob: bytes) -> NotFoundError:
    return NotFoundError(f"cannot find object '{blob.hex()}'", code="no-such-object", hint="run `cas verify`")
