"""Content of refs layers as paths: what a view asks of the materialiser."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

from cas.ids import Kind
from cas.objects.tree import Entry

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

        Args:
            node: A file or directory of refs.
            folder: The directory, where no stored tree is all of it.
        """
        materialiser, name = self._materialiser, os.fsencode(node.basename)
        if folder is not None:
            return materialiser.folder(_entries(folder), name)
        assert node.content is not None, "what is stored has an id"
        if node.is_directory:
            return materialiser.tree(node.content, name)
        return materialiser.file(node.content, node.kind, node.size, name)

    def find(self, node: Node) -> Path | None:
        """Say where it is on the disk, if it is."""
        if node.content is None or node.kind is Kind.SYMLINK:
            return None
        return self._materialiser.find(node.content, node.kind, os.fsencode(node.basename))

    @property
    def _materialiser(self) -> Materialiser:
        with self._lock:
            if self._made is None:
                self._made = self._make()
            return self._made


def _entries(folder: Folder) -> folders.Folder:
    found: dict[bytes, Entry | folders.Folder] = {}
    for node in folder.children():
        name = os.fsencode(node.basename)
        if node.content is None:
            found[name] = _entries(folder.enter(node.basename))
        else:
            found[name] = Entry.of(name, node.kind, node.size or 0, node.content)
    return found
