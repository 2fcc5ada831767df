"""Whoever asks for what is hidden is told so, by which layer, and how it is shown again."""

from __future__ import annotations

import io
import shlex
from typing import TYPE_CHECKING

import pytest

from cas.config import LayerConfig
from cas.repo import Repository
from cas.repo.layer_changes import Position
from cas.view.errors import ResourceNotFound

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from cas.view.view import View


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[Repository]:
    """One with the names `data/a b` and `data/c`, over a directory that has `low`."""
    with Repository.init(tmp_path / "home") as repository:
        low = LayerConfig("low", "directory", path=str(tmp_path / "low"))
        repository.add_layer(low, position=Position.bottom())
        repository.commit("data/a b", io.BytesIO(b"x"))
        repository.commit("data/c", io.BytesIO(b"x"))
        (tmp_path / "low").mkdir()
        (tmp_path / "low" / "low").write_bytes(b"x")
        yield repository


ASKING: dict[str, Callable[[View, str], object]] = {
    "path": lambda view, path: view.get_resource_path(path),
    "find": lambda view, path: view.find(path),
    "which": lambda view, path: view.which(path),
    "list": lambda view, path: list(view.list(path)),
}


@pytest.mark.parametrize("ask", ASKING.values(), ids=ASKING)
@pytest.mark.parametrize(
    ("hidden", "path"), [("data/a b", "data/a b"), ("data", "data/c"), ("low", "low"), ("low", "low/below")]
)
def test_what_is_hidden_says_so(
    repository: Repository, ask: Callable[[View, str], object], hidden: str, path: str
) -> None:
    """However it is asked for; the hint is the command that undoes it."""
    repository.hide(hidden)

    with pytest.raises(ResourceNotFound) as caught:
        ask(repository.view(), path)

    assert f"'{hidden}' is hidden in layer 'main'" == caught.value.why
    assert f"cas unhide --layer main {shlex.quote(hidden)}" == caught.value.hint


@pytest.mark.parametrize("ask", ASKING.values(), ids=ASKING)
def test_what_is_not_there_is_not_called_hidden(
    repository: Repository, ask: Callable[[View, str], object]
) -> None:
    """Be it beside something hidden."""
    repository.hide("data/a b")

    for path in ("data/d", "missing"):
        with pytest.raises(ResourceNotFound) as caught:
            ask(repository.view(), path)
        assert "no layer has it" == caught.value.why


def test_a_hidden_version_is_still_read_by_its_name(repository: Repository) -> None:
    """A whiteout is about the view: `cas cat` and `cas checkout` of a name need none of this."""
    repository.hide("data")

    assert b"x" == repository.read("data/c")
