"""Commits while others commit, remove and collect: decided once more at the last moment, never half.

What somebody else does in between is done where a commit asks for approval: everything has been read by
then, and nothing is visible yet.
"""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from cas.errors import ConflictError, HookRefusedError, NotFoundError, StorageError
from cas.ids import BlobId
from cas.progress import Silent
from cas.repo import Repository
from cas.repo.commit import Committer, Request
from cas.repo.results import CommitResult, OnConflict, Outcome
from tests.objects.stores import noise
from tests.repo.examples import Clock, Pipe, state

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import IO

    from cas.maintenance.collect import GcReport

RED = {"colour": "red"}
OLD, NEW = noise("stored before", 1_500_000), noise("new", 300_000)


def commit(
    repository: Repository,
    source: Path | IO[bytes] | Pipe,
    meanwhile: Callable[[], object],
    *,
    on_conflict: OnConflict = OnConflict.FAIL,
) -> CommitResult:
    """Commit `source` as a red version of `notes`; `meanwhile` happens once, before anything is visible."""
    deeds = [meanwhile]

    def approve(*_: object) -> None:
        if deeds:
            deeds.pop()()

    committer = Committer(
        repository._store,
        repository._ledger,
        repository.config,
        Clock(),
        Silent(),
        approve,
    )
    request = Request(
        layer="main",
        name="notes",
        type=None,
        source=source,  # type: ignore[arg-type] # a raw stream reads like any other
        properties=RED,
        inputs={},
        message="",
        origin="",
        tag=None,
        on_conflict=on_conflict,
    )
    return committer.commit(request)


@pytest.fixture
def other(home: Path, repository: Repository) -> Repository:
    """Somebody else at the same repository; in one process the index is shared, as it must be."""
    assert repository.layout.root == home / ".cas"
    return repository


def test_the_same_content_from_two_is_one_version(
    repository: Repository, other: Repository, file: Path
) -> None:
    """The second finds it there when its turn comes."""
    result = commit(repository, file, lambda: other.commit("notes", file, properties=RED))

    assert Outcome.UNCHANGED is result.outcome
    assert 1 == len(repository.versions("notes"))
    assert b"first\n" == repository.read("notes")


def test_other_content_from_two_is_a_conflict_for_the_second(
    repository: Repository, other: Repository, file: Path
) -> None:
    """Who came first has won, though the second had looked before and found the version free."""
    with pytest.raises(ConflictError) as caught:
        commit(repository, file, lambda: other.commit("notes", io.BytesIO(b"theirs"), properties=RED))

    assert "version-conflict" == caught.value.code
    assert b"theirs" == repository.read("notes")


def test_who_wants_to_keep_keeps_what_came_in_between(
    repository: Repository, other: Repository, file: Path
) -> None:
    """The rule is the same at the last moment."""
    result = commit(
        repository,
        file,
        lambda: other.commit("notes", io.BytesIO(b"theirs"), properties=RED),
        on_conflict=OnConflict.KEEP,
    )

    assert Outcome.KEPT is result.outcome
    assert BlobId.of(b"theirs") == result.version.content.id


def test_a_refusal_leaves_nothing(repository: Repository, file: Path) -> None:
    """A hook that vetoes comes after everything was read and before anything is there."""
    before = state(repository)

    def refuse() -> None:
        raise HookRefusedError("cannot commit 'notes'", code="hook-refused")

    with pytest.raises(HookRefusedError):
        commit(repository, file, refuse)

    assert before == state(repository)


def remember_then_remove(repository: Repository, data: bytes) -> None:
    """Store `data` under another name, and remove that: gc may take it from now on."""
    repository.commit("garbage", io.BytesIO(data))
    repository.remove(["garbage"])


