"""stats adds up: what is shared, what is compressed, what is garbage, and whose the rest is."""

from __future__ import annotations

import pytest

from tests.maintenance.boxes import Box, noise


def test_an_empty_repository_has_neither_bytes_nor_ratios(box: Box) -> None:
    """Nothing is divided by nothing."""
    with box.open() as repository:
        found = repository.stats()

    assert (found.versions, found.names, found.packs, found.objects) == (0, 0, 0, 0)
    assert (found.dedup_ratio, found.compression_ratio) == (1.0, 1.0)


def test_sharing_and_compression_are_told_apart(box: Box) -> None:
    """Equal files count once in unique bytes; how small they get is another number."""
    text = b"all work and no play makes jack a dull boy\n" * 2000
    box.commit("a", {"x": text, "y": noise(1, 100_000)})
    box.commit("b", {"x": text, "z": noise(2, 50_000)})

    with box.open() as repository:
        found = repository.stats()

    assert found.logical_bytes == 2 * len(text) + 150_000
    assert found.unique_bytes == len(text) + 150_000
    assert found.dedup_ratio == pytest.approx(found.logical_bytes / found.unique_bytes)
    assert 1.3 < found.compression_ratio < 1.7
    assert found.stored_bytes == sum(path.stat().st_size for path in box.packs())
    assert [(one.name, one.versions, one.logical, one.unique) for one in found.per_name] == [
        ("a", 1, len(text) + 100_000, 100_000),
        ("b", 1, len(text) + 50_000, 50_000),
    ]
    assert [version.name for version in found.largest] == ["a", "b"]
    assert found.garbage_bytes < 2000


def test_versions_of_one_name_share_what_is_its_own(box: Box) -> None:
    """Bytes that several versions of one name use still belong to that name alone."""
    for number in range(3):
        box.commit("a", {"sub/x": noise(1, 100_000), "y": noise(10 + number, 10_000)})

    with box.open() as repository:
        found = repository.stats()

    assert [(one.versions, one.logical, one.unique) for one in found.per_name] == [(3, 330_000, 130_000)]


def test_shared_directories_belong_to_nobody_alone(box: Box) -> None:
    """A tree that two names share is looked into by both, or its files would count as the first one's."""
    box.commit("a", {"sub/deep/x": noise(1, 100_000)})
    box.commit("b", {"sub/deep/x": noise(1, 100_000), "y": b"1"})
    box.commit("c", {"other/deep/x": noise(1, 100_000)})

    with box.open() as repository:
        found = repository.stats()

    assert {one.name: one.unique for one in found.per_name} == {"a": 0, "b": 1, "c": 0}


def test_garbage_is_what_gc_frees(box: Box) -> None:
    """What stats calls garbage is gone after gc, and only that."""
    box.commit("a", {"x": noise(1, 200_000)})
    doomed = box.commit("b", {"x": noise(2, 300_000), "y": noise(1, 200_000)})
    with box.open() as repository:
        repository.remove([doomed])

        before = repository.stats()
        report = repository.gc()
        after = repository.stats()

    assert before.garbage_bytes == pytest.approx(report.bytes_freed, rel=0.02)
    assert before.stored_bytes - report.bytes_freed == after.stored_bytes
    assert after.garbage_bytes < 2000
