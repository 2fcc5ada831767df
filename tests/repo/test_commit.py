"""Committing: what makes a version, when it is the same again, and when it is a conflict."""

from __future__ import annotations

import codecs
import io
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from blake3 import blake3

from cas.errors import ConflictError, InvalidError, NotFoundError, ReadOnlyError
from cas.ids import BlobId, Kind
from cas.repo import Repository
from cas.repo.results import OnConflict, Outcome
from cas.testing.trees import write_tree
from cas.versions.identity import version_id
from tests.objects.stores import noise
from tests.repo.examples import PHOTOS, Pipe, state
from tests.worktree.reading import count_files, identify

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import Any, BinaryIO

RED = {"colour": "red"}


def test_a_file_comes_back(repository: Repository, file: Path) -> None:
    """Under its name, with everything that was said about it."""
    result = repository.commit(
        "notes/first", file, properties=RED, message="Hello", origin="ann", tag="v1", inputs=[]
    )

    version = result.version
    assert b"first\n" == repository.read("notes/first")
    assert (Outcome.CREATED, 1, 6, ()) == (result.outcome, result.files, result.size, result.notes)
    assert ("notes/first", "main", "file", RED) == (
        version.name,
        version.layer,
        version.type,
        version.properties,
    )
    assert version_id(RED, {}) == version.version
    assert BlobId.of(b"first\n") == version.content.id
    assert ("Hello", "ann", ("v1",)) == (version.record.message, version.record.origin, version.tags)
    assert version.is_current
    assert version == repository.resolve("notes/first@v1")


def test_the_clock_is_an_argument(repository: Repository, file: Path) -> None:
    """Times come from whoever opened the repository, so tests and builds can be repeated."""
    first = repository.commit("a", file).version.created_at
    second = repository.commit("b", file).version.created_at

    assert datetime(2024, 1, 1, tzinfo=UTC) < first < second < datetime(2024, 1, 2, tzinfo=UTC)


def test_a_directory_comes_back(repository: Repository, photos: Path) -> None:
    """Its tree is its content, and what was counted is what is in it."""
    result = repository.commit("photos", photos)

    kind, size, tree = identify(PHOTOS)
    assert (kind, tree, size) == (result.version.content.kind, result.version.content.id.raw, result.size)
    assert (count_files(PHOTOS), "directory") == (result.files, result.version.type)
    assert b"Pictures.\n" == repository.read("photos", "readme.txt")


def test_what_it_cost_is_said(repository: Repository, photos: Path) -> None:
    """New bytes are those on the disk; the second commit of the same files has none but the record's."""
    before = sum(path.stat().st_size for path in repository.layout.packs.rglob("*.pack"))

    first = repository.commit("photos", photos, properties=RED)
    second = repository.commit("more", photos, properties=RED)

    after = sum(path.stat().st_size for path in repository.layout.packs.rglob("*.pack"))
    assert after == before + first.new_bytes + second.new_bytes
    assert (8, 0) == (first.new_objects, first.reused_objects), "4 files, 3 directories, a record"
    assert 1 == second.new_objects, "a record"
    assert second.reused_objects > 0


def test_the_same_again_is_no_new_version(repository: Repository, photos: Path) -> None:
    """It is said, and nothing is written: no version, no event, no pack."""
    first = repository.commit("photos", photos, properties=RED)
    before = state(repository)

    again = repository.commit("photos", photos, properties=RED, message="again")

    assert Outcome.UNCHANGED is again.outcome
    assert first.version == again.version
    assert (0, 0) == (again.new_bytes, again.new_objects)
    assert before == state(repository)


def test_other_bytes_under_the_same_properties_are_a_conflict(repository: Repository, file: Path) -> None:
    """The message has both contents and what to do; the first version stays, and nothing else does."""
    first = repository.commit("notes", file, properties=RED).version
    before = state(repository)
    file.write_bytes(b"second\n")

    with pytest.raises(ConflictError) as caught:
        repository.commit("notes", file, properties=RED)

    assert "version-conflict" == caught.value.code
    assert str(BlobId.of(b"first\n")) in str(caught.value.why)
    assert str(BlobId.of(b"second\n")) in str(caught.value.why)
    assert "--on-conflict keep|replace" in str(caught.value.hint)
    assert first == repository.resolve("notes")
    assert before == state(repository)


def test_a_conflict_may_keep_the_first(repository: Repository, file: Path) -> None:
    """That is said, the version that is kept is returned, and the new bytes are not stored."""
    first = repository.commit("notes", file, properties=RED).version
    before = state(repository)
    file.write_bytes(noise("second", 500_000))

    result = repository.commit("notes", file, properties=RED, on_conflict=OnConflict.KEEP)

    assert (Outcome.KEPT, first) == (result.outcome, result.version)
    assert (0, 0) == (result.new_bytes, result.new_objects)
    assert before == state(repository)