def test_what_gc_takes_while_it_is_counted_on_is_stored_again(
    repository: Repository, other: Repository, tmp_path: Path
) -> None:
    """The source is read a second time, and then everything is there (DESIGN 5, rule 4)."""
    remember_then_remove(repository, OLD)
    source = tmp_path / "source"
    source.mkdir()
    (source / "old").write_bytes(OLD)
    (source / "new").write_bytes(NEW)

    reports: list[GcReport] = []

    result = commit(repository, source, lambda: reports.append(other.gc()))

    assert reports[0].objects_deleted > 0
    assert Outcome.CREATED is result.outcome
    assert OLD == repository.read("notes", "old")
    assert NEW == repository.read("notes", "new")
    assert [] == list(repository.verify().problems)


def test_an_unchanged_directory_that_gc_takes_is_read_again(
    repository: Repository, other: Repository, tmp_path: Path
) -> None:
    """It was not opened at all the first time: its tree was known."""
    source = tmp_path / "source"
    (source / "folder").mkdir(parents=True)
    (source / "folder" / "old").write_bytes(OLD)
    repository.commit("garbage", source)
    repository.remove(["garbage"])

    commit(repository, source, other.gc)

    assert OLD == repository.read("notes", "folder/old")
    assert [] == list(repository.verify().problems)


def test_a_stream_that_can_go_back_is_read_again(repository: Repository, other: Repository) -> None:
    """From where it stood. Read on from where it ended, it would have been an empty file."""
    remember_then_remove(repository, OLD)
    stream = io.BytesIO(b"header\n" + OLD)
    stream.readline()

    commit(repository, stream, other.gc)

    assert OLD == repository.read("notes")


def test_a_pipe_that_is_used_up_is_an_error_and_no_empty_version(
    repository: Repository, other: Repository
) -> None:
    """Its bytes are gone; only who wrote them has them."""
    remember_then_remove(repository, OLD)

    with pytest.raises(StorageError) as caught:
        commit(repository, Pipe(OLD), other.gc)

    assert "stream-used-up" == caught.value.code
    assert [] == repository.names()
    commit(repository, Pipe(OLD), lambda: None)
    assert OLD == repository.read("notes")


def test_a_version_that_comes_and_goes_is_whole_whenever_it_is_there(home: Path, file: Path) -> None:
    """It may be removed between the look and the last moment; then its record has to be stored again."""

    def commit_again_and_again() -> None:
        with Repository.open(home) as mine:
            for _ in range(40):
                mine.commit("notes", file, properties=RED)

    def remove_again_and_again() -> None:
        with Repository.open(home) as mine:
            for _ in range(40):
                with suppress(NotFoundError):
                    mine.remove(["notes"])

    with Repository.init(home) as repository:
        with ThreadPoolExecutor(2) as pool:
            for work in [pool.submit(commit_again_and_again), pool.submit(remove_again_and_again)]:
                work.result()
        repository.commit("notes", file, properties=RED)

        assert b"first\n" == repository.read("notes")
        assert [] == list(repository.verify().problems)


def test_many_writers_at_once_lose_nothing(home: Path, repository: Repository, tmp_path: Path) -> None:
    """Each with a repository of its own, as each process has; they share some of what they store."""
    shared = noise("shared", 200_000)

    def work(number: int) -> None:
        source = tmp_path / f"source {number}"
        source.mkdir()
        (source / "shared").write_bytes(shared)
        (source / "own").write_bytes(noise(f"{number}", 50_000))
        with Repository.open(home) as mine:
            for turn in range(4):
                (source / "turn").write_text(f"{turn}")
                mine.commit(f"notes {number}", source)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))

    assert [(f"notes {number}", 4) for number in range(4)] == [
        (one.name, one.version_count) for one in repository.names()
    ]
    for number in range(4):
        assert noise(f"{number}", 50_000) == repository.read(f"notes {number}", "own")
        assert shared == repository.read(f"notes {number}@~3", "shared")
    assert list(range(16, 0, -1)) == [entry.sequence for entry in repository.log()]
    assert [] == list(repository.verify().problems)
