"""Removing and restoring, and the tags that come and go with it."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest

from cas.errors import CasError, ConflictError, InvalidError, NotFoundError
from cas.versions.version import State
from tests import plugins
from tests.repo.examples import state

if TYPE_CHECKING:
    from pathlib import Path

    from cas.repo import Repository
    from cas.versions.version import Version


def put(repository: Repository, name: str, text: str, **options: object) -> Version:
    """Commit a file."""
    return repository.commit(name, io.BytesIO(text.encode()), **options).version  # type: ignore[arg-type] # passed on as they are


@pytest.fixture
def notes(repository: Repository) -> Repository:
    """A repository with three versions of one name, the first of them tagged."""
    put(repository, "notes", "one", tag="v1")
    put(repository, "notes", "two")
    put(repository, "notes", "three")
    return repository


def test_the_newest_that_is_left_becomes_current(notes: Repository) -> None:
    """Removing takes one version away, not the name."""
    (removed,) = notes.remove(["notes"]).versions

    assert (State.REMOVED, False) == (removed.state, removed.is_current)
    assert b"two" == notes.read("notes")
    assert 2 == len(notes.versions("notes"))


def test_a_removed_version_is_not_found_by_any_of_its_names(notes: Repository) -> None:
    """By id, by tag, by properties; each time it is said what became of it."""
    version = notes.resolve("notes@v1")
    notes.remove(["notes@v1"])

    with pytest.raises(NotFoundError) as caught:
        notes.resolve(f"notes@{version.version}")
    assert "version-removed" == caught.value.code
    assert "cas restore" in str(caught.value.hint)
    with pytest.raises(NotFoundError):
        notes.resolve("notes@v1")
    assert version.version not in {one.version for one in notes.find({})}


def test_a_name_whose_versions_are_all_removed_is_gone(notes: Repository) -> None:
    """And says how it comes back."""
    removed = notes.remove(["notes"], all_versions=True).versions

    assert 3 == len(removed)
    assert [] == notes.names()
    with pytest.raises(NotFoundError) as caught:
        notes.read("notes")
    assert "name-removed" == caught.value.code
    assert "cas restore notes" in str(caught.value.hint)


def test_restoring_undoes_removing(notes: Repository) -> None:
    """Bytes, place and tags are as they were."""
    before = notes.versions("notes")
    notes.remove(["notes@v1"])

    restored = notes.restore(f"notes@{before[-1].version}")

    assert before[-1] == restored == notes.resolve("notes@v1")
    assert before == notes.versions("notes")
    assert b"one" == notes.read("notes@v1")


def test_a_name_alone_restores_what_was_removed_last(notes: Repository) -> None:
    """As one would undo."""
    notes.remove(["notes@~2"])
    notes.remove(["notes@~1"])

    assert b"two" == notes.read(notes.restore("notes").ref)
    assert b"one" == notes.read(notes.restore("notes").ref)
    with pytest.raises(NotFoundError) as caught:
        notes.restore("notes")
    assert "not-removed" == caught.value.code


def test_what_gc_took_cannot_be_restored(notes: Repository) -> None:
    """Until then it could."""
    version = notes.resolve("notes@v1")
    notes.remove(["notes@v1"])
    notes.gc()

    with pytest.raises(NotFoundError) as caught:
        notes.restore(f"notes@{version.version}")

    assert "version-collected" == caught.value.code


def test_a_tag_that_was_given_away_does_not_come_back(notes: Repository) -> None:
    """Whoever has it now keeps it."""
    first = notes.resolve("notes@v1")
    notes.remove(["notes@v1"])
    notes.tag("notes", "v1")

    restored = notes.restore(f"notes@{first.version}")

    assert () == restored.tags
    assert b"three" == notes.read("notes@v1")


def test_what_others_were_made_of_stays(notes: Repository) -> None:
    """The refusal names them, and nothing is removed; `force` is the user's word against it."""
    put(notes, "book", "book", inputs=["notes@v1"])
    put(notes, "film", "film", inputs=["plot=notes@v1"])
    before = state(notes)

    with pytest.raises(ConflictError) as caught:
        notes.remove(["notes", "notes@v1"])

    assert "has-dependents" == caught.value.code
    assert "book@" in str(caught.value.why)
    assert "film@" in str(caught.value.why)
    assert before == state(notes)
    assert 2 == len(notes.remove(["notes", "notes@v1"], force=True).versions)