def test_a_conflict_may_replace_the_first(repository: Repository, file: Path) -> None:
    """The log still has the old one: replacing is never silent."""
    first = repository.commit("notes", file, properties=RED, tag="v1").version
    file.write_bytes(b"second\n")

    result = repository.commit(
        "notes", file, properties=RED, on_conflict=OnConflict.REPLACE, message="better"
    )

    assert Outcome.REPLACED is result.outcome
    assert first.version == result.version.version
    assert b"second\n" == repository.read("notes") == repository.read("notes@v1")
    assert 1 == len(repository.versions("notes"))
    newest, *_, oldest = repository.log("notes")
    assert ("commit", "commit") == (newest.kind, oldest.kind)
    assert newest.detail.startswith("replaces its content")
    assert newest.detail.endswith("better")


@pytest.mark.parametrize("on_conflict", [OnConflict.KEEP, OnConflict.REPLACE])
def test_without_a_conflict_nothing_has_to_be_decided(
    repository: Repository, file: Path, on_conflict: OnConflict
) -> None:
    """The same again is the same again."""
    repository.commit("notes", file, properties=RED, on_conflict=on_conflict)

    assert (
        Outcome.UNCHANGED is repository.commit("notes", file, properties=RED, on_conflict=on_conflict).outcome
    )


def test_without_properties_each_content_is_its_own_version(repository: Repository, file: Path) -> None:
    """The content id becomes the one property, so there is never a conflict."""
    first = repository.commit("notes", file).version
    file.write_bytes(b"second\n")
    second = repository.commit("notes", file).version

    assert {"content": str(BlobId.of(b"first\n"))} == first.properties
    assert [second, first.version] == [
        repository.resolve("notes"),
        repository.resolve(f"notes@{first.version}").version,
    ]
    assert b"first\n" == repository.read("notes@~1")


def test_who_commits_an_old_content_again_gets_it_by_the_name(repository: Repository, file: Path) -> None:
    """It is the same version, and the newest again."""
    repository.commit("notes", file)
    file.write_bytes(b"second\n")
    repository.commit("notes", file)
    file.write_bytes(b"first\n")

    again = repository.commit("notes", file)

    assert Outcome.UNCHANGED is again.outcome
    assert again.version.is_current
    assert b"first\n" == repository.read("notes")
    assert 2 == len(repository.versions("notes"))


def test_a_removed_version_can_be_committed_again(repository: Repository, file: Path) -> None:
    """With any content: what was removed makes no conflict."""
    repository.commit("notes", file, properties=RED)
    repository.remove(["notes"])
    file.write_bytes(b"second\n")

    result = repository.commit("notes", file, properties=RED)

    assert Outcome.CREATED is result.outcome
    assert b"second\n" == repository.read("notes")


@pytest.mark.parametrize(
    ("on_conflict", "data", "outcome"),
    [
        (OnConflict.FAIL, b"first\n", Outcome.UNCHANGED),
        (OnConflict.KEEP, b"second\n", Outcome.KEPT),
        (OnConflict.REPLACE, b"second\n", Outcome.WOULD_REPLACE),
    ],
)
def test_a_dry_run_says_what_would_be_and_stores_nothing(
    repository: Repository, file: Path, on_conflict: OnConflict, data: bytes, outcome: Outcome
) -> None:
    """Not an object, not an event, not a line in the journal."""
    first = repository.commit("notes", file, properties=RED).version
    before, journal = state(repository), [path.read_bytes() for path in repository.layout.journal.iterdir()]
    file.write_bytes(data)

    result = repository.commit("notes", file, properties=RED, on_conflict=on_conflict, dry_run=True)

    assert outcome is result.outcome
    expected = BlobId.of(b"second\n") if outcome is Outcome.WOULD_REPLACE else first.content.id
    assert expected == result.version.content.id
    assert before == state(repository)
    assert journal == [path.read_bytes() for path in repository.layout.journal.iterdir()]


def test_a_dry_run_knows_the_version_to_be(repository: Repository, photos: Path) -> None:
    """It is a hash of what was asked for, and the content of what was read."""
    dry = repository.commit("photos", photos, properties=RED, dry_run=True)
    before = state(repository)

    real = repository.commit("photos", photos, properties=RED)

    assert Outcome.WOULD_CREATE is dry.outcome
    assert (dry.version.version, dry.version.content) == (real.version.version, real.version.content)
    assert (dry.files, dry.size) == (real.files, real.size)
    assert [] == before[1]


def test_a_dry_run_finds_the_conflict(repository: Repository, file: Path) -> None:
    """That is what it is for."""
    repository.commit("notes", file, properties=RED)
    file.write_bytes(b"second\n")

    with pytest.raises(ConflictError):
        repository.commit("notes", file, properties=RED, dry_run=True)


