"""What is at the destination of an export, looked at without following links or waiting for pipes."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Final

from blake3 import blake3

from cas import fs
from cas.ids import Kind
from cas.view.directory_folder import kind_of
from cas.worktree.directories import changed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cas.view.node import Node
    from cas.worktree.exports import State

_BLOCK: Final = 1024 * 1024
_READ: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def content_of(node: Node) -> bytes:
    """Return what an entry says of a node: a blob's id, a link's target; nothing for files of the host."""
    if node.kind is Kind.SYMLINK and node.host is not None:
        return os.readlink(os.fsencode(node.host))
    return node.content or b""


def is_same(path: bytes, status: os.stat_result, node: Node) -> bool:
    """Whether what is at `path` is what the view shows there."""
    match node.kind:
        case Kind.DIRECTORY:
            return stat.S_ISDIR(status.st_mode)
        case Kind.SYMLINK:
            return stat.S_ISLNK(status.st_mode) and os.readlink(path) == content_of(node)
        case _:
            is_executable = bool(status.st_mode & stat.S_IXUSR)
            if not stat.S_ISREG(status.st_mode) or is_executable is not (node.kind is Kind.EXECUTABLE):
                return False
            if node.host is not None:
                return _are_equal(path, status, os.fsencode(node.host))
            return node.size in {None, status.st_size} and _hash(path) == node.content


def _are_equal(path: bytes, status: os.stat_result, host: bytes) -> bool:
    with open(open_file(path), "rb", buffering=0) as ours, open(open_file(host), "rb", buffering=0) as theirs:
        their_status = os.fstat(theirs.fileno())
        if os.path.samestat(status, their_status):
            return True
        if status.st_size != their_status.st_size:
            return False
        while block := ours.read(_BLOCK):
            if block != fs.read_exactly(theirs.fileno(), len(block), ours.tell() - len(block)):
                return False
    return True


def _hash(path: bytes) -> bytes:
    hasher = blake3()
    with open(open_file(path), "rb", buffering=0) as file:
        while block := file.read(_BLOCK):
            hasher.update(block)
    return hasher.digest()


def open_file(path: bytes) -> int:
    """Open a regular file for reading; a pipe that took its place keeps nobody waiting."""
    fd = os.open(path, _READ)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise changed(path, "it is no file any more")
    return fd


def is_one_of(path: bytes, status: os.stat_result, states: Sequence[State]) -> bool:
    """Whether something whose `lstat` is `status` is as one of `states` says. Cost: a file is read."""
    kind = kind_of(status.st_mode)
    contents = [state.content for state in states if state.kind is kind]
    if not contents or kind is Kind.DIRECTORY:
        return bool(contents)
    return (os.readlink(path) if kind is Kind.SYMLINK else _hash(path)) in contents
