"""Rewriting packs: what is live in some packs is copied into new ones, and the index pointed at them.

Theory of operation
-------------------
A frame whose objects are all live is copied as it stands; of others, and of frames too small to be worth
one, the live objects are put together anew, data and metadata apart. When the new pack is full it is
sealed, and in one write transaction it gets its final name and its row, and the rows of its objects point at
it. The old packs are unlinked after that; who still reads one of them looks its object up once more.

Invariants
1. Only rows that still point at the old pack are moved: a row that was taken out of the index stays out,
   and one that points at another copy keeps doing so.
2. A pack is hashed before it is copied. A damaged one is left as it is, as evidence and for `verify
   --repair`: copying would give damaged bytes a name that fits them.
3. A pack of a running session is not rewritten: the new one would not belong to it.
"""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from blake3 import blake3

from cas import fs
from cas.errors import CasError, CorruptError
from cas.ids import PackId
from cas.maintenance.mark import SETTLED
from cas.objects.codec import decode_frame, encode_frame
from cas.objects.pack import index_rows, is_metadata, read_footer
from cas.objects.packwriter import PackWriter
from cas.objects.registry import lose_objects, publish
from cas.objects.rows import NO_SESSION, PACK_NUMBER, PackRow, encode_object
from cas.objects.writer import FRAME_SIZE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from cas.maintenance.mark import Marks
    from cas.objects.index import Txn
    from cas.objects.pack import Footer, Frame, PackedObject
    from cas.objects.packwriter import SealedPack
    from cas.objects.session import Session
    from cas.objects.store import ObjectStore

log = logging.getLogger(__name__)

_WHOLE_FROM: Final = FRAME_SIZE // 4
"""A frame smaller than this is put together with others, though all of it is live. Bytes, decompressed."""
_BLOCK_SIZE: Final = 1024 * 1024
_PACK = PACK_NUMBER.unpack_from


@dataclass(slots=True)
class Rewritten:
    """What rewriting did."""

    deleted: list[int] = field(default_factory=list)
    """Packs that were copied, dropped from the index and unlinked."""
    written_size: int = 0
    """Bytes of the new packs."""


@dataclass(slots=True)
class _Group:
    """Small objects on their way into one frame."""

    parts: list[bytes] = field(default_factory=list)
    objects: list[tuple[bytes, int, int]] = field(default_factory=list)
    size: int = 0


