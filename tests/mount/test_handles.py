"""Open files: whether the kernel may use the pages that it has of a path."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import pytest

from cas.ids import Kind
from cas.mount.handles import Handle, Handles, HostReader
from cas.mount.item import Item

if TYPE_CHECKING:
    from pathlib import Path


def opened(handles: Handles, path: Path) -> tuple[int, Handle]:
    """Open a file of the host under one path, whatever file it is."""
    return handles.add("/model", Item(Kind.FILE, 3, 0, host=path), HostReader(path))


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """What is there first."""
    path = tmp_path / "old"
    path.write_bytes(b"old")
    return path


@pytest.fixture
def new(tmp_path: Path) -> Path:
    """What is there later."""
    path = tmp_path / "new"
    path.write_bytes(b"new")
    return path


def test_pages_of_the_same_content_are_kept(old: Path) -> None:
    """The first reader fills them, and the others use them, at once or later."""
    handles = Handles()

    first, handle = opened(handles, old)
    assert (handle.is_direct, handle.is_kept) == (False, False)
    second, handle = opened(handles, old)
    assert (handle.is_direct, handle.is_kept) == (False, True)
    handles.close(first)
    handles.close(second)
    _, handle = opened(handles, old)
    assert (handle.is_direct, handle.is_kept) == (False, True)
    handles.close_all()


def test_pages_of_another_content_are_not_used(old: Path, new: Path) -> None:
    """Nobody reads the old one any more: its pages go, and those of the new one stay."""
    handles = Handles()
    handles.close(opened(handles, old)[0])

    number, handle = opened(handles, new)
    handles.close(number)
    _, again = opened(handles, new)

    assert (handle.is_direct, handle.is_kept) == (False, False)
    assert (again.is_direct, again.is_kept) == (False, True)
    handles.close_all()


def test_a_second_content_goes_past_the_pages(old: Path, new: Path) -> None:
    """As long as somebody reads the first, whose pages may come back at any moment."""
    handles = Handles()
    first, _ = opened(handles, old)
    second, handle = opened(handles, new)
    assert handle.is_direct

    handles.close(first)
    _, handle = opened(handles, new)

    assert (handle.is_direct, handle.is_kept) == (False, False), "the pages may still be those of the first"
    assert b"new" == handles[second].reader.read(10, 0)
    handles.close_all()
    assert handles.find(second) is None


def test_a_file_that_was_written_is_another(old: Path) -> None:
    """It has the same name, the same inode and the same length."""
    handles = Handles()
    handles.close(opened(handles, old)[0])

    old.write_bytes(b"OLD")
    os.utime(old, ns=(1, 1))

    assert not opened(handles, old)[1].is_kept
    handles.close_all()


def test_a_pipe_in_the_place_of_a_file_holds_nobody_up(tmp_path: Path) -> None:
    """To open a pipe waits for somebody to write into it, and the whole mount would wait."""
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(OSError, match="no file any more") as caught:
        HostReader(tmp_path / "pipe")

    assert errno.EIO == caught.value.errno
