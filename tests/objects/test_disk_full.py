"""A disk without room: the commit fails with an error that says so, and nothing of it stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.objects import children
from tests.objects.stores import files_below, object_count, open_store, put_blobs, rows_of_packs
from tests.processes import printed

if TYPE_CHECKING:
    from cas.layout import Layout

MIB = 1024 * 1024

# Which of several files meets the limit first: (limit, number of objects, size of each).
CASES = {
    "while frames are written": (3 * MIB, 100, 100_000),
    "while the tables are written": (5 * MIB // 4, 20_000, 32),
    "while the index is written": (2 * MIB, 24_000, 20),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_full_disk_fails_the_commit_and_leaves_nothing(layout: Layout, case: tuple[int, int, int]) -> None:
    """No ref, no row and no unsealed pack; the same commit succeeds as soon as there is room."""
    with open_store(layout) as store:
        put_blobs(store, [b"stored before"])

    said = printed(children.store_with_little_room, layout.root, *case)

    assert said in {"StorageError io-error\n", "StorageError disk-full\n"}
    assert [] == files_below(layout.tmp) + files_below(layout.sessions)
    with open_store(layout) as store:
        assert (1, 1) == (object_count(store), len(rows_of_packs(store)))

    assert "stored\n" == printed(children.store_with_little_room, layout.root, 100 * MIB, *case[1:])


def test_with_room_the_same_child_succeeds(layout: Layout) -> None:
    """The limit makes the difference, not the child."""
    assert "stored\n" == printed(children.store_with_little_room, layout.root, 100 * MIB, 100, 1000)
    with open_store(layout) as store:
        assert 100 == object_count(store)