def test_what_goes_together_may_go(notes: Repository) -> None:
    """In any order: nothing that stays was made of it."""
    put(notes, "book", "book", inputs=["notes@v1"])

    removed = notes.remove(["notes@v1", "book"]).versions

    assert ["book", "notes"] == sorted(version.name for version in removed)


def test_a_removed_dependent_holds_nothing(notes: Repository) -> None:
    """But it is not made whole by being restored: that is the user's order to keep."""
    put(notes, "book", "book", inputs=["notes@v1"])
    notes.remove(["book"])

    assert 1 == len(notes.remove(["notes@v1"]).versions)


@pytest.mark.parametrize(
    ("specs", "code"),
    [(["notes", "unknown"], "no-such-name"), (["notes@~1", "notes@v9"], "no-such-tag")],
)
def test_all_are_removed_or_none(notes: Repository, specs: list[str], code: str) -> None:
    """A typo in the last word must not leave half of the job done."""
    before = state(notes)

    with pytest.raises(NotFoundError) as caught:
        notes.remove(specs)

    assert code == caught.value.code
    assert before == state(notes)


def test_the_same_version_is_removed_once(notes: Repository) -> None:
    """However often it is named, and in whatever way."""
    first = notes.resolve("notes@v1")

    removed = notes.remove(["notes@v1", "notes@~2", f"notes@{first.version.short}"]).versions

    assert [first.version] == [one.version for one in removed]
    assert ["remove"] == [entry.kind for entry in notes.log(limit=4) if entry.kind == "remove"]


def test_nothing_is_removed_when_nothing_is_named(notes: Repository) -> None:
    """No version, no event."""
    before = state(notes)

    assert () == notes.remove([]).versions
    assert before == state(notes)


def test_a_tag_names_one_version(notes: Repository) -> None:
    """It moves only if that is wanted."""
    tagged = notes.tag("notes", "best")
    assert ("best",) == tagged.tags

    with pytest.raises(ConflictError) as caught:
        notes.tag("notes@~1", "best")
    assert "tag-exists" == caught.value.code
    assert "--force" in str(caught.value.hint)
    moved = notes.tag("notes@~1", "best", force=True)

    assert b"two" == notes.read("notes@best")
    assert moved == notes.resolve("notes@best")
    assert () == notes.resolve("notes").tags


def test_tagging_twice_is_no_error(notes: Repository) -> None:
    """The tag says so already."""
    assert notes.tag("notes@v1", "v1") == notes.tag("notes@v1", "v1")


def test_untagging_leaves_the_version(notes: Repository) -> None:
    """Only the word is gone."""
    untagged = notes.untag("notes@v1")

    assert () == untagged.tags
    assert b"one" == notes.read(untagged.ref)
    with pytest.raises(NotFoundError):
        notes.resolve("notes@v1")


@pytest.mark.parametrize(
    ("spec", "error", "code"),
    [
        ("notes@v9", NotFoundError, "no-such-tag"),
        ("unknown@v1", NotFoundError, "no-such-tag"),
        ("notes", InvalidError, "bad-spec"),
        ("notes@~1", InvalidError, "bad-spec"),
    ],
)
def test_only_a_tag_can_be_untagged(notes: Repository, spec: str, error: type[CasError], code: str) -> None:
    """Anything else is a mistake, and it is said which."""
    before = state(notes)

    with pytest.raises(error) as caught:
        notes.untag(spec)

    assert code == caught.value.code
    assert before == state(notes)


def test_a_bad_tag_is_refused(notes: Repository) -> None:
    """A tag that looks like a count of versions could never be found."""
    with pytest.raises(InvalidError) as caught:
        notes.tag("notes", "~1")

    assert "bad-tag" == caught.value.code


def test_what_went_wrong_in_post_hooks_comes_back(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was done is done; the notes of the result say what a plug-in has to say about it."""
    plugins.install(tmp_path, "sulking_removal", plugins.sulking("post_remove", "post_gc"))
    monkeypatch.syspath_prepend(tmp_path)
    put(repository, "notes", "one")

    removed = repository.remove(["notes"])
    announced = repository.gc(dry_run=True)
    report = repository.gc()

    assert [State.REMOVED] == [version.state for version in removed.versions]
    (note,) = removed.notes
    assert "sulking at post_remove" in note
    (note,) = report.notes
    assert "sulking at post_gc" in note
    assert () == announced.notes
    assert 1 == len(report.freed)
