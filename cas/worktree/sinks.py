"""Where the bytes of a working tree go when it is read: into the store, or only through the hash."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Final, Protocol

from blake3 import blake3

from cas.objects.recipe import RecipeBuilder
from cas.objects.rows import Stored
from cas.objects.tree import Entry, encode_tree, tree_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cas.ids import TreeId
    from cas.objects.chunker import Chunker
    from cas.objects.store import ObjectStore
    from cas.objects.writer import ObjectWriter

_LOOK_AHEAD: Final = 2


class Sink(Protocol):
    """Takes what is read from a working tree and says what its id is."""

    is_storing: bool
    """Whether the trees that it takes will be in the store."""

    def small(self, data: bytes) -> bytes:
        """Take a file that was read whole; its blob id."""

    def large(self, blocks: Iterable[bytes]) -> bytes:
        """Take a file block by block; its blob id."""

    def tree(self, entries: Sequence[Entry]) -> bytes:
        """Take a directory, sorted by name; its tree id."""

    def has_tree(self, tree: bytes) -> bool:
        """Whether the store has a tree, with everything below it."""

    def has_blobs(self, blobs: Iterable[bytes]) -> bool:
        """Whether all these blobs need not be read again."""

    def entries(self, tree: TreeId) -> Sequence[Entry]:
        """Give the entries of a tree that was taken before.

        Raises:
            NotFoundError: The store does not have it.
        """


class StoringSink:
    """Puts everything into the store. `close` it."""

    is_storing = True

    def __init__(self, writer: ObjectWriter, chunker: Chunker) -> None:
        self._writer = writer
        self._chunker = chunker
        self._hasher = ThreadPoolExecutor(1, thread_name_prefix="cas-hash")
        self._namer = ThreadPoolExecutor(1, thread_name_prefix="cas-name")

    def close(self) -> None:
        """Let the threads go."""
        self._hasher.shutdown()
        self._namer.shutdown()

    def small(self, data: bytes) -> bytes:
        """Store the file as one chunk."""
        blob = blake3(data).digest()
        self._writer.put(blob, Stored.DATA, data)
        return blob

    def large(self, blocks: Iterable[bytes]) -> bytes:
        """Store the file as chunks and a recipe.

        The whole-file hash and the chunk ids are computed by two threads while the next block is read
        and cut here; a block's chunks are stored once their ids are known, in order.
        """
        whole = blake3()
        recipe = RecipeBuilder(lambda part, encoded: self._writer.put(part, Stored.SUBRECIPE, encoded))
        ahead: deque[tuple[Future[None], Future[list[bytes]], list[memoryview]]] = deque()

        last_chunk = b""

        def settle() -> None:
            nonlocal last_chunk
            hashed, named, chunks = ahead.popleft()
            hashed.result()
            for chunk_id, chunk in zip(named.result(), chunks, strict=True):
                self._writer.put(chunk_id, Stored.DATA, chunk)
                recipe.add(chunk_id, len(chunk))
                last_chunk = chunk_id

        for fresh, chunks in self._chunker.cut(blocks):
            ahead.append(
                (self._hasher.submit(_update, whole, fresh), self._namer.submit(_name, chunks), chunks)
            )
            if len(ahead) > _LOOK_AHEAD:
                settle()
        while ahead:
            settle()
        blob = whole.digest()
        if blob != last_chunk:  # a file that was not cut is stored already, under the same id
            self._writer.put(blob, Stored.RECIPE, recipe.finish())
        return blob

    def tree(self, entries: Sequence[Entry]) -> bytes:
        """Store the directory."""
        return self._writer.put_tree(entries).raw

    def has_tree(self, tree: bytes) -> bool:
        """Ask the index, and count on the tree from now on."""
        return self._writer.reuse((tree,))

    def has_blobs(self, blobs: Iterable[bytes]) -> bool:
        """Ask the index, and count on the blobs from now on."""
        return self._writer.reuse(blobs)

    def entries(self, tree: TreeId) -> Sequence[Entry]:
        """Ask the store."""
        return self._writer.tree(tree)


def _update(whole: blake3, data: memoryview) -> None:
    whole.update(data)


def _name(chunks: list[memoryview]) -> list[bytes]:
    return [blake3(chunk).digest() for chunk in chunks]


class HashingSink:
    """Stores nothing: says what a working tree would be.

    Trees that the store does not have are kept, so that the result can be compared with a stored one.
    """

    is_storing = False

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._trees: dict[bytes, list[Entry]] = {}

    def small(self, data: bytes) -> bytes:
        """Hash it."""
        return blake3(data).digest()

    def large(self, blocks: Iterable[bytes]) -> bytes:
        """Hash it."""
        whole = blake3()
        for block in blocks:
            whole.update(block)
        return whole.digest()

    def tree(self, entries: Sequence[Entry]) -> bytes:
        """Hash and keep it."""
        tree = tree_id(encode_tree(entries)).raw
        self._trees[tree] = list(entries)
        return tree

    def has_tree(self, tree: bytes) -> bool:
        """Whether the tree can be read back: it is in the store, or was seen in this scan."""
        if tree in self._trees:
            return True
        with self._store.index.read() as txn:
            return txn.get(txn.tables.objects, tree) is not None

    def has_blobs(self, blobs: Iterable[bytes]) -> bool:  # noqa: ARG002 - the signature is the protocol's
        """Nothing needs to be read only to be stored."""
        return True

    def entries(self, tree: TreeId) -> list[Entry]:
        """Return the entries of a tree that was seen or is stored."""
        seen = self._trees.get(tree.raw)
        return self._store.tree(tree) if seen is None else seen


class ChangedWhileReadError(Exception):
    """A file is not what it was when reading it began; read it again."""
