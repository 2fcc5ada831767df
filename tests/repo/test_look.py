"""Looking: what is inside a version, what there is, what happened, and what differs."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from cas.errors import CasError, CorruptError, InvalidError, NotFoundError
from cas.ids import BlobId, Kind
from cas.versions.identity import version_id
from cas.worktree.compare import Status
from tests.objects.stores import noise, pack_files
from tests.repo.examples import state

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cas.repo import Repository


@pytest.fixture
def stored(repository: Repository, photos: Path) -> Repository:
    """A repository with a directory and a file in it."""
    repository.commit("art/photos", photos, properties={"year": 2024}, tag="best")
    repository.commit("notes", io.BytesIO(b"some notes\n"), message="by hand")
    return repository


def test_everything_in_a_version_is_listed(stored: Repository) -> None:
    """Depth first, by name; a link with its target, a directory before what is in it."""
    items = [(item.path, item.kind, item.size) for item in stored.tree("art/photos")]

    assert [
        ("empty", Kind.DIRECTORY, 0),
        ("latest", Kind.SYMLINK, 16),
        ("readme.txt", Kind.FILE, 10),
        ("sort.sh", Kind.EXECUTABLE, 10),
        ("summer", Kind.DIRECTORY, 2051),
        ("summer/beach.jpg", Kind.FILE, 2048),
        ("summer/\udcff.raw", Kind.FILE, 3),
    ] == items
    found = {item.path: item.id for item in stored.tree("art/photos")}
    assert "summer/beach.jpg" == found["latest"]
    assert str(BlobId.of(b"Pictures.\n")) == found["readme.txt"]


@pytest.mark.parametrize(
    ("path", "listed"),
    [
        ("summer", ["summer/beach.jpg", "summer/\udcff.raw"]),
        ("/summer//", ["summer/beach.jpg", "summer/\udcff.raw"]),
        ("summer/beach.jpg", ["summer/beach.jpg"]),
        ("latest", ["latest"]),
        ("empty", []),
    ],
)
def test_a_part_of_a_version_is_listed(stored: Repository, path: str, listed: list[str]) -> None:
    """With paths as they are from the top; a file and a link are themselves."""
    assert listed == [item.path for item in stored.tree("art/photos", path)]


def test_a_file_is_listed_under_its_name(stored: Repository) -> None:
    """A version that is one file has nothing below it."""
    (item,) = stored.tree("notes")

    assert ("notes", Kind.FILE, 11, str(BlobId.of(b"some notes\n"))) == (
        item.path,
        item.kind,
        item.size,
        item.id,
    )


def test_sizes_are_those_of_the_files(repository: Repository, tmp_path: Path) -> None:
    """Also of a file that is stored in many chunks, asked for alone."""
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "large").write_bytes(noise("large", 1_000_000))
    repository.commit("data", tmp_path / "source")

    assert [1_000_000] == [item.size for item in repository.tree("data")]
    assert [1_000_000] == [item.size for item in repository.tree("data", "large")]


def test_files_are_read(stored: Repository) -> None:
    """Whole or in pieces, by the version alone or with a path."""
    assert b"some notes\n" == stored.read("notes")
    assert bytes(range(256)) * 8 == stored.read("art/photos@best", "summer/beach.jpg")
    assert b"raw" == b"".join(stored.stream("art/photos", "summer/\udcff.raw"))


@pytest.mark.parametrize(
    ("spec", "path", "error", "code"),
    [
        ("art/photos", None, InvalidError, "is-a-directory"),
        ("art/photos", "summer", InvalidError, "is-a-directory"),
        ("art/photos", "latest", InvalidError, "is-a-symlink"),
        ("art/photos", "../notes", InvalidError, "bad-path"),
        ("art/photos", "summer/absent", NotFoundError, "no-such-path"),
        ("art/photos", "readme.txt/below", NotFoundError, "no-such-path"),
        ("art/photos", "latest/below", NotFoundError, "no-such-path"),
        ("notes", "below", NotFoundError, "no-such-path"),
        ("unknown", None, NotFoundError, "no-such-name"),
        ("notes@v9", None, NotFoundError, "no-such-tag"),
        ("notes@", None, InvalidError, "bad-spec"),
    ],
)
def test_what_cannot_be_read_is_an_error(
    stored: Repository, spec: str, path: str | None, error: type[CasError], code: str
) -> None:
    """Each for its own reason, and a hint where there is one thing to do."""
    with pytest.raises(error) as caught:
        stored.read(spec, path)

    assert code == caught.value.code


def test_damage_is_an_error_and_no_bytes(repository: Repository, tmp_path: Path) -> None:
    """One flipped bit in a pack, and the file is not handed out."""
    (tmp_path / "file").write_bytes(noise("file", 50_000))
    repository.commit("data", tmp_path / "file")
    (pack,) = pack_files(repository.layout)
    pack.chmod(0o644)
    damaged = bytearray(pack.read_bytes())
    damaged[30_000] ^= 1
    pack.write_bytes(damaged)

    with pytest.raises(CorruptError) as caught:
        repository.read("data")

    assert "object-damaged" == caught.value.code


def test_names_are_listed_by_prefix(stored: Repository) -> None:
    """In order, with what each means now."""
    stored.commit("art/drawings", io.BytesIO(b"drawing"))

    assert ["art/drawings", "art/photos", "notes"] == [one.name for one in stored.names()]
    assert ["art/drawings", "art/photos"] == [one.name for one in stored.names("art/")]
    assert [] == stored.names("x")
    assert stored.resolve("notes") == stored.names("notes")[0].current


def test_versions_are_listed_newest_first(stored: Repository) -> None:
    """The removed ones only on demand."""
    for text in (b"second", b"third"):
        stored.commit("notes", io.BytesIO(text))
    stored.remove(["notes@~1"])

    assert [b"third", b"some notes\n"] == [stored.read(version.ref) for version in stored.versions("notes")]
    assert 3 == len(stored.versions("notes", include_removed=True))
    assert [] == stored.versions("unknown")


def test_the_log_says_what_happened(stored: Repository) -> None:
    """Newest first: everything, the newest few, or what happened to one name."""
    stored.tag("notes", "v1")
    stored.untag("notes@v1")
    stored.remove(["notes"])
    stored.restore("notes")

    notes = [(entry.kind, entry.detail) for entry in stored.log("notes")]
    assert [("restore", ""), ("remove", ""), ("untag", "v1"), ("tag", "v1"), ("commit", "by hand")] == notes
    assert ["restore", "remove"] == [entry.kind for entry in stored.log(limit=2)]
    assert list(range(7, 0, -1)) == [entry.sequence for entry in stored.log()]
    newest = stored.log(limit=1)[0]
    assert ("main", "notes", stored.resolve("notes").version) == (newest.layer, newest.name, newest.version)
    assert datetime(2024, 1, 1, tzinfo=UTC) < newest.at < datetime(2024, 1, 2, tzinfo=UTC)
    assert [] == stored.log("unknown")


def test_versions_are_found_by_properties(repository: Repository, file: Path) -> None:
    """Of all names, newest first; all conditions must hold."""
    records: dict[str, dict[str, object]] = {
        "a": {"region": "ru", "year": 2016},
        "b": {"region": "ru", "year": "2016"},
        "c": {"region": "de", "year": 2016},
    }
    for name, properties in records.items():
        repository.commit(name, file, properties=properties)

    assert ["b", "a"] == [version.name for version in repository.find({"region": "ru"})]
    assert ["a"] == [version.name for version in repository.find({"region": "ru", "year": 2016})]
    assert ["c", "b", "a"] == [version.name for version in repository.find({"year": "2016"})]
    assert [] == repository.find({"region": "fr"})
    assert 3 == len(repository.find({}))


def test_two_versions_are_compared(repository: Repository, photos: Path) -> None:
    """By content, properties and inputs."""
    repository.commit("raw", io.BytesIO(b"raw"))
    repository.commit("photos", photos, properties={"year": 2023, "camera": "x100"})
    (photos / "readme.txt").write_bytes(b"More pictures.\n")
    (photos / "new").write_bytes(b"")
    (photos / "sort.sh").unlink()
    repository.commit("photos", photos, properties={"year": 2024}, inputs=["raw"])

    difference = repository.diff("photos@~1", "photos")

    assert [("new", Status.ADDED), ("readme.txt", Status.MODIFIED), ("sort.sh", Status.REMOVED)] == [
        (change.path, change.status) for change in difference.changes
    ]
    assert [("camera", "x100", None), ("year", 2023, 2024)] == [
        (change.key, change.old, change.new) for change in difference.properties
    ]
    assert [("raw", None, repository.resolve("raw").version)] == [
        (change.key, change.old, change.new) for change in difference.inputs
    ]
    same = repository.diff("photos", "photos")
    assert ((), (), ()) == (same.changes, same.properties, same.inputs)


def test_one_and_true_are_different_properties(repository: Repository, file: Path) -> None:
    """They make two versions, so a comparison of these that shows no difference would be a riddle."""
    one, true = (repository.commit("notes", file, properties={"flag": flag}).version for flag in (1, True))

    (change,) = repository.diff(one.ref, true.ref).properties

    assert ("flag", 1, True) == (change.key, change.old, change.new)
    assert change.new is True


def test_a_version_is_known_before_it_exists(repository: Repository, file: Path) -> None:
    """It is a hash of what is asked for; who has it already is said."""
    repository.commit("raw", io.BytesIO(b"raw"))
    wanted, existing = repository.version_id({"colour": "red"}, ["raw"])
    assert [] == existing

    version = repository.commit("notes", file, properties={"colour": "red"}, inputs=["raw"]).version
    repository.commit("copy", file, properties={"colour": "red"}, inputs=["raw"])

    assert (
        wanted == version.version == version_id({"colour": "red"}, {"raw": repository.resolve("raw").version})
    )
    again, existing = repository.version_id({"colour": "red"}, ["raw"])
    assert (wanted, {"copy", "notes"}) == (again, {one.name for one in existing})


def test_a_checkout_is_compared_with_what_was_put_there(stored: Repository, tmp_path: Path) -> None:
    """Nothing has changed, something has, it is gone."""
    destination = tmp_path / "out"
    stored.checkout("art/photos", destination)
    (unchanged,) = stored.status()
    (destination / "readme.txt").write_bytes(b"edited")
    (destination / "sort.sh").unlink()
    (changed,) = stored.status(destination)

    assert ((), False) == (unchanged.changes, unchanged.is_missing)
    assert unchanged.version is not None
    assert "art/photos" == unchanged.version.name
    assert [("readme.txt", Status.MODIFIED), ("sort.sh", Status.REMOVED)] == [
        (change.path, change.status) for change in changed.changes
    ]
    destination.rename(tmp_path / "elsewhere")
    assert [True] == [one.is_missing for one in stored.status()]
    with pytest.raises(NotFoundError) as caught:
        stored.status(tmp_path / "elsewhere")
    assert "no-such-checkout" == caught.value.code


LOOKS: dict[str, Callable[[Repository], object]] = {
    "tree": lambda repository: list(repository.tree("art/photos")),
    "read": lambda repository: repository.read("notes"),
    "names": lambda repository: repository.names(),
    "versions": lambda repository: repository.versions("notes"),
    "log": lambda repository: repository.log(),
    "find": lambda repository: repository.find({"year": 2024}),
    "diff": lambda repository: repository.diff("notes", "art/photos"),
    "status": lambda repository: repository.status(),
    "version_id": lambda repository: repository.version_id({}),
    "resolve": lambda repository: repository.resolve("art/photos@best"),
}


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
def test_looking_changes_nothing(stored: Repository, look: Callable[[Repository], object]) -> None:
    """Who looks needs no right to write, and takes no part in any race."""
    before = state(stored)

    look(stored)

    assert before == state(stored)


def test_the_tag_of_a_removed_version_says_that_it_was_removed(repository: Repository, file: Path) -> None:
    """It is not that there is no such tag; and `restore` takes the very same words."""
    version = repository.commit("notes", file, properties={"v": 1}, tag="best").version
    repository.commit("notes", file, properties={"v": 2})
    repository.remove([version.ref])

    with pytest.raises(NotFoundError) as caught:
        repository.resolve("notes@best")

    assert caught.value.code == "version-removed"
    assert caught.value.hint == "run `cas restore notes@best`"
    assert repository.restore("notes@best").version == version.version
