"""What the facade returns about versions can be in sets and be keys, although it holds dictionaries."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from cas.repo import Repository


def test_versions_are_keys(repository: Repository, file: Path) -> None:
    """One is the same key however it was found."""
    properties = {"tags": ["a", "b"], "year": 2024}
    repository.commit("notes", file, properties={"year": 2025})
    committed = repository.commit("notes", file, properties=properties).version
    repository.commit("other", file, properties=properties)

    found = {version: version.ref for name in ("notes", "other") for version in repository.versions(name)}

    assert 3 == len(found)
    assert committed.ref == found[committed] == found[repository.resolve("notes")]
    assert {committed.record} == {repository.resolve(committed.ref).record}


def test_what_happens_to_a_version_leaves_its_hash(repository: Repository, file: Path) -> None:
    """Its key never changes; that it is not equal to what it was shows what has."""
    before = repository.commit("notes", file).version
    after = repository.tag("notes", "v1")

    assert hash(before) == hash(after)
    assert before != after
    assert 2 == len({before, after})


def test_results_are_hashable(repository: Repository, file: Path, tmp_path: Path) -> None:
    """They are frozen, so nothing speaks against it."""
    committed = repository.commit("notes", file)
    out = repository.checkout("notes", tmp_path / "out")

    assert 2 == len({committed, out})
    assert {repository.names()[0]} == set(repository.names())
    assert {repository.diff("notes", "notes")} == {repository.diff("notes", "notes")}
