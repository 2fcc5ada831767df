"""Looking at packs, index and refs, and noting what does not agree. Changes nothing, holds no lock.

Theory of operation
-------------------
*Structure*, always: each pack is there, as long as its row says, its tables match their hash and the rows
of the index; each version's trees and recipes can be read and everything they name is in the index.
*Content*, unless quick: each pack is hashed, each object in use is hashed again, each blob of many chunks is
put together and hashed as a whole, because a recipe has no hash of its own.
Wherever a pack is found at fault, every object in use in it is read, so that damage is told object by
object: one broken frame does not take the other thousand with it.

gc may delete a pack meanwhile; a pack that is no longer in the index when something seems wrong with it is
nobody's problem.
"""

from __future__ import annotations

import os
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from cas import fs
from cas.errors import CasError, CorruptError, NotFoundError
from cas.ids import BlobId, PackId
from cas.maintenance.mark import Marks, Walk
from cas.maintenance.repack import check_pack
from cas.objects.codec import decode_frame
from cas.objects.pack import index_rows, read_footer
from cas.objects.rows import PACK_NUMBER, PackRow, Stored, decode_object, encode_object
from cas.objects.store import check
from cas.versions import rows as version_rows
from cas.versions.record import Record, record_id
from cas.versions.version import State

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from cas.objects.index import Txn
    from cas.objects.store import ObjectStore
    from cas.progress import Progress

Place = tuple[int, ...]
"""The eight numbers of an `ObjectRow`."""

_FRAME_OFFSET, _FRAME_SIZE, _RAW_SIZE, _OFFSET, _SIZE, _KIND = range(2, 8)
_BUSY: Final = 4
_OBJECT_ID: Final = re.compile(r"[0-9a-f]{64}")


class Fault(NamedTuple):
    """Something that is not as it should be."""

    code: str
    what: str


@dataclass(slots=True)
class Findings:
    """What was looked at, and what is wrong."""

    packs: dict[int, PackRow]
    pack_faults: dict[int, Fault] = field(default_factory=dict)
    object_faults: dict[bytes, Fault] = field(default_factory=dict)
    live_counts: dict[int, int] = field(default_factory=dict)
    """How many rows point at a pack, where the table of packs says something else."""
    object_count: int = 0
    size: int = 0
    """Bytes of packs that were looked at."""


class Inspector:
    """One inspection of one store."""

    def __init__(self, store: ObjectStore, progress: Progress) -> None:
        self._store = store
        self._progress = progress
        self._gate = threading.Lock()
        self._recipes: list[bytes] = []
        with store.index.read() as txn:
            packs = Marks().learn_packs(txn)
            object_count = txn.count(txn.tables.objects)
        self.found = Findings(
            packs, object_count=object_count, size=sum(row.file_size for row in packs.values())
        )

    def run(self, *, quick: bool) -> Findings:
        """Look at everything; `quick` leaves the content out."""
        self._progress.start("checking" if quick else "verifying", self.found.size, "bytes")
        threads = min(_BUSY, os.cpu_count() or 1)
        with ThreadPoolExecutor(threads, thread_name_prefix="cas-verify") as pool:
            jobs = [pool.submit(self._check_pack, number, quick=quick) for number in self.found.packs]
            for job in jobs:
                job.result()
            self._check_suspects()
            for job in [pool.submit(self._check_recipe, blob) for blob in self._recipes]:
                job.result()
        self._check_references()
        return self.found

    def _check_pack(self, number: int, *, quick: bool) -> None:
        row = self.found.packs[number]
        path = self._store.layout.pack(PackId(row.id))
        try:
            live = self._check_structure(number, row, path)
            if not quick:
                self._check_content(path, live)
        except (CasError, OSError) as error:
            self._blame_pack(number, path, error)
        with self._gate:
            self._progress.advance(row.file_size)

    def _check_structure(self, number: int, row: PackRow, path: Path) -> list[tuple[bytes, Place]]:
        """Compare a pack with its rows; those of its objects that the index uses.

        Raises:
            CorruptError, OSError: The pack is not what its row says.
        """
        size = path.stat().st_size
        if size != row.file_size:
            raise CorruptError("", code="pack-damaged", why=f"it has {size} bytes, not {row.file_size}")
        footer = read_footer(path)
        live, count = [], 0
        with self._store.index.read() as txn:
            now = txn.get(txn.tables.packs, PACK_NUMBER.pack(number))
            for object_id, place in index_rows(footer, number):
                found = txn.get(txn.tables.objects, object_id)
                if found is not None and PACK_NUMBER.unpack_from(found)[0] == number:
                    count += 1
                    if found == encode_object(*place):
                        live.append((object_id, place))
        expected = PackRow.decode(now).live_count if now else 0
        if now and not count == len(live) == expected:
            with self._gate:
                self.found.live_counts[number] = count
        return live

    def _check_content(self, path: Path, live: list[tuple[bytes, Place]]) -> None:
        check_pack(path)
        recipes = [object_id for object_id, place in live if place[_KIND] == Stored.RECIPE]
        faults = dict(bad_objects(path, live))
        with self._gate:
            self._recipes += recipes
            self.found.object_faults.update(faults)

    def _blame_pack(self, number: int, path: Path, error: CasError | OSError) -> None:
        with self._store.index.read() as txn:
            if txn.get(txn.tables.packs, PACK_NUMBER.pack(number)) is None:
                return  # gc took it meanwhile
        code, why = "pack-damaged", str(error)
        if isinstance(error, FileNotFoundError):
            code, why = "pack-missing", "the file is not there"
        elif isinstance(error, CasError):
            why = error.why or error.what
        with self._gate:
            self.found.pack_faults[number] = Fault(code, f"pack {path.stem}: {why}")

    def _check_recipe(self, blob: bytes) -> None:
        """Put a blob of many chunks together; what is wrong with a chunk alone is found elsewhere."""
        try:
            for _ in self._store.stream(BlobId(blob)):
                pass
        except NotFoundError as error:
            with self._store.index.read() as txn:
                is_there = txn.get(txn.tables.objects, blob) is not None
            if is_there:  # else gc took it meanwhile
                self._blame_object(blob, "object-damaged", f"it needs what is not there: {error.what}")
        except CasError as error:
            others = set(_OBJECT_ID.findall(error.what)) - {blob.hex()}
            if not others:
                self._blame_object(blob, "object-damaged", error.why or error.what)

    def _check_suspects(self) -> None:
        """Read every object in use of the packs at fault, at the place that the index gives."""
        suspects = self.found.pack_faults.keys() | self.found.live_counts.keys()
        if not suspects:
            return
        places: dict[int, list[tuple[bytes, Place]]] = {number: [] for number in suspects}
        counts = dict.fromkeys(suspects, 0)
        with self._store.index.read() as txn:
            for object_id, place in rows_in(txn, suspects):
                places[place[0]].append((object_id, place))
                counts[place[0]] += 1
        for number, live in places.items():
            path = self._store.layout.pack(PackId(self.found.packs[number].id))
            self.found.object_faults.update(_bad_objects_of_suspect(path, live))
            self._recipes += [object_id for object_id, place in live if place[_KIND] == Stored.RECIPE]
            if number in self.found.live_counts:
                self.found.live_counts[number] = counts[number]

    def _check_references(self) -> None:
        """Follow every version that still has its content down to its chunks."""
        with self._store.index.read() as txn:
            walk = Walk(self._store, txn, Marks())
            kept = list(contents(txn))
            walk.reach(record for record, _ in kept)
            for record in walk.missing:
                self._blame_object(record, "record-missing", "the record of a version is not in a pack")
            walk.missing.clear()
            walk.reach(content for _, content in kept)
        for object_id, error in walk.damaged.items():
            self._blame_object(object_id, "object-damaged", error.why or error.what)
        for object_id in walk.missing:
            self._blame_object(object_id, "object-missing", "the index does not have it")

    def _blame_object(self, object_id: bytes, code: str, why: str) -> None:
        fault = Fault(code, f"object {object_id.hex()}: {why}")
        with self._gate:
            self.found.object_faults.setdefault(object_id, fault)


