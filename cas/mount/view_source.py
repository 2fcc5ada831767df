"""The view as a source: the union of all layers, as it is at each moment."""

from __future__ import annotations

import os
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from cas.ids import Kind
from cas.mount import point
from cas.mount.item import Item
from cas.versions import refs
from cas.versions.times import to_microseconds
from cas.view import apart
from cas.view.errors import ResourceNotFound

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from cas.ids import VersionId
    from cas.objects.store import ObjectStore
    from cas.view.layer import Layer
    from cas.view.node import Node
    from cas.view.view import View

_REMEMBERED: Final = 10_000
"""Versions whose time is remembered."""


class ViewSource:
    """Everything that the view has. What is committed, hidden or written into a layer shows at once."""

    is_frozen: Final = False
    size: Final = 0

    def __init__(self, view: View, store: ObjectStore, at: Path, *, now_ns: int) -> None:
        """Show `view` at `at`; `now_ns` is the time of directories that are no version's and no host's.

        Raises:
            InvalidError: `at` is in a layer, or a layer is in it.
        """
        self._shown = view
        self._at = at
        self._root = store.layout.root
        self._layers: Sequence[Layer] = ()
        self._view()
        self._store = store
        self._now_ns = now_ns
        self._made_ns = lru_cache(_REMEMBERED)(self._find_made_ns)

    @property
    def label(self) -> str:
        """By which `cas layer add` knows the mount."""
        return apart.label(self._root)

    def find(self, path: str) -> Item | None:
        """Return what the view has at `path`, symlinks as such."""
        try:
            return self._item(self._view().find(path))
        except (ResourceNotFound, FileNotFoundError, NotADirectoryError):  # the latter two: it went just now
            return None

    def children(self, path: str) -> Iterator[tuple[str, Kind]]:
        """Iterate over the merged names in a directory."""
        return ((node.basename, node.kind) for node in self._view().list(path))

    def _view(self) -> View:
        """Return the view, unless a layer has been added that the mount is in: it would wait for itself."""
        layers = self._shown.layers
        if layers is not self._layers:
            roots = [layer.root for layer in layers if layer.root is not None]
            point.keep_apart(self._at, roots, others=apart.mounts_of(self._root))
            self._layers = layers
        return self._shown

    def _item(self, node: Node) -> Item:
        if node.host is not None:
            status = node.host.lstat()
            size = 0 if node.is_directory else status.st_size
            target = os.fsencode(node.host.readlink()) if node.kind is Kind.SYMLINK else b""
            return Item(node.kind, size, status.st_mtime_ns, target, node.host)
        if node.name is not None and node.version is not None:
            time_ns = self._made_ns(node.layer, node.name, node.version)
        else:
            time_ns = self._now_ns
        if node.is_directory:
            return Item(Kind.DIRECTORY, 0, time_ns)
        assert node.size is not None, "only directories are too much work to measure"
        assert node.content is not None, "what is not the host's is stored"
        return Item(node.kind, node.size, time_ns, node.content)

    def _find_made_ns(self, layer: str, name: str, version: VersionId) -> int:
        with self._store.index.read() as txn:
            found = refs.get(txn, layer, name, version)
        return self._now_ns if found is None else to_microseconds(found.created_at) * 1000
