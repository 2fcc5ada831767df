"""Where a repository is found: from its directory, from itself, from anywhere below, and nowhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cas.errors import NotFoundError
from cas.ids import PackId
from cas.layout import Layout
from tests import children
from tests.processes import printed

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A directory with a repository of which only the configuration matters here."""
    (tmp_path / "home" / ".cas").mkdir(parents=True)
    (tmp_path / "home" / ".cas" / "config.yaml").touch()
    return tmp_path / "home"


@pytest.mark.parametrize("named", ["home", "home/.cas", "home/.cas/", "home/./"])
def test_a_repository_is_named_by_its_directory_or_itself(home: Path, named: str) -> None:
    """Both are what people type."""
    assert home / ".cas" == Layout.at(home.parent / named).root


def test_a_relative_path_becomes_absolute(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that changes its directory afterwards still has the same repository."""
    monkeypatch.chdir(home.parent)

    layout = Layout.at(home.relative_to(home.parent))

    monkeypatch.chdir(home)
    assert home / ".cas" == layout.root
    assert layout.config.is_file()


def test_the_nearest_repository_above_is_found(home: Path) -> None:
    """As git does it: commands work in any directory below, and an inner repository hides an outer one."""
    deep = home / "a" / "b"
    (deep / ".cas").mkdir(parents=True)
    (deep / ".cas" / "config.yaml").touch()
    (deep / "c").mkdir()

    assert home / ".cas" == Layout.find(home).root
    assert home / ".cas" == Layout.find(home / "a").root
    assert deep / ".cas" == Layout.find(deep / "c").root
    assert home / ".cas" == Layout.find(home / ".cas").root


def test_above_is_not_searched_when_a_directory_is_named(home: Path) -> None:
    """`--repo DIR` means that one."""
    (home / "a").mkdir()

    with pytest.raises(NotFoundError) as caught:
        Layout.at(home / "a")

    assert "no-repository" == caught.value.code
    assert "cas init" in str(caught.value.hint)


@pytest.mark.parametrize("there", [["packs", "journal"], ["packs", "index"], ["journal", "index"]])
def test_a_repository_without_its_configuration_is_one(tmp_path: Path, there: list[str]) -> None:
    """It lost a file, and `cas recover` must find it; "run `cas init`" would be the wrong advice."""
    for folder in there:
        (tmp_path / "home" / ".cas" / folder).mkdir(parents=True)

    for search in (Layout.at, Layout.find):
        assert tmp_path / "home" / ".cas" == search(tmp_path / "home").root
    assert tmp_path / "home" / ".cas" == Layout.at(tmp_path / "home" / ".cas").root


@pytest.mark.parametrize("there", [["packs"], ["journal"], ["index"], []])
def test_a_part_alone_is_no_repository(tmp_path: Path, there: list[str]) -> None:
    """Many things are called `index`, and many a directory has a `config.yaml` of somebody else's."""
    for folder in there:
        (tmp_path / ".cas" / folder).mkdir(parents=True)
    (tmp_path / "config.yaml").touch()

    for search in (Layout.at, Layout.find):
        with pytest.raises(NotFoundError) as caught:
            search(tmp_path)
        assert "no-repository" == caught.value.code


def test_a_repository_under_another_name_is_known_by_two_parts(home: Path) -> None:
    """A copy of a `.cas` for keeping, say; its configuration alone would not be enough."""
    (home / ".cas").rename(home / "copy")
    with pytest.raises(NotFoundError):
        Layout.at(home / "copy")

    (home / "copy" / "packs").mkdir()

    assert home / "copy" == Layout.at(home / "copy").root


@pytest.mark.parametrize("what", ["nothing", "an empty .cas", "a file .cas", "no such directory"])
def test_what_is_no_repository_is_not_found(tmp_path: Path, what: str) -> None:
    """Half a repository, left by something else than us, is none."""
    if what == "an empty .cas":
        (tmp_path / ".cas").mkdir()
    elif what == "a file .cas":
        (tmp_path / ".cas").touch()
    here = tmp_path / "absent" if what == "no such directory" else tmp_path

    for search in (Layout.at, Layout.find):
        with pytest.raises(NotFoundError) as caught:
            search(here)
        assert "no-repository" == caught.value.code
        assert str(here) in caught.value.what


def test_a_repository_that_may_not_be_looked_at_is_not_called_missing(public: Path) -> None:
    """`cas init` beside it would be the wrong advice."""
    root = public / ".cas"
    root.mkdir()
    (root / "config.yaml").touch()
    root.chmod(0)

    said = printed(children.look_for_a_repository, public)

    root.chmod(0o700)
    assert "ReadOnlyError permission-denied\n" * 2 == said


def test_a_pack_is_filed_by_its_first_byte(home: Path) -> None:
    """One directory of a hundred thousand files is slow on some file systems."""
    pack = PackId(bytes.fromhex("ab" + "0" * 62))

    assert home / ".cas" / "packs" / "ab" / f"{pack}.pack" == Layout.at(home).pack(pack)


def test_no_two_parts_share_a_place(home: Path) -> None:
    """Each has a name of its own inside `.cas`."""
    layout = Layout.at(home)
    parts = [getattr(layout, name) for name, value in vars(Layout).items() if isinstance(value, property)]

    assert len(set(parts)) == len(parts)
    assert {layout.root} == {part.parent for part in parts}
