"""Committing again mends what was lost: a row of the index is no proof that the bytes are there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cas.errors import CorruptError
from cas.repo.results import Outcome
from tests.objects.stores import noise, pack_files

if TYPE_CHECKING:
    from pathlib import Path

    from cas.repo import Repository

LARGE, SMALL = noise("large", 400_000), b"some bytes"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A directory with a file of many chunks and one of few bytes."""
    folder = tmp_path / "source"
    (folder / "deeper").mkdir(parents=True)
    (folder / "large").write_bytes(LARGE)
    (folder / "deeper" / "small").write_bytes(SMALL)
    return folder


def damage(pack: Path, how: str) -> None:
    """Lose a pack, or the end of it."""
    pack.chmod(0o644)
    if how == "lost":
        pack.unlink()
    else:
        with pack.open("r+b") as file:
            file.truncate(50)


@pytest.mark.parametrize("how", ["lost", "cut short"])
def test_the_same_commit_stores_again_what_is_not_there(
    repository: Repository, home: Path, source: Path, how: str
) -> None:
    """It is the same version, and now it can be read again."""
    repository.commit("data", source, properties={"n": 1})
    (pack,) = pack_files(repository.layout)
    repository.close()
    damage(pack, how)

    with type(repository).open(home) as again:
        with pytest.raises(CorruptError):
            again.read("data", "large")
        result = again.commit("data", source, properties={"n": 1})

        assert Outcome.UNCHANGED is result.outcome
        assert result.new_objects > 0
        assert LARGE == again.read("data", "large")
        assert SMALL == again.read("data", "deeper/small")


def test_another_commit_does_not_count_on_what_is_not_there(
    repository: Repository, home: Path, source: Path
) -> None:
    """The index says that the bytes are known; a new version of them must be whole all the same."""
    repository.commit("data", source, properties={"n": 1})
    (pack,) = pack_files(repository.layout)
    repository.close()
    damage(pack, "lost")

    with type(repository).open(home) as again:
        again.commit("more", source, properties={"n": 2})

        assert LARGE == again.read("more", "large")
        assert SMALL == again.read("more", "deeper/small") == again.read("data", "deeper/small")
