"""What a version needs and the store lacks is damage; what nobody has is only not found."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from cas.errors import CasError, CorruptError, NotFoundError
from cas.worktree.link import Link

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cas.ids import Content
    from cas.objects.index import Txn
    from cas.repo import Repository


@pytest.fixture
def stored(repository: Repository, photos: Path) -> Repository:
    """Two versions of a directory."""
    repository.commit("photos", photos)
    (photos / "readme.txt").write_bytes(b"More pictures.\n")
    repository.commit("photos", photos)
    return repository


def forget_objects(repository: Repository) -> None:
    """Lose the rows of all objects, as a damaged index would."""

    def change(txn: Txn) -> None:
        for key, _ in list(txn.scan(txn.tables.objects)):
            txn.delete(txn.tables.objects, key)

    repository._index.write(change)


def lose_packs(repository: Repository) -> None:
    """Delete the packs, and let nobody go on reading the files that are gone."""
    for pack in repository.layout.packs.rglob("*.pack"):
        pack.unlink()
    repository._store.close()


def lose_the_folder_of_packs(repository: Repository) -> None:
    """Delete the directory that they are in."""
    shutil.rmtree(repository.layout.packs)
    repository._store.close()


DAMAGES = [forget_objects, lose_packs, lose_the_folder_of_packs]

USES: dict[str, Callable[[Repository, Path], object]] = {
    "read": lambda repository, _: repository.read("photos", "readme.txt"),
    "tree": lambda repository, _: list(repository.tree("photos")),
    "diff": lambda repository, _: repository.diff("photos@~1", "photos"),
    "checkout": lambda repository, out: repository.checkout("photos", out),
    "checkout of a part": lambda repository, out: repository.checkout("photos", out, path="summer"),
}


@pytest.mark.parametrize("use", USES.values(), ids=USES)
@pytest.mark.parametrize("damage", DAMAGES)
def test_what_a_version_lacks_is_damage(
    stored: Repository,
    tmp_path: Path,
    damage: Callable[[Repository], None],
    use: Callable[[Repository, Path], object],
) -> None:
    """A script that takes exit status 3 for "not there yet" would build over what was lost."""
    damage(stored)

    with pytest.raises(CorruptError) as caught:
        use(stored, tmp_path / "out")

    assert "cas verify" in str(caught.value.hint)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_file_that_a_version_lacks_is_damage(
    repository: Repository, file: Path, tmp_path: Path, damage: Callable[[Repository], None]
) -> None:
    """Also of a version that is a single file, read or checked out or put into a scratch place."""
    version = repository.commit("notes", file).version
    with repository.session() as session:
        damage(repository)

        for use in (
            lambda: repository.read("notes"),
            lambda: repository.checkout("notes", tmp_path / "out"),
            lambda: repository.place(version, tmp_path / "scratch", session=session, link=Link.COPY),
        ):
            with pytest.raises(CorruptError, match=r"notes|pack|scratch|out"):
                use()


def test_the_damaged_one_of_two_is_named(stored: Repository) -> None:
    """A diff reads both, and only one has to be mended."""
    lost = stored.resolve("photos@~1")
    stored._index.write(lambda txn: txn.delete(txn.tables.objects, lost.content.id.raw))

    with pytest.raises(CorruptError, match=lost.ref) as caught:
        stored.diff("photos@~1", "photos")

    assert "store-damaged" == caught.value.code


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("spec", ["nothing", "photos@nothing", "photos@~7", "other:photos"])
def test_what_nobody_has_is_not_found(
    stored: Repository, spec: str, damage: Callable[[Repository], None]
) -> None:
    """Damage elsewhere makes no spec exist."""
    damage(stored)

    with pytest.raises(NotFoundError):
        stored.read(spec)


def test_what_gc_takes_while_it_is_read_is_no_damage(stored: Repository, photos: Path) -> None:
    """The version was removed by somebody who is allowed to; nothing has to be repaired."""
    (photos / "summer" / "beach.jpg").write_bytes(b"rain")
    stored.commit("photos", photos)
    stored.remove(["photos@~2"])
    items = stored.tree("photos@~1")
    next(items)
    stored.remove(["photos@~1"])
    stored.gc()
    stored._store.close()

    with pytest.raises(NotFoundError) as caught:
        list(items)

    assert "version-collected" == caught.value.code


def test_looking_needs_no_content(stored: Repository) -> None:
    """Names, versions and history are in the index, and can be asked for to see what was lost."""
    lose_the_folder_of_packs(stored)

    assert ["photos"] == [one.name for one in stored.names()]
    assert 2 == len(stored.versions("photos"))
    assert 2 == len(stored.log())
    assert {"pack-missing", "object-missing"} & {one.code for one in stored.verify().problems}


def test_committing_again_mends_what_was_lost(stored: Repository, photos: Path) -> None:
    """Even where the directory of the packs is gone: that is what `verify` advises."""
    lose_the_folder_of_packs(stored)

    stored.commit("photos", photos)

    assert b"More pictures.\n" == stored.read("photos", "readme.txt")


def contents(repository: Repository) -> list[Content]:
    """List what the versions of `photos` hold."""
    return [version.content for version in repository.versions("photos")]


def test_a_checkout_that_fails_leaves_what_is_there(stored: Repository, tmp_path: Path) -> None:
    """Damage is found before anything in the destination changes."""
    stored.checkout("photos@~1", tmp_path / "out")
    lost = contents(stored)[0]
    stored._index.write(lambda txn: txn.delete(txn.tables.objects, lost.id.raw))

    with pytest.raises(CasError):
        stored.checkout("photos", tmp_path / "out")

    assert b"Pictures.\n" == (tmp_path / "out" / "readme.txt").read_bytes()