class Repacker:
    """Copies live objects into new packs. Holds one frame and the tables of one pack in memory."""

    def __init__(self, store: ObjectStore, session: Session, marks: Marks, packs: dict[int, PackRow]) -> None:
        self._store = store
        self._session = session
        self._marks = marks
        self._packs = packs
        self._writer: PackWriter | None = None
        self._groups = {False: _Group(), True: _Group()}
        self._sources: set[int] = set()
        self._finished: list[int] = []
        self.done = Rewritten()

    def rewrite(self, numbers: Sequence[int]) -> None:
        """Rewrite these packs; those that cannot be read whole are left alone.

        Raises:
            OSError: The disk is full. What was done until then is complete.
        """
        try:
            for number in numbers:
                self._copy(number)
            self._seal()
        finally:
            self._discard()

    def _copy(self, number: int) -> None:
        path = self._store.layout.pack(PackId(self._packs[number].id))
        try:
            check_pack(path)
            footer = read_footer(path)
        except (CasError, FileNotFoundError) as error:
            log.warning("pack %s is left as it is: %s", path.name, error)
            return
        self._sources.add(number)
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            for frame, objects, is_whole in self._live_frames(number, footer):
                stored = fs.read_exactly(fd, frame.size, frame.offset)
                if is_whole and frame.raw_size >= _WHOLE_FROM:
                    names = [(one.id, one.kind, one.size) for one in objects]
                    self._add(stored, frame.raw_size, names)
                else:
                    self._regroup(decode_frame(stored, frame.raw_size), objects)
                self._seal_if_full()
        finally:
            os.close(fd)
        self._finished.append(number)

    def _live_frames(self, number: int, footer: Footer) -> Iterator[tuple[Frame, list[PackedObject], bool]]:
        """Iterate over the frames with something live in them: what that is, and whether it is all."""
        marks = self._marks[number]
        live: dict[int, list[PackedObject]] = {}
        counts = [0] * len(footer.frames)
        for position, one in enumerate(footer.objects()):
            counts[one.frame] += 1
            if marks[position] == SETTLED:
                live.setdefault(one.frame, []).append(one)
        for frame in sorted(live):
            objects = sorted(live[frame], key=lambda one: one.offset)
            yield footer.frames[frame], objects, len(objects) == counts[frame]

    def _regroup(self, raw: bytes, objects: Iterable[PackedObject]) -> None:
        for one in objects:
            group = self._groups[is_metadata(one.kind)]
            group.parts.append(raw[one.offset : one.offset + one.size])
            group.objects.append((one.id, one.kind, one.size))
            group.size += one.size
            if group.size >= FRAME_SIZE:
                self._flush(is_metadata=is_metadata(one.kind))

    def _flush(self, *, is_metadata: bool) -> None:
        group = self._groups[is_metadata]
        self._groups[is_metadata] = _Group()
        if group.objects:
            self._add(encode_frame(b"".join(group.parts)), group.size, group.objects)

    def _add(self, stored: bytes | memoryview, raw_size: int, objects: list[tuple[bytes, int, int]]) -> None:
        if self._writer is None:
            self._writer = PackWriter(self._session.tmp / f"{os.urandom(8).hex()}.pack")
        self._writer.append(stored, raw_size, objects)

    def _seal_if_full(self) -> None:
        if self._writer is not None and self._writer.is_full:
            self._seal()

    def _seal(self) -> None:
        """Write out what waits in a group, and make the new pack count."""
        self._flush(is_metadata=False)
        self._flush(is_metadata=True)
        writer, self._writer = self._writer, None
        if writer is None:
            return
        sealed = writer.seal()
        finished = self._store.index.write(lambda txn: self._repoint(txn, sealed))
        fs.reached("gc.repointed")
        self.done.written_size += sealed.file_size
        for number in finished:
            unlink_pack(self._store.layout.pack(PackId(self._packs[number].id)))
            self.done.deleted.append(number)
        self._sources.difference_update(self._finished)
        self._finished = []

    def _repoint(self, txn: Txn, pack: SealedPack) -> list[int]:
        """Enter the new pack into the index and take the copied ones out; returns those."""
        publish(self._store.layout, pack)
        number = txn.number(b"next_pack")
        txn.set_number(b"next_pack", number + 1)
        objects, moved = txn.tables.objects, dict.fromkeys(self._sources, 0)
        for object_id, row in index_rows(pack.footer, number):
            old = txn.get(objects, object_id)
            source = -1 if old is None else _PACK(old)[0]
            if source in moved:  # invariant 1
                txn.put(objects, object_id, encode_object(*row))
                moved[source] += 1
        new = PackRow(
            id=pack.id.raw,
            session=NO_SESSION,
            file_size=pack.file_size,
            raw_size=pack.raw_size,
            object_count=pack.footer.object_count,
            live_count=sum(moved.values()),
        )
        txn.put(txn.tables.packs, PACK_NUMBER.pack(number), new.encode())
        for source, count in moved.items():
            lose_objects(txn, source, count)
        return [source for source in self._finished if drop_pack(txn, source)]

    def _discard(self) -> None:
        if self._writer is not None:
            self._writer.discard()
            self._writer = None


def drop_pack(txn: Txn, number: int) -> bool:
    """Take a pack out of the index, if no row points at it; whether it may be unlinked now.

    The count is kept apart from marking, so one mistake in either is not enough to lose data.
    """
    key = PACK_NUMBER.pack(number)
    stored = txn.get(txn.tables.packs, key)
    if stored is None:
        return True
    left = PackRow.decode(stored).live_count
    if left:
        log.warning("pack %d stays: %d rows of the index should point at it", number, left)
        return False
    return txn.delete(txn.tables.packs, key)


def unlink_pack(path: Path) -> None:
    """Delete a pack that no row of the index knows any more."""
    path.unlink(missing_ok=True)
    fs.reached("gc.unlinked")


def check_pack(path: Path) -> None:
    """Hash a whole pack.

    Raises:
        CorruptError: It is not the one its name says.
        FileNotFoundError: It is not there.
    """
    found = blake3()
    with open(path, "rb", buffering=0) as file:
        while block := file.read(_BLOCK_SIZE):
            found.update(block)
    if found.hexdigest() != path.stem:
        raise CorruptError(
            f"cannot trust the pack '{path.name}'",
            code="pack-damaged",
            why=f"its bytes have the id {found.hexdigest()}",
            hint="run `cas verify --repair`",
        )
