"""Content of refs layers as paths: what a view asks of the materialiser."""

from __future__ import annotations

import os
import shlex
import threading
from typing import TYPE_CHECKING

from cas.ids import Kind
from cas.objects.tree import Entry
from cas.worktree.reserved import is_reserved, refused

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cas.view.layer import Folder
    from cas.view.node import Node
    from cas.worktree import folders
    from cas.worktree.materialise import Materialiser


class Stored:
    """A materialiser that is made when it is first needed: most lookups need none. Safe for threads."""

    def __init__(self, make: Callable[[], Materialiser]) -> None:
        self._make = make
        self._made: Materialiser | None = None
        self._lock = threading.Lock()

    def close(self) -> None:
        """Give up what was handed out."""
        with self._lock:
            if self._made is not None:
                self._made.close()
                self._made = None

    def path(self, node: Node, folder: Folder | None) -> Path:
        """Put what a node shows on the disk, unless it is there.

        With a directory in which symlinks lead to its neighbours, all of its version.

        Args:
            node: A file or directory of refs.
            folder: The directory, where no stored tree is all of it.

        Raises:
            InvalidError: It would pass for a repository.
            CasError: As of `Materialiser.file`.
        """
        materialiser, name = self._materialiser, os.fsencode(node.basename)
        if is_reserved(name):
            raise refused(node.path, hint=f"cas hide {shlex.quote(node.path)}")
        if folder is not None:
            return materialiser.folder(_entries(folder), name)
        assert node.content is not None, "what is stored has an id"
        if _needs_whole(materialiser, node):
            return materialiser.tree(*_whole(node)) / node.inner
        if node.is_directory:
            return materialiser.tree(node.content, name)
        return materialiser.file(node.content, node.kind, node.size, name)

    def find(self, node: Node) -> Path | None:
        """Say where it is on the disk, if it is."""
        if node.content is None or node.kind is Kind.SYMLINK:
            return None
        if _needs_whole(self._materialiser, node):
            tree, name = _whole(node)
            top = self._materialiser.find(tree, Kind.DIRECTORY, name)
            return None if top is None else top / node.inner
        return self._materialiser.find(node.content, node.kind, os.fsencode(node.basename))

    @property
    def _materialiser(self) -> Materialiser:
        with self._lock:
            if self._made is None:
                self._made = self._make()
            return self._made


def _needs_whole(materialiser: Materialiser, node: Node) -> bool:
    return node.whole is not None and materialiser.leads_out(node.whole, os.fsencode(node.inner))


def _whole(node: Node) -> tuple[bytes, bytes]:
    """Give the tree of the version that a node is in, and what its directory is called."""
    assert node.whole is not None, "asked before"
    assert node.name is not None, "what is in a version has a name"
    return node.whole, os.fsencode(node.name.rpartition("/")[2])


def _entries(folder: Folder) -> folders.Folder:
    found: dict[bytes, Entry | folders.Folder] = {}
    for node in folder.children():
        name = os.fsencode(node.basename)
        if node.content is None:
            found[name] = _entries(folder.enter(node.basename))
        else:
            found[name] = Entry.of(name, node.kind, node.size or 0, node.content)
    return found
