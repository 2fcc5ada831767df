"""Chunking: every byte once, the same cuts however the file arrives, and cuts that survive an edit."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cas.config import Chunking
from cas.objects.chunker import Chunker
from tests.objects.stores import noise

if TYPE_CHECKING:
    from collections.abc import Iterable

SMALL = Chunking(min_size=64, average_size=256, max_size=1024)

# fmt: off
GOLDEN_SIZES = [
    71791, 89804, 36896, 71775, 95052, 38007, 117681, 73470, 72823, 83293,
    65149, 130731, 64011, 55156, 84647, 91165, 87535, 72535, 53684, 44795,
]
# fmt: on


def chunks_of(blocks: Iterable[bytes], parameters: Chunking = SMALL) -> list[bytes]:
    """Cut a file that arrives as `blocks`."""
    return [bytes(chunk) for _, chunks in Chunker(parameters).cut(blocks) for chunk in chunks]


def split(data: bytes, at: Iterable[int]) -> list[bytes]:
    """Split `data` at these offsets."""
    return [data[start:end] for start, end in pairwise([0, *sorted(at), len(data)])]


@st.composite
def files(draw: st.DrawFn) -> bytes:
    """Draw files of a few kilobytes in which noise, text and zeros follow each other."""
    parts = draw(
        st.lists(
            st.one_of(
                st.tuples(st.text(min_size=1, max_size=3), st.integers(0, 6000)).map(lambda x: noise(*x)),
                st.tuples(st.binary(min_size=1, max_size=9), st.integers(0, 400)).map(lambda x: x[0] * x[1]),
            ),
            max_size=4,
        )
    )
    return b"".join(parts)


@given(files())
def test_chunks_put_together_are_the_file(data: bytes) -> None:
    """Nothing else is stored of a large file, so not a byte may be lost or doubled."""
    assert data == b"".join(chunks_of([data]))


@given(files(), st.data())
def test_cuts_do_not_depend_on_how_the_file_arrives(data: bytes, draw: st.DataObject) -> None:
    """A pipe hands out other blocks than a disk; one file must have one set of chunks to be stored once."""
    offsets = draw.draw(st.lists(st.integers(0, len(data)), max_size=12))

    assert chunks_of([data]) == chunks_of(split(data, offsets))


@pytest.mark.parametrize("size", [309, 310, 1023, 1025, 3001])
@pytest.mark.parametrize("seed", ["a", "b", "c", "d"])
def test_a_split_anywhere_changes_nothing(seed: str, size: int) -> None:
    """FastCDC looks at two bytes at a time: a cut may show only when one byte more is there."""
    data = noise(seed, size)
    whole = chunks_of([data])

    assert all(whole == chunks_of([data[:at], data[at:]]) for at in range(size))


@given(files(), st.data())
def test_each_block_is_handed_back_for_hashing(data: bytes, draw: st.DataObject) -> None:
    """The whole-file hash is fed from what `cut` yields; a byte twice there is another file's id."""
    offsets = draw.draw(st.lists(st.integers(0, len(data)), max_size=12))
    fresh = [bytes(block) for block, _ in Chunker(SMALL).cut(split(data, offsets))]

    assert data == b"".join(fresh)


@given(files())
def test_chunks_keep_to_their_bounds(data: bytes) -> None:
    """Tiny chunks cost an index row each, huge ones spoil deduplication; only the last may be small."""
    sizes = [len(chunk) for chunk in chunks_of([data])]

    assert all(SMALL.min_size <= size <= SMALL.max_size for size in sizes[:-1])
    assert all(1 <= size <= SMALL.max_size for size in sizes[-1:])


def test_an_empty_file_has_no_chunks() -> None:
    """There is nothing to store of it, and an empty chunk would be an object without bytes."""
    assert [] == chunks_of([])
    assert [] == chunks_of([b"", b""])


@pytest.mark.parametrize("at", [0, 1_000_003, 3_999_999])
def test_a_local_edit_changes_only_few_chunks(at: int) -> None:
    """This is what makes the next version of a large file cheap."""
    before = noise("a large file", 4_000_000)
    after = before[:at] + b"an insertion" + before[at:]

    old, new = (chunks_of([data], Chunking()) for data in (before, after))

    assert len(set(new) - set(old)) <= 3
    assert len(old) > 40


def test_one_chunker_cuts_one_file_after_another() -> None:
    """A commit uses one chunker for all its files; nothing of a file may leak into the next."""
    chunker = Chunker(SMALL)
    data = noise("again", 10_000)

    first, second = ([bytes(x) for _, chunks in chunker.cut([data]) for x in chunks] for _ in range(2))

    assert first == second


def test_cut_points_are_pinned() -> None:
    """Other cuts would not be wrong, but every large file of every repository would be stored once more."""
    sizes = [len(chunk) for chunk in chunks_of([noise("golden", 1_500_000)], Chunking())]

    assert sizes == GOLDEN_SIZES
