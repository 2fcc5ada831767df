"""What `cas hide` writes into a directory layer: files that OCI tools know, inside of the layer only."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from cas.errors import ConflictError, InvalidError
from cas.repo import whiteout_files

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Where the layer is, one day."""
    return tmp_path / "layer"


def files(root: Path) -> list[str]:
    """What is there."""
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*"))


def test_a_file_beside_the_path_hides_it(root: Path) -> None:
    """With the directories above it, and once only; an empty one, as the format wants it."""
    assert whiteout_files.make(root, "models/old", is_opaque=False)
    assert not whiteout_files.make(root, "models/old", is_opaque=False)

    assert ["models", "models/.wh.old"] == files(root)
    assert b"" == (root / "models" / ".wh.old").read_bytes()
    assert whiteout_files.find(root, "models/old") is False
    assert whiteout_files.find(root, "models") is None


def test_an_opaque_directory_says_so_itself(root: Path) -> None:
    """By a file in it; the root, too."""
    assert whiteout_files.make(root, "models", is_opaque=True)
    assert whiteout_files.make(root, "", is_opaque=True)
    assert not whiteout_files.make(root, "", is_opaque=True)

    assert [".wh..wh..opq", "models", "models/.wh..wh..opq"] == files(root)
    assert whiteout_files.find(root, "models") is True
    assert whiteout_files.find(root, "") is True


def test_what_is_shown_again_leaves_no_file(root: Path) -> None:
    """Whoever removed it first is no reason to fail."""
    whiteout_files.make(root, "a/b", is_opaque=False)
    whiteout_files.make(root, "a/b", is_opaque=True)

    for is_opaque in (False, True):
        assert is_opaque == whiteout_files.find(root, "a/b")
        whiteout_files.remove(root, "a/b", is_opaque=is_opaque)
        whiteout_files.remove(root, "a/b", is_opaque=is_opaque)

    assert ["a", "a/b"] == files(root)
    assert whiteout_files.find(root, "a/b") is None


@pytest.mark.parametrize("is_opaque", [False, True])
@pytest.mark.parametrize("link", ["in", "out", "deep/in"])
def test_no_whiteout_is_beyond_a_symlink(root: Path, tmp_path: Path, link: str, *, is_opaque: bool) -> None:
    """One that leads out of the layer leads anywhere, and what is beyond one inside has another path."""
    (root / "inside").mkdir(parents=True)
    (root / "deep").mkdir()
    (tmp_path / "outside" / "x").mkdir(parents=True)
    (root / link).symlink_to(tmp_path / "outside" if link == "out" else root / "inside")
    whiteout_files.make(root, "inside/hidden", is_opaque=is_opaque)
    before = files(tmp_path)

    with pytest.raises(ConflictError, match="is a symlink") as caught:
        whiteout_files.make(root, f"{link}/x", is_opaque=is_opaque)
    with pytest.raises(ConflictError, match="is a symlink"):
        whiteout_files.remove(root, f"{link}/hidden", is_opaque=is_opaque)

    assert "cannot-hide" == caught.value.code
    assert whiteout_files.find(root, f"{link}/hidden") is None
    assert whiteout_files.find(root, "inside/hidden") is is_opaque
    assert before == files(tmp_path)


def test_what_cannot_be_made_leaves_no_directories(root: Path) -> None:
    """They would be seen in the view, for nothing."""
    (root / "a").mkdir(parents=True)

    with pytest.raises(InvalidError):
        whiteout_files.make(root, f"a/b/c/{'n' * 255}", is_opaque=False)

    assert ["a"] == files(root)


def test_empty_directories_go_as_far_as_nobody_needs_them(root: Path) -> None:
    """From the innermost to the first that has something in it, or that has to stay, and never the root."""
    whiteout_files.make(root, "a/b/c/d", is_opaque=True)
    whiteout_files.make(root, "x/y/z", is_opaque=False)
    (root / "a" / "kept").touch()
    whiteout_files.remove(root, "a/b/c/d", is_opaque=True)
    whiteout_files.remove(root, "x/y/z", is_opaque=False)

    whiteout_files.prune(root, "a/b/c/d", is_opaque=True, is_needless=lambda path: path != "a/b/c")
    assert ["a", "a/b", "a/b/c", "a/kept", "x", "x/y"] == files(root)
    whiteout_files.prune(root, "a/b/c/d", is_opaque=False, is_needless=lambda _: True)
    whiteout_files.prune(root, "x/y/z", is_opaque=False, is_needless=lambda _: True)

    assert ["a", "a/kept"] == files(root)


@pytest.mark.parametrize("path", ["file/x", "file/x/y", "file"])
def test_below_a_file_there_is_nothing_to_hide(root: Path, path: str) -> None:
    """It hides what lower layers have there by being a file; a name that is too long is told as well."""
    root.mkdir()
    (root / "file").write_text("x")

    with pytest.raises(ConflictError, match="is no directory"):
        whiteout_files.make(root, path, is_opaque=path == "file")
    with pytest.raises(ConflictError, match="is no directory"):
        whiteout_files.make(root / "file", "x", is_opaque=False)
    with pytest.raises(InvalidError) as caught:
        whiteout_files.make(root, "n" * 255, is_opaque=False)

    assert "path-too-long" == caught.value.code
    assert ["file"] == files(root)


@pytest.mark.parametrize("mark", [".wh.NAME", ".wh..wh..opq"])
def test_a_directory_in_the_place_of_a_whiteout_is_not_deleted(root: Path, mark: str) -> None:
    """It hides, by its name, but somebody made it and may have things in it: they are told where it is."""
    place = root / ("x" if "opq" in mark else "") / mark.replace("NAME", "x")
    (place / "kept").mkdir(parents=True)
    is_opaque = whiteout_files.find(root, "x")
    assert is_opaque is not None

    with pytest.raises(ConflictError, match="is a directory") as caught:
        whiteout_files.remove(root, "x", is_opaque=is_opaque)

    assert "whiteout-no-file" == caught.value.code
    assert os.fspath(place) in str(caught.value.hint)
    assert (place / "kept").is_dir()
    assert not whiteout_files.make(root, "x", is_opaque=is_opaque)
