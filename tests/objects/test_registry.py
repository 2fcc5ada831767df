"""Which packs the index knows: a pack is published with its row, and an object has one row."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from blake3 import blake3

from cas.objects.packwriter import PackWriter, SealedPack
from cas.objects.registry import publish, register, release
from cas.objects.rows import NO_SESSION, ObjectRow, Stored
from cas.testing import faults
from tests.objects.stores import object_count, pack_files, rows_of_packs

if TYPE_CHECKING:
    from pathlib import Path

    from cas.layout import Layout
    from cas.objects.store import ObjectStore

OWNER = b"the owner's id !"
A, B, TREE = b"a", b"b", b"\x90"


def seal(path: Path, *objects: bytes) -> SealedPack:
    """Write a pack of these objects; TREE is a tree."""
    writer = PackWriter(path)
    for data in objects:
        kind = Stored.TREE if data == TREE else Stored.DATA
        writer.append(data, len(data), [(blake3(data).digest(), kind, len(data))])
    return writer.seal()


def test_a_published_pack_has_its_name_and_its_bytes(layout: Layout) -> None:
    """Durably: the name in its directory, and the directory in its own."""
    sealed = seal(layout.tmp / "new", A)

    with faults.recorded_steps() as steps:
        publish(layout, sealed)

    assert [layout.pack(sealed.id)] == pack_files(layout)
    assert blake3(layout.pack(sealed.id).read_bytes()).digest() == sealed.id.raw
    assert ["pack.renamed"] == steps


def test_publishing_again_changes_nothing(layout: Layout) -> None:
    """A transaction may run twice; the second time the pack is there."""
    sealed = seal(layout.tmp / "new", A)

    publish(layout, sealed)
    publish(layout, sealed)

    assert [layout.pack(sealed.id)] == pack_files(layout)


def test_a_pack_that_a_collector_took_is_published_again(layout: Layout) -> None:
    """Between two runs of a transaction it has no row, and looks like litter."""
    sealed = seal(layout.tmp / "new", A)
    publish(layout, sealed)
    layout.pack(sealed.id).unlink()

    publish(layout, sealed)

    assert [layout.pack(sealed.id)] == pack_files(layout)


def test_a_pack_is_registered_with_all_that_is_in_it(store: ObjectStore, layout: Layout) -> None:
    """Each object's row leads to its bytes, and the pack's row counts them."""
    sealed = seal(layout.tmp / "new", A, B, TREE)

    number, elsewhere = store.index.write(lambda txn: register(txn, sealed, session=OWNER))

    (row,) = rows_of_packs(store)
    assert (0, []) == (number, elsewhere)
    assert (sealed.id.raw, OWNER, sealed.file_size, 3, 3, 3) == (
        row.id,
        row.session,
        row.file_size,
        row.raw_size,
        row.object_count,
        row.live_count,
    )
    data = sealed.path.read_bytes()
    for position, found in enumerate(sealed.footer.objects()):
        frame = sealed.footer.frames[found.frame]
        expected = ObjectRow(number, position, *frame, found.offset, found.size, Stored(found.kind))
        assert expected == store.find(found.id) == ObjectRow.decode(expected.encode())
        assert found.id == blake3(data[frame.offset + found.offset :][: found.size]).digest()


def test_an_object_keeps_the_row_that_it_has(store: ObjectStore, layout: Layout) -> None:
    """The second copy is garbage from the start, and who stored it is told which one counts."""
    first, second = seal(layout.tmp / "first", A), seal(layout.tmp / "second", A, B)
    store.index.write(lambda txn: register(txn, first, session=NO_SESSION))

    number, elsewhere = store.index.write(lambda txn: register(txn, second, session=NO_SESSION))

    assert (1, [blake3(A).digest()]) == (number, elsewhere)
    assert 0 == store.find(blake3(A).digest()).pack
    assert [(1, 1), (2, 1)] == [(row.object_count, row.live_count) for row in rows_of_packs(store)]


@pytest.mark.parametrize(("with_metadata", "count"), [(True, 2), (False, 1)])
def test_what_refers_to_others_may_be_kept_out(
    store: ObjectStore, layout: Layout, *, with_metadata: bool, count: int
) -> None:
    """A tree may enter only with everything below it (index, invariant 5); a blob at any time."""
    sealed = seal(layout.tmp / "new", A, TREE)

    store.index.write(lambda txn: register(txn, sealed, session=OWNER, with_metadata=with_metadata))

    assert count == object_count(store)
    assert [(2, count)] == [(row.object_count, row.live_count) for row in rows_of_packs(store)]


def test_a_released_pack_belongs_to_nobody(store: ObjectStore, layout: Layout) -> None:
    """Nothing else of its row changes."""
    sealed = seal(layout.tmp / "new", A)
    number, _ = store.index.write(lambda txn: register(txn, sealed, session=OWNER))
    (before,) = rows_of_packs(store)

    store.index.write(lambda txn: release(txn, number, NO_SESSION))

    (after,) = rows_of_packs(store)
    assert NO_SESSION == after.session
    assert before.encode().replace(OWNER, NO_SESSION) == after.encode()
