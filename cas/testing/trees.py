"""Trees of files as plain values: made up by a test, written to disk, read back and compared."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class File:
    """A regular file."""

    data: bytes = b""
    is_executable: bool = False


@dataclass(frozen=True, slots=True)
class Symlink:
    """A symbolic link; what it points at need not exist."""

    target: bytes


Tree: TypeAlias = "dict[bytes, File | Symlink | Tree]"
"""A directory: raw names → what is there. An empty one counts."""

Node: TypeAlias = "File | Symlink | Tree"


def write_tree(node: Node, path: Path) -> None:
    """Create `node` at `path`, where nothing is."""
    _write(node, os.fsencode(path))


def read_tree(path: Path) -> Node:
    """Read what is at `path`; the inverse of `write_tree`."""
    return _read(os.fsencode(path))


def _write(node: Node, path: bytes) -> None:
    match node:
        case File(data, is_executable):
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o755 if is_executable else 0o644)
            with open(fd, "wb") as file:
                file.write(data)
        case Symlink(target):
            os.symlink(target, path)
        case _:
            os.mkdir(path)
            for name, child in node.items():
                _write(child, os.path.join(path, name))


def _read(path: bytes) -> Node:
    if os.path.islink(path):
        return Symlink(os.readlink(path))
    if os.path.isdir(path):
        return {name: _read(os.path.join(path, name)) for name in os.listdir(path)}
    with open(path, "rb") as file:
        return File(file.read(), is_executable=bool(os.fstat(file.fileno()).st_mode & 0o100))
