"""The pipeline: what is submitted is in the packs, in order, and a failure reaches the caller."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st

from cas.objects.codec import decode_frame
from cas.objects.pack import TARGET_SIZE, PackedObject, is_metadata
from cas.objects.pipeline import NewObject, PackPipeline
from cas.objects.rows import Stored
from tests.objects.stores import files_below, noise

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from cas.objects.packwriter import SealedPack

Frames = list[list[NewObject]]


def never(pack: SealedPack) -> None:
    """Be told of packs that fill up, where none should."""
    raise AssertionError(pack)


def frames_of(pack: SealedPack) -> list[tuple[bytes, list[PackedObject]]]:
    """List the frames of a pack, decompressed, and what is said to be in each, in order of place."""
    data = pack.path.read_bytes()
    objects: dict[int, list[PackedObject]] = {}
    for found in pack.footer.objects():
        objects.setdefault(found.frame, []).append(found)
    return [
        (
            decode_frame(data[frame.offset : frame.offset + frame.size], frame.raw_size),
            sorted(objects[number], key=lambda found: found.offset),
        )
        for number, frame in enumerate(pack.footer.frames)
    ]


def new(data: bytes, kind: Stored = Stored.DATA) -> NewObject:
    """Make an object on its way."""
    return NewObject(blake3(data).digest(), kind, data)


@st.composite
def batches(draw: st.DrawFn) -> list[tuple[Frames, bool]]:
    """Draw batches of frames, each of data or of metadata."""
    sizes = draw(
        st.lists(
            st.tuples(
                st.lists(st.lists(st.integers(1, 3000), min_size=1, max_size=4), min_size=1, max_size=3),
                st.booleans(),
            ),
            max_size=6,
        )
    )
    number = iter(range(10_000))
    return [
        (
            [
                [new(noise(f"{next(number)}", size), Stored.TREE if meta else Stored.DATA) for size in frame]
                for frame in batch
            ],
            meta,
        )
        for batch, meta in sizes
    ]


def expected_frames(submitted: Sequence[tuple[Frames, bool]]) -> Iterator[list[NewObject]]:
    """Iterate over the frames in the order in which a single small pack has them: metadata comes last."""
    for wanted in (False, True):
        for frames, is_metadata_batch in submitted:
            if is_metadata_batch is wanted:
                yield from frames


@settings(max_examples=40)
@given(submitted=batches())
def test_every_frame_is_in_the_pack_once_and_in_order(
    submitted: list[tuple[Frames, bool]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Compression is spread over threads; what is near in a directory must stay near in the pack."""
    pipeline = PackPipeline(tmp_path_factory.mktemp("packs"), never)
    for frames, meta in submitted:
        pipeline.submit(frames, is_metadata=meta)

    packs = pipeline.finish()

    found = [frame for pack in packs for frame in frames_of(pack)]
    expected = list(expected_frames(submitted))
    assert [b"".join(item.data for item in frame) for frame in expected] == [raw for raw, _ in found]
    assert [[item.id for item in frame] for frame in expected] == [
        [one.id for one in objects] for _, objects in found
    ]
    assert len(packs) == (1 if expected else 0)


def test_nothing_submitted_is_no_pack(tmp_path: Path) -> None:
    """A commit of what is stored already writes no file."""
    assert [] == PackPipeline(tmp_path, never).finish()
    assert [] == files_below(tmp_path)


def test_metadata_shares_no_frame_with_data(tmp_path: Path) -> None:
    """Names can be listed, and gc can walk, without reading any file's bytes."""
    pipeline = PackPipeline(tmp_path, never)
    for number in range(20):
        data, tree = noise(f"file {number}", 500), noise(f"tree {number}", 200)
        pipeline.submit([[new(data)]], is_metadata=False)
        pipeline.submit([[new(tree, Stored.TREE)]], is_metadata=True)

    (pack,) = pipeline.finish()

    kinds = [{is_metadata(found.kind) for found in objects} for _, objects in frames_of(pack)]
    assert [{False}] * 20 + [{True}] * 20 == kinds


def test_much_metadata_is_packed_by_itself(tmp_path: Path) -> None:
    """Millions of directories must not be kept in memory until the end."""
    pipeline = PackPipeline(tmp_path, never)
    for number in range(20):
        pipeline.submit([[new(noise(f"tree {number}", 1_000_000), Stored.TREE)]], is_metadata=True)
    pipeline.submit([[new(b"a file")]], is_metadata=False)

    packs = pipeline.finish()

    assert [[b"a file"], 20] == [[raw for raw, _ in frames_of(packs[0])], len(packs[1].footer.frames)]


def test_packs_of_metadata_are_cut_as_well(tmp_path: Path) -> None:
    """One pack for all directories of the world would be the one that is too large to rewrite."""
    pipeline = PackPipeline(tmp_path, never)
    for number in range(90):
        pipeline.submit([[new(noise(f"tree {number}", 1_000_000), Stored.TREE)]], is_metadata=True)

    packs = pipeline.finish()

    assert 90 == sum(pack.footer.object_count for pack in packs)
    assert [True, False] == [pack.file_size >= TARGET_SIZE for pack in packs]


def test_giving_up_leaves_nothing(tmp_path: Path) -> None:
    """Whatever the threads were doing, no file of theirs stays."""
    pipeline = PackPipeline(tmp_path, never)
    for number in range(5):
        pipeline.submit([[new(noise(f"{number}", 300_000))]], is_metadata=bool(number % 2))

    pipeline.abort()
    pipeline.abort()

    assert [] == files_below(tmp_path)


def test_giving_up_after_the_end_leaves_sealed_packs_alone(tmp_path: Path) -> None:
    """They are the caller's, who may have published them."""
    pipeline = PackPipeline(tmp_path, never)
    pipeline.submit([[new(b"a file")]], is_metadata=False)
    packs = pipeline.finish()

    pipeline.abort()

    assert [pack.path for pack in packs] == files_below(tmp_path)


@pytest.mark.parametrize("is_metadata", [False, True])
def test_a_failure_of_the_writer_reaches_the_caller(tmp_path: Path, *, is_metadata: bool) -> None:
    """The write fails in another thread; the commit must hear of it before it moves a ref."""
    folder = tmp_path / "packs"
    folder.mkdir()
    pipeline = PackPipeline(folder, never)
    shutil.rmtree(folder)

    with pytest.raises(FileNotFoundError):
        _submit_and_finish(pipeline, is_metadata=is_metadata)
    pipeline.abort()

    assert [] == files_below(tmp_path)


def _submit_and_finish(pipeline: PackPipeline, *, is_metadata: bool) -> None:
    for number in range(3):
        pipeline.submit([[new(noise(f"{number}", 100))]], is_metadata=is_metadata)
    pipeline.finish()
