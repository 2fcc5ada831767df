"""What `cas hide` writes into a directory layer: files that OCI tools know, inside of the layer only."""

from __future__ import annotations

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
def test_nothing_is_written_outside_of_the_layer(root: Path, tmp_path: Path, *, is_opaque: bool) -> None:
    """A symlink in the layer may lead anywhere; one that stays inside is followed."""
    (root / "inside").mkdir(parents=True)
    (tmp_path / "outside" / "x").mkdir(parents=True)
    (root / "out").symlink_to(tmp_path / "outside")
    (root / "in").symlink_to("inside")
    before = files(tmp_path / "outside")

    with pytest.raises(ConflictError, match="leads out of the layer") as caught:
        whiteout_files.make(root, "out/x", is_opaque=is_opaque)
    with pytest.raises(ConflictError):
        whiteout_files.remove(root, "out/x", is_opaque=is_opaque)

    assert "cannot-hide" == caught.value.code
    assert before == files(tmp_path / "outside")
    assert whiteout_files.make(root, "in/x", is_opaque=is_opaque)
    assert whiteout_files.find(root, "inside/x") is is_opaque


@pytest.mark.parametrize("path", ["file/x", "file/x/y", "dangling/x"])
def test_below_a_file_there_is_nothing_to_hide(root: Path, path: str) -> None:
    """It hides what lower layers have there by being a file; a name that is too long is told as well."""
    root.mkdir()
    (root / "file").write_text("x")
    (root / "dangling").symlink_to("nowhere")

    with pytest.raises(ConflictError, match="is no directory"):
        whiteout_files.make(root, path, is_opaque=False)
    with pytest.raises(InvalidError) as caught:
        whiteout_files.make(root, "n" * 255, is_opaque=False)

    assert "path-too-long" == caught.value.code
    assert ["dangling", "file"] == files(root)