def contents(txn: Txn) -> Iterator[tuple[bytes, bytes]]:
    """Iterate over (record id, content id) of every version that still has its content."""
    for _, value in txn.scan(txn.tables.versions):
        if version_rows.is_order(value):
            continue
        row = version_rows.decode_version(value)
        if row.state is not State.COLLECTED:
            yield record_id(row.record).raw, Record.decode(row.record).content.id.raw


def rows_in(txn: Txn, packs: Iterable[int]) -> Iterator[tuple[bytes, Place]]:
    """Iterate over (id, place) of the rows that point at one of `packs`. Cost: a scan of the whole table."""
    wanted = {PACK_NUMBER.pack(number) for number in packs}
    for object_id, row in txn.scan(txn.tables.objects):
        if row[: PACK_NUMBER.size] in wanted:
            yield object_id, decode_object(row)


def bad_objects(path: Path, live: list[tuple[bytes, Place]]) -> Iterator[tuple[bytes, Fault]]:
    """Iterate over the objects that cannot be read from the pack at `path`, or are not what they say.

    Raises:
        OSError: The pack cannot be opened.
    """
    for object_id, _, data in read_objects(path, live):
        if not isinstance(data, bytes):
            yield object_id, Fault("object-damaged", f"object {object_id.hex()}: {data.why or data.what}")


def _bad_objects_of_suspect(path: Path, live: list[tuple[bytes, Place]]) -> dict[bytes, Fault]:
    try:
        return dict(bad_objects(path, live))
    except OSError as error:
        why = "its pack is not there" if isinstance(error, FileNotFoundError) else str(error)
        return {name: Fault("object-damaged", f"object {name.hex()}: {why}") for name, _ in live}


def read_objects(
    path: Path, live: list[tuple[bytes, Place]]
) -> Iterator[tuple[bytes, Place, bytes | CasError]]:
    """Iterate over objects with their bytes, verified, or with what is wrong; each frame is read once.

    Raises:
        OSError: The pack cannot be opened.
    """
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        frame_place: Place = ()
        frame = b""
        for object_id, place in sorted(live, key=lambda item: item[1][_FRAME_OFFSET:]):
            here = place[_FRAME_OFFSET:_OFFSET]  # size too: an empty frame begins where the next one does
            if here != frame_place:
                frame_place, frame = here, _read_frame(fd, place)
            yield object_id, place, _cut_out(object_id, place, frame)
    finally:
        os.close(fd)


def _read_frame(fd: int, place: Place) -> Any:  # noqa: ANN401 - bytes, or the error that stands for them
    try:
        stored = fs.read_exactly(fd, place[_FRAME_SIZE], place[_FRAME_OFFSET])
        if len(stored) != place[_FRAME_SIZE]:
            return CorruptError("cannot read a frame", code="bad-pack", why="the file ends too early")
        return decode_frame(stored, place[_RAW_SIZE])
    except CasError as error:
        return error
    except OSError as error:
        return fs.explain(error, "cannot read a frame")


def _cut_out(object_id: bytes, place: Place, frame: bytes | CasError) -> bytes | CasError:
    if isinstance(frame, CasError):
        return frame
    data = frame[place[_OFFSET] : place[_OFFSET] + place[_SIZE]]
    try:
        check(object_id, Stored(place[_KIND]), data)
    except CasError as error:
        return error
    return data
