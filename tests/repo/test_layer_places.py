"""Where a directory layer may be: anywhere but in a repository, and above one without showing it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cas.config import LayerConfig
from cas.errors import InvalidError
from cas.repo.layer_changes import Position
from cas.view.errors import ResourceNotFound

if TYPE_CHECKING:
    from cas import Repository


@pytest.mark.parametrize("inside", [".", "hooks", "not/there"])
def test_the_repository_is_no_layer_of_its_own(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, inside: str
) -> None:
    """What is put into a layer would become code that it runs; a symlink to it is no way round."""
    (tmp_path / "link").symlink_to(repository.layout.root)
    before = repository.layout.config.read_bytes()
    monkeypatch.chdir(repository.layout.root)

    for path in (repository.layout.root / inside, tmp_path / "link" / inside):
        with pytest.raises(InvalidError) as caught:
            repository.add_layer(LayerConfig("x", "directory", path=os.fspath(path)))
        assert "inside-repository" == caught.value.code
    with pytest.raises(InvalidError) as caught:
        repository.add_layer(LayerConfig("x", "directory", path=f"$(cwd)/{inside}"))
    assert "inside-repository" == caught.value.code
    assert before == repository.layout.config.read_bytes()


def test_a_layer_above_the_repository_never_shows_it(repository: Repository, home: Path) -> None:
    """Not by its name, not by a symlink to it, and in no list."""
    (home / "file").write_text("x")
    (home / "link").symlink_to(repository.layout.root / "config.yaml")
    repository.add_layer(LayerConfig("here", "directory", path="."), position=Position.bottom())
    view = repository.view()

    for path in (".cas", ".cas/config.yaml", "link"):
        with pytest.raises(ResourceNotFound):
            view.get_resource_path(path)
    assert ["file", "link"] == [node.path for node in view.walk() if node.layer == "here"]
    assert home / "file" == view.get_resource_path("file")


def test_the_root_of_the_file_system_may_be_a_layer(repository: Repository, tmp_path: Path) -> None:
    """Paths in it begin with one slash, and a symlink to an absolute path is inside."""
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    repository.add_layer(LayerConfig("all", "directory", path="/"), position=Position.top())
    view = repository.view()

    assert [os.fspath(tmp_path / name) for name in ("", "file", "link")] == [
        os.fspath(view.get_resource_path(tmp_path / name)) for name in ("", "file", "link")
    ]
    assert Path("/") == view.get_resource_path("")
