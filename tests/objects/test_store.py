"""Reading: the right bytes, or an error; never wrong bytes, whatever happened to the packs."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from blake3 import blake3

from cas.errors import CasError, CorruptError, NotFoundError
from cas.ids import BlobId, Kind, PackId, TreeId
from cas.objects.pack import read_footer
from cas.objects.packwriter import PackWriter
from cas.objects.recipe import Part, Recipe, encode_recipe, subrecipe_id
from cas.objects.registry import publish
from cas.objects.rows import PACK_NUMBER, ObjectRow, PackRow, Stored
from cas.objects.session import Session
from cas.objects.store import ObjectStore, PackGoneError
from cas.objects.tree import Entry
from cas.objects.writer import ObjectWriter
from tests.objects.stores import do_nothing, forget, noise, pack_files, put_blob, put_blobs

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from cas.layout import Layout
    from cas.objects.index import Txn

SMALL = [b"", b"one", b"two", noise("small", 200), b"a text that shrinks, " * 30]
CHUNKS = [noise(f"chunk {number}", 100 + number) for number in range(6)]
LARGE = b"".join(CHUNKS)


@pytest.fixture
def pack(store: ObjectStore, layout: Layout) -> Path:
    """A pack with one of everything: blobs, a large one with two levels of recipes, a tree of them."""
    with Session.start(layout) as session:
        writer = ObjectWriter(store, session)
        entries = [
            Entry.of(b"%d" % number, Kind.FILE, len(data), put_blob(writer, data))
            for number, data in enumerate(SMALL)
        ]
        put_large(writer, LARGE, CHUNKS, fan_out=3)
        writer.put_tree([*entries, Entry.of(b"large", Kind.FILE, len(LARGE), blake3(LARGE).digest())])
        writer.finish(do_nothing)
    (path,) = pack_files(layout)
    return path


def put_large(writer: ObjectWriter, blob: bytes, chunks: Sequence[bytes], *, fan_out: int) -> None:
    """Store `blob` as these chunks, under recipes of `fan_out` parts."""
    parts = [Part(put_blob(writer, chunk), len(chunk)) for chunk in chunks]
    groups = []
    for start in range(0, len(parts), fan_out):
        group = parts[start : start + fan_out]
        encoded = encode_recipe(Recipe(0, sum(part.size for part in group), group))
        groups.append(Part(subrecipe_id(encoded), sum(part.size for part in group)))
        writer.put(groups[-1].id, Stored.SUBRECIPE, encoded)
    writer.put(blake3(blob).digest(), Stored.RECIPE, encode_recipe(Recipe(1, len(blob), groups)))


def read_everything(store: ObjectStore) -> tuple[int, list[str]]:
    """Read what is in `pack`; how much was damaged, and whatever else went wrong."""
    damaged, wrong = 0, []
    fresh = ObjectStore(store.layout, store.index)
    try:
        for data in (*SMALL, LARGE, *CHUNKS):
            blob = BlobId.of(data)
            try:
                if data != fresh.get(blob):
                    wrong.append(f"other bytes for {blob.short}")
                if data != b"".join(fresh.stream(blob)):
                    wrong.append(f"other bytes in the stream of {blob.short}")
            except CorruptError:
                damaged += 1
            except CasError as error:
                wrong.append(repr(error))
        try:
            fresh.tree(the_tree(store))
        except CorruptError:
            damaged += 1
    finally:
        fresh.close()
    return damaged, wrong


def the_tree(store: ObjectStore) -> TreeId:
    """Find the one tree in the store."""
    with store.index.read() as txn:
        (tree,) = [
            key for key, row in txn.scan(txn.tables.objects) if ObjectRow.decode(row).kind is Stored.TREE
        ]
    return TreeId(tree)


def test_everything_comes_back(store: ObjectStore, pack: Path) -> None:
    """Nothing is damaged in a pack that nobody damaged."""
    assert pack.is_file()
    assert (0, []) == read_everything(store)


def test_every_damaged_byte_is_an_error_and_never_wrong_bytes(store: ObjectStore, pack: Path) -> None:
    """Also in a recipe, which has no hash of its own: there a damaged id looks like an unknown object."""
    pack.chmod(0o644)
    good = pack.read_bytes()
    body_end = max(frame.offset + frame.size for frame in read_footer(pack).frames)
    unnoticed = []
    with pack.open("r+b", buffering=0) as file:
        for at in range(32, body_end):
            file.seek(at)
            file.write(bytes([good[at] ^ 1 << at % 8]))

            damaged, wrong = read_everything(store)

            assert [] == wrong, f"byte {at}"
            if not damaged:
                unnoticed.append(at)
            file.seek(at)
            file.write(good[at : at + 1])

    assert len(unnoticed) < 0.02 * body_end, "bits that zstd does not use; what it unpacks is unchanged"
    assert (0, []) == read_everything(store)


def test_a_truncated_pack_is_damage(store: ObjectStore, pack: Path) -> None:
    """Where the file ends too early nothing can be read, and that is said."""
    pack.chmod(0o644)
    with pack.open("r+b") as file:
        file.truncate(40)

    with pytest.raises(CorruptError) as caught:
        store.get(BlobId.of(SMALL[1]))

    assert "bad-pack" == caught.value.code
    assert "too early" in str(caught.value)


def test_a_lost_pack_is_damage_and_no_unknown_object(store: ObjectStore, pack: Path) -> None:
    """The index promises the object: somebody deleted the file, and `verify` must be run."""
    pack.unlink()

    for read in (store.get, lambda blob: b"".join(store.stream(blob))):
        with pytest.raises(CorruptError) as caught:
            read(BlobId.of(SMALL[1]))
        assert "pack-missing" == caught.value.code
        assert "cas verify" in str(caught.value.hint)


def test_what_was_never_stored_is_not_found(store: ObjectStore) -> None:
    """An unknown id is an answer and not a failure."""
    blob = BlobId.of(b"never stored")

    for read in (store.get, store.chunks, lambda blob: list(store.stream(blob)), lambda x: store.find(x.raw)):
        with pytest.raises(NotFoundError) as caught:
            read(blob)
        assert "no-such-object" == caught.value.code
    with store.index.read() as txn:
        assert store.locate(txn, blob.raw) is None


def test_a_blob_that_gc_takes_while_it_is_read_is_not_called_damaged(store: ObjectStore, pack: Path) -> None:
    """Somebody removed the version and collected: no reason for `verify`."""
    assert pack.is_file()
    stream = store.stream(BlobId.of(LARGE))
    assert CHUNKS[0] == next(stream)

    forget(store, [blake3(LARGE).digest(), *(blake3(chunk).digest() for chunk in CHUNKS)])

    with pytest.raises(NotFoundError) as caught:
        list(stream)
    assert "no-such-object" == caught.value.code


def test_chunks_of_another_file_are_not_accepted(store: ObjectStore, layout: Layout) -> None:
    """Each chunk is what it should be, and yet they are not the file that was asked for."""
    with Session.start(layout) as session:
        writer = ObjectWriter(store, session)
        put_large(writer, LARGE[::-1], CHUNKS, fan_out=6)
        writer.finish(do_nothing)

    with pytest.raises(CorruptError, match="another file"):
        store.get(BlobId.of(LARGE[::-1]))


def test_a_chunk_may_be_a_file_that_was_cut_finer(store: ObjectStore, layout: Layout) -> None:
    """The chunking in config.yaml was changed: old recipes stay, and new files share chunks with them."""
    with Session.start(layout) as session:
        writer = ObjectWriter(store, session)
        put_large(writer, LARGE, CHUNKS, fan_out=3)
        writer.finish(do_nothing)
    whole = LARGE + b"and more"
    with Session.start(layout) as session:
        writer = ObjectWriter(store, session)
        put_large(writer, whole, [LARGE, b"and more"], fan_out=2)
        writer.finish(do_nothing)

    assert whole == store.get(BlobId.of(whole))
    assert whole == b"".join(store.stream(BlobId.of(whole)))


def test_a_recipe_that_leads_back_to_itself_is_damage(store: ObjectStore, layout: Layout) -> None:
    """Not written by us, and still no reason to run for ever."""
    with Session.start(layout) as session:
        writer = ObjectWriter(store, session)
        blob = blake3(LARGE).digest()
        writer.put(blob, Stored.RECIPE, encode_recipe(Recipe(0, len(LARGE), [Part(blob, len(LARGE))])))
        writer.finish(do_nothing)

    with pytest.raises(CorruptError, match="back to itself"):
        store.get(BlobId(blob))


def rewrite(store: ObjectStore) -> None:
    """Do what gc does to a pack with garbage in it: copy, seal, repoint, unlink. All into one new pack."""
    with store.index.read() as txn:
        old = {PACK_NUMBER.unpack(key)[0]: PackRow.decode(row) for key, row in txn.scan(txn.tables.packs)}
        rows = [(key, ObjectRow.decode(row)) for key, row in txn.scan(txn.tables.objects)]
    with Session.start(store.layout) as session:
        writer = PackWriter(session.tmp / "rewritten")
        for object_id, row in rows:
            frame = store.read_frame(row)
            data = frame[row.offset : row.offset + row.size]
            writer.append(data, len(data), [(object_id, row.kind, row.size)])
        sealed = writer.seal()

        def repoint(txn: Txn) -> None:
            publish(store.layout, sealed)
            number = txn.number(b"next_pack")
            txn.set_number(b"next_pack", number + 1)
            for position, found in enumerate(sealed.footer.objects()):
                frame = sealed.footer.frames[found.frame]
                row = ObjectRow(number, position, *frame, found.offset, found.size, Stored(found.kind))
                txn.put(txn.tables.objects, found.id, row.encode())
            count = sealed.footer.object_count
            new = PackRow(sealed.id.raw, bytes(16), sealed.file_size, sealed.raw_size, count, count)
            txn.put(txn.tables.packs, PACK_NUMBER.pack(number), new.encode())
            for gone in old:
                txn.delete(txn.tables.packs, PACK_NUMBER.pack(gone))

        store.index.write(repoint)
    for pack_row in old.values():
        store.layout.pack(PackId(pack_row.id)).unlink()


def test_a_rewritten_pack_is_found_again(store: ObjectStore, pack: Path) -> None:
    """Objects move while readers live; their place is looked up for every read."""
    stream = store.stream(BlobId.of(LARGE))
    first = next(stream)

    rewrite(store)

    assert not pack.exists()
    assert LARGE == b"".join([first, *stream])
    assert (0, []) == read_everything(store)


def test_an_old_place_says_that_the_pack_is_gone(store: ObjectStore, pack: Path) -> None:
    """Who looked up before and reads after must look up again, and is told so."""
    assert pack.is_file()
    row = store.find(blake3(SMALL[1]).digest())
    rewrite(store)
    fresh = ObjectStore(store.layout, store.index)

    with pytest.raises(PackGoneError) as caught:
        fresh.read_frame(row)

    assert "pack-gone" == caught.value.code
    fresh.close()


def test_readers_get_right_bytes_while_packs_are_rewritten(store: ObjectStore, pack: Path) -> None:
    """Between the look-up and the read a pack may vanish; readers look up once more, and nobody notices."""
    assert pack.is_file()

    def read(_: int) -> list[str]:
        return [problem for _ in range(15) for problem in read_everything(store)[1]]

    with ThreadPoolExecutor(2) as pool:
        reading = [pool.submit(read, number) for number in range(2)]
        for _ in range(15):
            rewrite(store)

    assert [[], []] == [one.result() for one in reading]


def test_threads_share_a_store(store: ObjectStore) -> None:
    """More packs and more bytes than are kept open: every thread gets what it asked for."""
    data = [noise(f"{number}", 70_000) for number in range(280)]
    for start in range(0, 280, 4):
        put_blobs(store, data[start : start + 4])

    def read(seed: int) -> bool:
        order = random.Random(seed).sample(range(280), 280)
        return all(data[number] == store.get(BlobId.of(data[number])) for number in order)

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(read, range(4)))
    assert len(pack_files(store.layout)) == 70


def test_a_store_closes_its_files(store: ObjectStore, pack: Path) -> None:
    """A server opens and closes many; afterwards reading opens what it needs again."""
    assert pack.is_file()
    store.get(BlobId.of(LARGE))

    store.close()
    store.close()

    assert LARGE == store.get(BlobId.of(LARGE))


def test_an_object_of_a_kind_is_checked_as_that_kind(store: ObjectStore, layout: Layout) -> None:
    """A blob whose bytes are a tree is not that tree."""
    encoded = bytes.fromhex("90")
    with Session.start(layout) as session:
        writer = ObjectWriter(store, session)
        writer.put(blake3(encoded).digest(), Stored.TREE, encoded)
        writer.finish(do_nothing)

    with pytest.raises(CorruptError) as caught:
        store.tree(TreeId(blake3(encoded).digest()))

    assert "object-damaged" == caught.value.code
