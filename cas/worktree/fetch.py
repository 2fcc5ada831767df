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


class Large(NamedTuple):
    """A blob of many chunks: a job of its own."""

    blob: bytes


Job = Large | list[tuple[bytes, ObjectRow]]
"""Small blobs, with where they are, those of a frame together."""


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
    job: list[tuple[bytes, ObjectRow]] = []
    size = 0
    for _, share in sorted(small.items()):
        share.sort(key=_offset)  # as committed: neighbours in the frame are neighbours in a directory
        job += share
        size += share[0][1].frame_raw_size
        if size >= _JOB_SIZE:
            yield job
            job, size = [], 0
    if job:
        yield job


def _offset(one: tuple[bytes, ObjectRow]) -> int:
    return one[1].offset


def _locate(store: ObjectStore, blobs: Iterable[bytes]) -> Iterator[tuple[bytes, ObjectRow]]:
    found = []
    with store.index.read() as txn:
        for blob in sorted(blobs):  # in key order, neighbours share pages of the index
            row = store.locate(txn, blob)
            if row is None:
                raise _no_such_blob(blob)
            found.append((blob, row))
    return iter(found)


def read_blob(store: ObjectStore, blob: bytes, row: ObjectRow) -> bytes:
    """Return the bytes of a small blob, verified. Its frame stays with the store for those that follow.

    Raises:
        CorruptError: The stored bytes are not what they should be.
    """
    try:
        frame = store.read_frame(row)
    except PackGoneError:  # gc rewrote the pack since the look-up: the store looks again
        return store.get(BlobId(blob))
    data = frame[row.offset : row.offset + row.size]
    check(blob, row.kind, data)
    return data


def _no_such_blob(blob: bytes) -> NotFoundError:
    return NotFoundError(f"cannot find object '{blob.hex()}'", code="no-such-object", hint="run `cas verify`")
