"""The part of the facade that is about layers: which there are, in which order, and what they hide.

What the methods need is imported inside them: `cas ls` opens a repository too, and must start fast.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cas import config as configuration
from cas.layer_settings import DIRECTORY, PACKAGE, REFS
from cas.repo.naming import Naming
from cas.repo.results import HideResult, LayerInfo
from cas.versions import refs
from cas.versions.events import Hidden, Unhidden
from cas.versions.rows import path_bytes

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Collection, Iterator
    from pathlib import Path

    from cas.config import LayerConfig
    from cas.objects.index import Txn
    from cas.repo.hiding import Over, Request
    from cas.repo.layer_changes import Position
    from cas.view.node import Node
    from cas.view.view import View


class Layering(Naming):
    """An open repository whose layers can be changed."""

    def layers(self) -> list[LayerInfo]:
        """List the layers of the view, from the highest priority to the lowest.

        Cost: the rows of every name are counted; of directories nothing is.
        """
        from cas.repo.layer_places import problem, where

        home = self.layout.root.parent

        def describe(txn: Txn, layer: LayerConfig) -> LayerInfo:
            is_refs = layer.kind == REFS
            return LayerInfo(
                name=layer.name,
                kind=layer.kind,
                is_writable=layer.writable,
                where=where(layer, home),
                names=refs.count_names(txn, layer.name) if is_refs else None,
                hidden=sum(1 for _ in refs.iter_whiteouts(txn, layer.name)) if is_refs else None,
                problem=problem(layer, home),
            )

        layers = self._current_layers()
        return self._read(lambda txn: [describe(txn, layer) for layer in layers])

    def add_layer(self, layer: LayerConfig, *, position: Position | None = None) -> None:
        """Add a layer; by default on top of the others, or, if it is a package, below them.

        A layer of refs that was removed comes back with everything that it holds.

        Raises:
            AlreadyExistsError: There is one of that name.
            InvalidError: It is not as its kind must be, is inside of the repository, or where the view is
                mounted, or `config.yaml` cannot be edited.
            NotFoundError: `position` names no layer.
        """
        from cas.repo import layer_changes, layer_places
        from cas.repo.layer_changes import Position

        layer_places.require_unmounted(layer, self.layout)
        layer_places.require_outside(layer, self.layout)
        place = position or (Position.bottom() if layer.kind == PACKAGE else Position.top())
        self._change_layers(lambda _, layers: layer_changes.added(layer, layers, place))

    def remove_layer(self, name: str) -> None:
        """Take a layer out of the view. What is in a directory or a package stays where it is.

        Raises:
            NotFoundError: There is no such layer.
            ConflictError: It holds versions or hides something, or commits would have nowhere to go.
            InvalidError: `config.yaml` cannot be edited.
        """
        from cas.repo import layer_changes

        self._change_layers(lambda txn, layers: layer_changes.removed(txn, name, layers))

    def move_layer(self, name: str, *, position: Position) -> None:
        """Give a layer another priority.

        Raises:
            NotFoundError: There is no such layer, or not the one that `position` names.
            InvalidError: Those are one, or `config.yaml` cannot be edited.
        """
        from cas.repo import layer_changes

        self._change_layers(lambda _, layers: layer_changes.moved(name, layers, position))

    def hide(
        self, path: str | os.PathLike[str], *, layer: str | None = None, opaque: bool = False
    ) -> HideResult:
        """Make the view show nothing at `path`: not what lower layers have, nor what `layer` has now.

        Args:
            path: A path of the view; what is below it is hidden with it.
            layer: Where to note it; by default the uppermost writable layer of refs. In a directory, a file
                is made beside the path: see docs/format/repository.md.
            opaque: Let the path be a directory that shows nothing of lower layers, but all of `layer`.

        Raises:
            InvalidError: The path is none, or is too long.
            NotFoundError: There is no such layer.
            ReadOnlyError: It cannot be written.
            ConflictError: The view would show something there all the same.
        """
        from cas.repo import hiding, whiteout_files
        from cas.view.paths import parse

        layers = self._current_layers()
        request = hiding.Request(parse(path), hiding.target(layers, layer), opaque)
        hiding.check_path(request)
        hiding.require_way(request, self._above(request.path))
        found = self._found(request.path)
        hiding.require_effect(request, found, layers)
        if request.layer.kind == DIRECTORY:
            root = self._root(request.layer)
            is_changed = whiteout_files.make(root, request.path, is_opaque=opaque)
        else:
            is_changed = self._hide(request, is_seen=found is not None)
        is_in_advance = is_changed and found is None and not opaque
        notes = ("nothing is there now",) if is_in_advance else ()
        return HideResult(request.layer.name, request.path, opaque, is_changed, notes)

    def unhide(self, path: str | os.PathLike[str], *, layer: str | None = None) -> HideResult:
        """Undo `hide`.

        Args:
            path: As it was hidden: what is hidden with a directory above is shown with that only.
            layer: Where it was noted; by default the uppermost writable layer that hides the path.

        Raises:
            NotFoundError: It is not hidden, or there is no such layer.
            ReadOnlyError: The layer cannot be written.
        """
        from cas.repo import hiding
        from cas.view.paths import parse

        wanted = parse(path)
        layers = self._current_layers()
        if layer is not None:
            layers = (hiding.target(layers, layer, deed="show anything again"),)
        for one in layers:
            if one.kind == REFS and one.writable:
                is_opaque = self._unhide(one.name, wanted)
            elif one.kind == DIRECTORY and one.writable:
                is_opaque = self._unhide_file(one, wanted)
            else:
                continue
            if is_opaque is not None:
                return HideResult(one.name, wanted, is_opaque, is_changed=True)
        raise hiding.not_hidden(wanted, layer, self._whiteouts_over(wanted, {one.name for one in layers}))

    def _whiteouts_over(self, path: str, names: Collection[str]) -> list[Over]:
        from cas.repo.hiding import Over

        layers = [one for one in self.view().layers if one.name in names]
        return self._read(
            lambda txn: [
                Over(one.name, found, one.is_writable)
                for one in layers
                for found in one.whiteouts_over(path, at=txn)
            ]
        )

    def _current_layers(self) -> tuple[LayerConfig, ...]:
        """Read what `config.yaml` says now: another process may have changed it, and the view looks, too."""
        self.config = configuration.load(self.layout)
        return self.config.layers

    def _root(self, layer: LayerConfig) -> Path:
        """Say where a directory is for the view, which a program may have told of another one."""
        (root,) = (one.root for one in self.view().layers if one.name == layer.name)
        assert root is not None, "a directory layer is somewhere"
        return root

    def _found(self, path: str) -> Node | None:
        return _find(self.view(), path)

    def _above(self, path: str) -> Iterator[tuple[str, Node | None]]:
        """Iterate over the paths above one, from the top, and what the view shows there."""
        from cas.view.paths import components

        parts = components(path)
        for count in range(1, len(parts)):
            above = "/".join(parts[:count])
            yield above, self._found(above)

    def _hide(self, request: Request, *, is_seen: bool) -> bool:
        """Note a whiteout among the refs, unless one hides all there is already; whether it was noted."""
        event = Hidden(request.layer.name, path_bytes(request.path), request.is_opaque)

        def change(txn: Txn) -> bool:
            old = refs.whiteout(txn, request.layer.name, request.path)
            is_same = old is not None and old.is_opaque == request.is_opaque
            if is_same and (request.is_opaque or not is_seen):
                return False
            self._ledger.record(txn, [event], self._clock_ns())
            return True

        return self._write(change)

    def _unhide(self, layer: str, path: str) -> bool | None:
        """Take a whiteout from among the refs; whether it was opaque, or None if there is none."""

        def change(txn: Txn) -> bool | None:
            old = refs.whiteout(txn, layer, path)
            if old is None:
                return None
            self._ledger.record(txn, [Unhidden(layer, path_bytes(path))], self._clock_ns())
            return old.is_opaque

        is_there = self._read(lambda txn: refs.whiteout(txn, layer, path)) is not None
        return self._write(change) if is_there else None  # looking at other layers needs no right to write

    def _unhide_file(self, layer: LayerConfig, path: str) -> bool | None:
        from cas.repo import whiteout_files

        root = self._root(layer)
        is_opaque = whiteout_files.find(root, path)
        if is_opaque is not None:
            whiteout_files.remove(root, path, is_opaque=is_opaque)
            others = self._view_without(layer)
            whiteout_files.prune(
                root, path, is_opaque=is_opaque, is_needless=lambda path: _is_directory(others, path)
            )
        return is_opaque

    def _view_without(self, layer: LayerConfig) -> View:
        from cas.view.view import View

        others = [one for one in self.view().layers if one.name != layer.name]
        return View(lambda: others, index=self._index)

    def _change_layers(
        self, change: Callable[[Txn, tuple[LayerConfig, ...]], tuple[LayerConfig, ...]]
    ) -> None:
        from cas.repo import layer_changes

        def edit(txn: Txn) -> None:
            text = configuration.read(self.layout)
            config = configuration.parse(self.layout, text)
            layers = change(txn, config.layers)
            self.config = layer_changes.write(self.layout, text, config, layers)

        self._write(edit)


def _find(view: View, path: str) -> Node | None:
    from cas.view.errors import ResourceNotFound

    try:
        return view.find(path)
    except ResourceNotFound:
        return None


def _is_directory(view: View, path: str) -> bool:
    node = _find(view, path)
    return node is not None and node.is_directory
