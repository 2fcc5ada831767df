"""What is missing comes back when it is committed again, and nothing is called stored that is not."""

from __future__ import annotations

import multiprocessing
import pickle
from typing import TYPE_CHECKING

import pytest

import cas
from cas import errors

if TYPE_CHECKING:
    from pathlib import Path


def lose_packs(repository: cas.Repository) -> None:
    """Delete every pack, as a careless hand or a broken disk would."""
    for pack in repository.layout.packs.rglob("*.pack"):
        pack.unlink()


def test_committing_again_brings_lost_bytes_back(tmp_path: Path) -> None:
    """`verify` tells people to commit the source again; the same version must become whole by it."""
    source = tmp_path / "f"
    source.write_text("one")
    with cas.Repository.init(tmp_path) as repository:
        repository.commit("a", source)
        lose_packs(repository)

        result = repository.commit("a", source)

        assert cas.Outcome.UNCHANGED is result.outcome
        assert b"one" == repository.read("a")
        repository.gc()
        assert () == repository.verify().problems


def test_a_commit_does_not_count_on_a_pack_that_is_gone(tmp_path: Path) -> None:
    """A row of the index is no proof of bytes: a commit that exits 0 can be read back."""
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "f").write_text("one")
    with cas.Repository.init(tmp_path) as repository:
        repository.commit("a", folder)
        lose_packs(repository)

        repository.commit("b", folder)

        assert b"one" == repository.read("b", "f")


def test_a_pack_that_was_cut_short_is_not_counted_on(tmp_path: Path) -> None:
    """A truncated file is as little proof as a missing one."""
    source = tmp_path / "f"
    source.write_bytes(b"one" * 1000)
    with cas.Repository.init(tmp_path) as repository:
        repository.commit("a", source)
        (pack,) = repository.layout.packs.rglob("*.pack")
        pack.chmod(0o644)
        pack.write_bytes(pack.read_bytes()[:40])

        repository.commit("b", source)

        assert b"one" * 1000 == repository.read("b")


def test_a_closed_repository_says_so(tmp_path: Path) -> None:
    """Use after close is our error and not LMDB's, also while another object has the index open."""
    first = cas.Repository.init(tmp_path)
    with cas.Repository.open(tmp_path):
        first.close()
        first.close()

        with pytest.raises(cas.InvalidError) as caught:
            first.names()

    assert "repository-closed" == caught.value.code


def _read_in_child(home: str) -> bytes:
    with cas.Repository.open(home) as repository:
        return repository.read("a")


def test_a_forked_child_opens_the_repository_itself(tmp_path: Path) -> None:
    """Pools fork while the parent has the repository open; LMDB must not be carried over."""
    source = tmp_path / "f"
    source.write_text("one")
    with cas.Repository.init(tmp_path) as repository:
        repository.commit("a", source)

        with multiprocessing.get_context("fork").Pool(1) as pool:
            assert b"one" == pool.apply(_read_in_child, (str(tmp_path),))


@pytest.mark.parametrize("name", [name for name in dir(errors) if name.endswith("Error")])
def test_every_error_survives_pickling(name: str) -> None:
    """An error that cannot be unpickled makes a multiprocessing pool hang for ever."""
    error = getattr(errors, name)("what", code="some-code", why="why", hint="hint")

    back = pickle.loads(pickle.dumps(error))  # noqa: S301 - it is our own

    assert type(error) is type(back)
    assert error.as_dict() == back.as_dict()
