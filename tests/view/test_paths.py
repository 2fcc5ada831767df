"""Paths of the view, and the errors of lookups."""

from __future__ import annotations

import errno
import os
import pickle
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import cas
from cas.errors import InvalidError, NotFoundError
from cas.view.errors import FileInTheWay, ResourceNotFound
from cas.view.paths import parse


@pytest.mark.parametrize(
    ("parts", "path"),
    [
        ((), ""),
        (("",), ""),
        (("/",), ""),
        (("/config/x",), "config/x"),
        (("file.txt/",), "file.txt"),
        (("a//b", "/c/"), "a/b/c"),
        ((Path("a") / "b", "c"), "a/b/c"),
        ((Path("./a"),), "a"),
        (("\udcff",), "\udcff"),
        (("...", "..a"), ".../..a"),
    ],
)
def test_slashes_at_the_ends_mean_nothing(parts: tuple[str | Path, ...], path: str) -> None:
    """As the original has it: a path is one of the view, never one of the host."""
    assert parse(*parts) == path


@pytest.mark.parametrize(
    "path", ["..", "a/../b", "../a", "a/..", ".", "a/./b", "a\0b", "\ud800", Path("../a")]
)
def test_what_leads_out_is_refused(path: str | Path) -> None:
    """`..` escaped from both functions of the original."""
    with pytest.raises(InvalidError) as caught:
        parse(path)

    assert caught.value.code == "bad-path"


@given(parts=st.lists(st.text("ab/.", max_size=4), max_size=4))
def test_a_path_is_relative_and_parses_to_itself(parts: list[str]) -> None:
    """Whatever is accepted is one way of writing one path, and none that leads anywhere else."""
    try:
        path = parse(*parts)
    except InvalidError:
        assert {".", ".."} & set("/".join(parts).split("/"))
        return

    assert parse(path) == path
    assert not os.path.isabs(path)
    assert os.path.normpath(path) == (path or ".")


def test_not_found_is_an_error_of_the_operating_system() -> None:
    """Programs that were written for the original catch OSError; others, FileNotFoundError or ours."""
    error = ResourceNotFound('cannot find "a/b"', code="resource-not-found")

    assert isinstance(error, (OSError, FileNotFoundError))
    assert isinstance(error, FileNotFoundError)
    assert isinstance(error, NotFoundError)
    assert error.errno == errno.ENOENT
    assert cas.ResourceNotFound is ResourceNotFound


@pytest.mark.parametrize(
    "error",
    [
        ResourceNotFound("what", code="path-leaves-layer", why="w", hint="h"),
        FileInTheWay("what", code="file-in-the-way"),
    ],
)
def test_errors_survive_pickling(error: ResourceNotFound | FileInTheWay) -> None:
    """An error that cannot cross a process boundary hangs a pool."""
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own

    assert type(again) is type(error)
    assert again.as_dict() == error.as_dict()
    assert again.errno == error.errno
    assert str(again) == str(error)
