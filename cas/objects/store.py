"""Reading objects: id → row → frame → bytes, verified.

A frame is read and decompressed once for all the objects in it that are asked for in a row: the last few
are kept. Every object is hashed before it is handed out; a mismatch is a `CorruptError`, never bytes.
A pack that vanished between the look-up and the read was rewritten by gc: the id is looked up once more.
"""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from blake3 import blake3

from cas import fs
from cas.errors import CorruptError, NotFoundError
from cas.ids import BlobId, Digest, PackId, TreeId
from cas.objects import recipe as recipes
from cas.objects.codec import decode_frame
from cas.objects.rows import PACK_NUMBER, ObjectRow, PackRow, Stored
from cas.objects.tree import CONTEXT as TREE_CONTEXT
from cas.objects.tree import Entry, decode_tree

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cas.layout import Layout
    from cas.objects.index import Index, Txn

RECORD_CONTEXT: Final = "cas record v1"

_CACHED_BYTES: Final = 16 * 1024 * 1024
_OPEN_PACKS: Final = 64

_CONTEXTS: Final = {
    Stored.SUBRECIPE: recipes.CONTEXT,
    Stored.TREE: TREE_CONTEXT,
    Stored.RECORD: RECORD_CONTEXT,
}


class PackGoneError(NotFoundError):
    """The pack of a row is not there any more: gc rewrote it; look the object up again."""