@pytest.mark.parametrize("size", [0, 5, 128 * 1024 - 1, 128 * 1024, 6_000_000])
@pytest.mark.parametrize("opener", [io.BytesIO, Pipe])
def test_a_stream_is_committed_as_a_file(repository: Repository, size: int, opener: type[BinaryIO]) -> None:
    """Whatever standard input is, its bytes are the version."""
    data = noise("stream", size)

    result = repository.commit("stream", opener(data), properties=RED)  # type: ignore[call-arg] # both take bytes

    assert data == repository.read("stream")
    assert (Kind.FILE, blake3(data).digest(), size, 1) == (
        result.version.content.kind,
        result.version.content.id.raw,
        result.size,
        result.files,
    )
    assert data == b"".join(repository.stream("stream"))


def test_a_stream_is_read_from_where_it_stands(repository: Repository) -> None:
    """Whoever has read a header meant the rest."""
    stream = io.BytesIO(b"header\nbody\n")
    stream.readline()

    repository.commit("stream", stream)

    assert b"body\n" == repository.read("stream")


@pytest.mark.parametrize("dry_run", [False, True])
@pytest.mark.parametrize("content", [b"", b"some text\n", b"\xff\xfe no text"])
def test_a_text_stream_is_refused(
    repository: Repository, tmp_path: Path, content: bytes, *, dry_run: bool
) -> None:
    """Which bytes a text is depends on an encoding that nobody named."""
    (tmp_path / "source").write_bytes(content)
    before = state(repository)
    openers: tuple[Callable[[], Any], ...] = (
        lambda: (tmp_path / "source").open(encoding="utf-8"),
        lambda: codecs.getreader("utf-8")(io.BytesIO(content)),
        lambda: io.StringIO("text"),
    )

    for opener in openers:
        with opener() as stream, pytest.raises(InvalidError) as caught:
            repository.commit("notes", stream, dry_run=dry_run)

        assert "text-stream" == caught.value.code
        assert "binary mode" in str(caught.value.hint)
    assert before == state(repository)


def test_a_tag_comes_with_the_version(repository: Repository, file: Path) -> None:
    """Both or neither; and the same commit again may add one."""
    repository.commit("notes", file, properties=RED, tag="v1")
    again = repository.commit("notes", file, properties=RED, tag="best")

    assert Outcome.UNCHANGED is again.outcome
    assert ("best", "v1") == again.version.tags


def test_a_taken_tag_is_a_conflict_and_stores_nothing(repository: Repository, file: Path) -> None:
    """The version does not come without its tag."""
    repository.commit("notes", file, tag="v1")
    before = state(repository)
    file.write_bytes(b"second\n")

    with pytest.raises(ConflictError) as caught:
        repository.commit("notes", file, tag="v1")

    assert "tag-exists" == caught.value.code
    assert before == state(repository)


@pytest.mark.parametrize(
    ("name", "options", "code"),
    [
        ("a//b", {}, "bad-name"),
        ("notes@v1", {}, "bad-name"),
        ("notes", {"tag": "~1"}, "bad-tag"),
        ("notes", {"properties": {"x": float("nan")}}, "bad-property"),
        ("notes", {"layer": "nowhere"}, "no-such-layer"),
        ("notes", {"inputs": ["unknown"]}, "no-such-name"),
        ("notes", {"inputs": ["=notes"]}, "bad-name"),
        ("notes", {}, "no-such-path"),
    ],
)
def test_a_mistake_is_found_before_anything_is_written(
    repository: Repository, tmp_path: Path, name: str, options: dict[str, Any], code: str
) -> None:
    """And before anything is read: the source is not even there."""
    before = state(repository)

    with pytest.raises((InvalidError, NotFoundError)) as caught:
        repository.commit(name, tmp_path / "absent", **options)

    assert code == caught.value.code
    assert before == state(repository)


def test_the_repository_is_left_out_with_a_note(repository: Repository, home: Path) -> None:
    """`cas commit project .` in the directory that has `.cas`."""
    write_tree(PHOTOS, home / "photos")

    result = repository.commit("project", home)

    assert [f"left out the repository itself, '{home / '.cas'}'"] == list(result.notes)
    assert ["photos"] == [item.path for item in repository.tree("project") if "/" not in item.path]


def test_where_only_looking_is_safe_nothing_is_committed(
    repository: Repository, file: Path, home: Path
) -> None:
    """A newer `cas` uses a feature that this one would not keep up."""
    repository.commit("notes", file)
    config = home / ".cas" / "config.yaml"
    config.write_text(config.read_text().replace("read_only_compatible: []", "read_only_compatible: [quota]"))

    with Repository.open(home) as newer:
        assert b"first\n" == newer.read("notes")
        for write in (
            lambda: newer.commit("more", file),
            lambda: newer.remove(["notes"]),
            lambda: newer.tag("notes", "v1"),
        ):
            with pytest.raises(ReadOnlyError) as caught:
                write()
            assert "newer-format" == caught.value.code
