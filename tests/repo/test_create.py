"""Making and opening a repository: all of it or nothing, and never the wrong one."""

from __future__ import annotations

import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from cas import Repository
from cas.errors import AlreadyExistsError, CasError, CorruptError, InvalidError, NotFoundError
from cas.testing import faults

if TYPE_CHECKING:
    from pathlib import Path


def test_a_new_repository_is_empty(home: Path) -> None:
    """Nothing is listed, nothing has happened, and only `.cas` was made."""
    with Repository.init(home) as repository:
        assert [] == repository.names()
        assert [] == repository.log()
        assert [] == repository.status()
        assert [] == repository.find({})
    assert [".cas"] == os.listdir(home)


def test_directories_above_are_made(tmp_path: Path) -> None:
    """`cas init new/project` needs no `mkdir`."""
    Repository.init(tmp_path / "new" / "project").close()

    assert (tmp_path / "new" / "project" / ".cas").is_dir()


def test_there_is_one_repository_in_a_directory(home: Path, file: Path) -> None:
    """A second `init` changes nothing of the first."""
    with Repository.init(home) as repository:
        repository.commit("notes", file)

        with pytest.raises(AlreadyExistsError) as caught:
            Repository.init(home)

        assert "repository-exists" == caught.value.code
        assert b"first\n" == repository.read("notes")
    assert [".cas"] == os.listdir(home)


def test_what_is_in_the_way_stays(home: Path) -> None:
    """A file called `.cas` is somebody's, whatever it is."""
    home.mkdir()
    (home / ".cas").write_text("mine")

    with pytest.raises(AlreadyExistsError) as caught:
        Repository.init(home)

    assert "mine" == (home / ".cas").read_text()
    assert "something else is there" in str(caught.value.why)
    assert "cas ls" not in str(caught.value.hint)


@pytest.mark.parametrize("below", [".", "sub", "packs/ab", "new/sub"])
def test_a_repository_holds_no_other(home: Path, repository: Repository, tmp_path: Path, below: str) -> None:
    """What is under `.cas` is `cas`'s own, and gc tidies up there; a link into it is no way round."""
    before = sorted(repository.layout.root.rglob("*"))
    (tmp_path / "link").symlink_to(repository.layout.root)

    for where in (home / ".cas" / below, tmp_path / "link" / below):
        with pytest.raises(InvalidError) as caught:
            Repository.init(where)
        assert "inside-repository" == caught.value.code

    assert before == sorted(repository.layout.root.rglob("*"))


def test_a_repository_may_be_below_another(home: Path, repository: Repository) -> None:
    """Beside its `.cas`, as with git."""
    Repository.init(home / "inner").close()

    with Repository.discover(home / "inner") as inner:
        assert inner.config != repository.config


def test_what_is_only_called_so_is_in_nobodys_way(tmp_path: Path) -> None:
    """A directory `.cas` of another program is no repository."""
    (tmp_path / ".cas" / "sub").mkdir(parents=True)

    Repository.init(tmp_path / ".cas" / "sub").close()

    assert (tmp_path / ".cas" / "sub" / ".cas" / "config.yaml").is_file()


def test_a_directory_that_is_a_file_is_an_error(tmp_path: Path) -> None:
    """The operating system says so; `cas` says what it was about to do."""
    (tmp_path / "file").touch()

    with pytest.raises(CasError, match="cannot make a repository"):
        Repository.init(tmp_path / "file" / "below")


@pytest.mark.parametrize("step", ["file.written", "file.renamed"])
def test_a_failure_leaves_no_half_of_a_repository(home: Path, step: str) -> None:
    """It is put together under another name, which goes too."""
    with faults.failing_at(step, OSError("disk on fire")), pytest.raises(CasError):
        Repository.init(home)

    assert [] == os.listdir(home)
    Repository.init(home).close()


def test_of_many_who_begin_at_once_one_succeeds(home: Path) -> None:
    """The others are told that there is one, and it is whole."""

    def begin(_: int) -> str:
        try:
            Repository.init(home).close()
        except AlreadyExistsError as error:
            return error.code
        return "made"

    with ThreadPoolExecutor(4) as pool:
        said = sorted(pool.map(begin, range(4)))

    assert ["made"] + ["repository-exists"] * 3 == said
    assert [".cas"] == os.listdir(home)
    Repository.open(home).close()


@pytest.mark.parametrize("path", ["", ".cas"])
def test_a_repository_is_opened_by_its_directory_or_itself(
    home: Path, repository: Repository, file: Path, path: str
) -> None:
    """Both are what people type."""
    repository.commit("notes", file)

    with Repository.open(home / path) as opened:
        assert b"first\n" == opened.read("notes")
        assert home / ".cas" == opened.layout.root


def test_the_nearest_repository_above_is_discovered(home: Path, repository: Repository) -> None:
    """Commands work in every directory below it."""
    (home / "a" / "b").mkdir(parents=True)

    with Repository.discover(home / "a" / "b") as opened:
        assert repository.config == opened.config


def test_what_is_no_repository_is_not_opened(tmp_path: Path) -> None:
    """Nor is one made on the way."""
    for search in (Repository.open, Repository.discover):
        with pytest.raises(NotFoundError) as caught:
            search(tmp_path)
        assert "no-repository" == caught.value.code
    assert [] == os.listdir(tmp_path)


def test_a_newer_format_is_refused(home: Path, repository: Repository) -> None:
    """Before its index is looked at, which could be anything."""
    config = repository.layout.config
    config.write_text(config.read_text().replace("format: 1", "format: 2"))
    shutil.rmtree(repository.layout.packs)

    with pytest.raises(InvalidError) as caught:
        Repository.open(home)

    assert "newer-format" == caught.value.code


def test_a_lost_index_is_never_an_empty_repository(home: Path, file: Path) -> None:
    """It is rebuilt by `recover`, and everything is there again."""
    with Repository.init(home) as repository:
        repository.commit("notes", file, tag="v1")
    shutil.rmtree(home / ".cas" / "index")

    with pytest.raises(CorruptError) as caught:
        Repository.open(home)

    assert "index-missing" == caught.value.code
    assert "cas recover" in str(caught.value.hint)
    Repository.recover(home)
    with Repository.open(home) as recovered:
        assert b"first\n" == recovered.read("notes@v1")


def test_a_repository_can_be_moved(home: Path, file: Path, tmp_path: Path) -> None:
    """It knows no path of its own."""
    with Repository.init(home) as repository:
        repository.commit("notes", file)
    home.rename(tmp_path / "elsewhere")

    with Repository.open(tmp_path / "elsewhere") as moved:
        assert b"first\n" == moved.read("notes")
        moved.commit("more", file)


def test_closing_twice_closes_nobody_elses(home: Path, repository: Repository, file: Path) -> None:
    """Both use one index; a second `close` of one gave up the other's use of it."""
    opened = Repository.open(home)

    opened.close()
    opened.close()

    repository.commit("notes", file)
    assert b"first\n" == repository.read("notes")