class ObjectStore:
    """Objects of one repository, for reading. Safe to share between threads."""

    def __init__(self, layout: Layout, index: Index) -> None:
        self.layout = layout
        self.index = index
        self._lock = threading.Lock()
        self._frames: OrderedDict[tuple[int, int, int], bytes] = OrderedDict()
        self._frames_size = 0
        self._packs: OrderedDict[int, int] = OrderedDict()

    def close(self) -> None:
        """Close the packs that are open."""
        with self._lock:
            for fd in self._packs.values():
                os.close(fd)
            self._packs.clear()
            self._frames.clear()
            self._frames_size = 0

    def locate(self, txn: Txn, object_id: bytes) -> ObjectRow | None:
        """Find the row of an object, or None."""
        row = txn.get(txn.tables.objects, object_id)
        return None if row is None else ObjectRow.decode(row)

    def find(self, object_id: bytes) -> ObjectRow:
        """Find the row of an object.

        Raises:
            NotFoundError: The store has no such object.
        """
        with self.index.read() as txn:
            row = self.locate(txn, object_id)
        if row is None:
            raise NotFoundError(
                f"cannot find object '{object_id.hex()}'", code="no-such-object", hint="run `cas verify`"
            )
        return row

    def get(self, object_id: Digest) -> bytes:
        """Return the bytes of a whole object, verified. A large blob is put together in memory.

        Raises:
            NotFoundError: The store has no such object.
            CorruptError: What is stored does not have this id.
        """
        row, data = self.load(object_id.raw)
        if row.kind is not Stored.RECIPE:
            return data
        assert isinstance(object_id, BlobId)
        return b"".join(self._stream_recipe(object_id.raw, recipes.decode_recipe(data)))

    def tree(self, tree: TreeId) -> list[Entry]:
        """Return the entries of a directory, sorted by name, checked.

        Raises:
            NotFoundError: The store has no such tree.
            CorruptError: What is stored is not this tree.
        """
        return decode_tree(self.load(tree.raw)[1])

    def stream(self, blob: BlobId) -> Iterator[bytes]:
        """Iterate over the bytes of a blob, a chunk at a time.

        Each chunk is verified before it is yielded, and the whole at the end.

        Raises:
            NotFoundError: The store has no such blob.
            CorruptError: What is stored does not have this id.
        """
        row, data = self.load(blob.raw)
        if row.kind is Stored.RECIPE:
            yield from self._stream_recipe(blob.raw, recipes.decode_recipe(data))
        else:
            yield data

    def chunks(self, blob: BlobId) -> list[recipes.Part]:
        """List the chunks that a blob is stored as; a small blob is one chunk, itself."""
        row, data = self.load(blob.raw)
        if row.kind is not Stored.RECIPE:
            return [recipes.Part(blob.raw, row.size)]
        return list(recipes.walk_chunks(recipes.decode_recipe(data), self._load_recipe))

    def _stream_recipe(self, blob: bytes, recipe: recipes.Recipe) -> Iterator[bytes]:
        whole = blake3()
        try:
            for part in recipes.walk_chunks(recipe, self._load_recipe):
                for piece in self._stream_part(part, recipe):
                    whole.update(piece)
                    yield piece
        except NotFoundError as error:
            self.find(blob)  # gc took the blob while it was read: that is no damage
            raise mismatch(blob, f"its recipe names what is not there: {error.what}") from error
        if whole.digest() != blob:
            raise mismatch(blob, "its chunks are intact, but together they are another file")

    def _stream_part(self, part: recipes.Part, recipe: recipes.Recipe) -> Iterable[bytes]:
        row, data = self.load(part.id)
        if row.kind is not Stored.RECIPE:
            return (data,)
        finer = recipes.decode_recipe(data)  # this chunk was committed as a file, and cut finer, before
        if finer.size != part.size or part.size >= recipe.size:
            raise mismatch(part.id, "its recipe leads back to itself")
        return self._stream_recipe(part.id, finer)

    def _load_recipe(self, object_id: bytes) -> recipes.Recipe:
        row, data = self.load(object_id)
        if row.kind is not Stored.SUBRECIPE:
            raise mismatch(object_id, "a recipe has it as a part, and it is not a recipe")
        return recipes.decode_recipe(data)

    def load(self, object_id: bytes) -> tuple[ObjectRow, bytes]:
        """Return the row of an object and its own bytes, verified: of a large blob, those of its recipe.

        Raises:
            NotFoundError: The store has no such object.
            CorruptError: What is stored does not have this id.
        """
        row = self.find(object_id)
        try:
            frame = self.read_frame(row)
        except PackGoneError:
            row = self.find(object_id)
            frame = self._read_moved_frame(row)
        data = frame[row.offset : row.offset + row.size]
        check(object_id, row.kind, data)
        return row, data

    def _read_moved_frame(self, row: ObjectRow) -> bytes:
        try:
            return self.read_frame(row)
        except PackGoneError as error:  # gc does not rewrite that fast: the file was lost
            raise CorruptError(
                "cannot read what the index counts on",
                code="pack-missing",
                why=error.what,
                hint="run `cas verify --repair`",
            ) from error

    def read_frame(self, row: ObjectRow) -> bytes:
        """Return the decompressed frame that holds the object of `row`; not verified yet.

        Raises:
            PackGoneError: gc removed the pack; look the object up again.
            CorruptError: The frame does not decompress.
        """
        key = (row.pack, row.frame_offset, row.frame_size)  # an empty frame starts where the next one does
        with self._lock:
            frame = self._frames.get(key)
            if frame is not None:
                self._frames.move_to_end(key)
                return frame
            fd = self._open_pack(row.pack)
            stored = fs.read_exactly(fd, row.frame_size, row.frame_offset)
        if len(stored) != row.frame_size:
            raise CorruptError(
                f"cannot read frame {row.frame_offset} of pack {row.pack}",
                code="bad-pack",
                why=f"the file ends {row.frame_size - len(stored)} bytes too early",
                hint="run `cas verify --repair`",
            )
        frame = decode_frame(stored, row.frame_raw_size)
        self._remember(key, frame)
        return frame

    def _remember(self, key: tuple[int, int, int], frame: bytes) -> None:
        with self._lock:
            if key not in self._frames:
                self._frames[key] = frame
                self._frames_size += len(frame)
            while self._frames_size > _CACHED_BYTES and len(self._frames) > 1:
                self._frames_size -= len(self._frames.popitem(last=False)[1])

    def _open_pack(self, number: int) -> int:
        """Return an open descriptor of the pack; the lock is held."""
        fd = self._packs.get(number)
        if fd is not None:
            self._packs.move_to_end(number)
            return fd
        with self.index.read() as txn:
            row = txn.get(txn.tables.packs, PACK_NUMBER.pack(number))
        if row is None:
            raise PackGoneError(f"cannot find pack {number}", code="pack-gone")
        path = self.layout.pack(PackId(PackRow.decode(row).id))
        try:
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError as error:
            raise PackGoneError(
                f"cannot find pack '{path.name}'", code="pack-gone", hint="run `cas verify`"
            ) from error
        self._packs[number] = fd
        if len(self._packs) > _OPEN_PACKS:
            os.close(self._packs.popitem(last=False)[1])
        return fd


def check(object_id: bytes, kind: Stored, data: bytes) -> None:
    """Verify that `data` is the object called `object_id`.

    A recipe is filed under its blob's id, so only the blob that it gives can be checked, not itself.

    Raises:
        CorruptError: It is not.
    """
    if kind is Stored.RECIPE:
        return
    context = _CONTEXTS.get(kind)
    found = blake3(data).digest() if context is None else blake3(data, derive_key_context=context).digest()
    if found != object_id:
        raise mismatch(object_id, f"its bytes have the id {found.hex()}")


def mismatch(object_id: bytes, why: str) -> CorruptError:
    """Build the error for an object that is not what its id says."""
    return CorruptError(
        f"cannot read object '{object_id.hex()}'",
        code="object-damaged",
        why=why,
        hint="run `cas verify --repair`",
    )
