"""The view: all layers as one virtual directory, in which the uppermost layer wins.

Theory of operation
-------------------
A lookup asks each layer for the whole path, from the top, until one has something there or shuts out those
below. A listing opens the folder in every layer that shows through and merges them (`union`). Both say the
same, because a layer shuts out what is below it in the same way for both.

1. Nothing is remembered about directories and packages: they are looked at each time. What is remembered of
   refs is forgotten with the next transaction on the index, whichever process makes it.
2. A lookup sees one snapshot of the index. A listing sees one for each batch of names, so that it may be as
   slow as its reader: what is committed meanwhile may be in it or not.
3. `find`, `list` and `walk` show symlinks as such. `get_resource_path` follows them, in the layer that has
   them, and takes one that leads nowhere for absent.
4. A symlink of a lower layer counts only where a walk would show it: not under a directory above.
"""

from __future__ import annotations

import os
import shlex
from contextlib import nullcontext, suppress
from typing import TYPE_CHECKING

from cas.errors import InvalidError, ReadOnlyError
from cas.ids import Kind
from cas.layer_settings import DIRECTORY
from cas.view import paths
from cas.view.directory_layer import DirectoryLayer
from cas.view.errors import ResourceNotFound
from cas.view.layer import ABSENT, Seen, Sign
from cas.view.names import look_as_walked, names
from cas.view.node import Named, Node, Which, Whiteout
from cas.view.union import Union, walk
from cas.view.writable import make_directory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from cas.objects.index import Index, Txn
    from cas.view.layer import Folder, Layer
    from cas.view.stored import Stored


class View:
    """The union of layers. Safe to share between threads."""

    def __init__(
        self,
        layers: Callable[[], Sequence[Layer]],
        *,
        index: Index | None = None,
        stored: Stored | None = None,
    ) -> None:
        """Show layers.

        Args:
            layers: Gives them, from the uppermost to the lowest. Asked each time: they may change.
            index: What layers of refs read.
            stored: Puts the content of refs on the disk; without it, such content has no path.
        """
        self._layers = layers
        self._index = index
        self._stored = stored
        self._own_directory: str | None = None

    def close(self) -> None:
        """Let go of what was handed out from the store: it may be deleted from now on."""
        if self._stored is not None:
            self._stored.close()

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers as they are now, from the uppermost to the lowest."""
        layers = tuple(self._layers())
        own = self._own_directory
        if own is None:
            return layers
        at = next((at for at, layer in enumerate(layers) if _is_for_writing(layer)), None)
        name = "runtime" if at is None else layers[at].name
        ours = DirectoryLayer(name, lambda: own)
        return (ours, *layers) if at is None else (*layers[:at], ours, *layers[at + 1 :])

    # ---- what programs ask

    def get_resource_path(self, *parts: str | os.PathLike[str]) -> Path:
        """Return the absolute path of a file or a directory: of the uppermost layer that has it.

        A directory is that of one layer, even where others have more in it: `list` and `walk` show all.
        What is stored is put on the disk, read-only, and found again the next time.

        Args:
            parts: A path of the view, or pieces of one; `/` at either end means nothing.

        Raises:
            ResourceNotFound: No layer has it, or a symlink leads out of its layer.
            InvalidError: A part is `..`, or nothing that a path can be.
            ReadOnlyError: It is stored, not on the disk yet, and the repository cannot be written.
            CorruptError, StorageError: As of any checkout.
        """
        path = paths.parse(*parts)
        node = self._require(path, is_followed=True)
        if node.host is not None:
            return node.host
        if self._stored is None:
            raise self._missing(path)
        return self._stored.path(node, self._folder_of(node) if node.content is None else None)

    def get_resources_writable_directory(self, *parts: str | os.PathLike[str]) -> Path:
        """Return the absolute path of a directory in the uppermost writable directory layer; it is made.

        Nothing of lower layers is copied there.

        Raises:
            ReadOnlyError: There is no such layer, or nothing can be made in it.
            FileInTheWay: Something that is no directory is there, or above.
            ResourceNotFound: A symlink leads out of the layer.
            InvalidError: A part is `..`, or nothing that a path can be.
        """
        return make_directory(self._writable_layer, paths.parse(*parts))

    def set_user_resources_directory(self, path: str | os.PathLike[str]) -> None:
        """Put a directory in the place of the uppermost writable directory layer, or on top if there is none.

        Args:
            path: Made absolute at once. It need not exist.

        Raises:
            InvalidError: It is empty.
        """
        self._own_directory = paths.absolute(path)

    @property
    def writable_root(self) -> Path:
        """The uppermost writable directory layer's directory, as things stand; it need not exist.

        Raises:
            ReadOnlyError: There is no such layer.
        """
        root = self._writable_layer.root
        assert root is not None, "a directory layer is somewhere"
        return root

    # ---- what there is

    def find(self, path: str | os.PathLike[str]) -> Node:
        """Say what is at a path. A symlink is given as such, if it is the last component.

        Raises:
            ResourceNotFound: Nothing is, or a symlink on the way leads out of its layer.
            InvalidError: It is no path.
        """
        return self._require(paths.parse(path), is_followed=False)

    def list(self, path: str | os.PathLike[str] = "") -> Iterator[Node]:
        """Iterate over what is in a directory, merged, in the order of paths.

        Raises:
            ResourceNotFound: Nothing is there.
            InvalidError: It is no directory.
        """
        return self._folder(paths.parse(path)).children()

    def walk(self, path: str | os.PathLike[str] = "") -> Iterator[Node]:
        """Iterate over everything below a directory, merged, each directory before what is in it.

        The order is that of the bytes of paths, with a `/` at the end of directories. Raises as `list`.
        """
        return walk(self._folder(paths.parse(path)))

    def names(self, prefix: str = "") -> Iterator[Named]:
        """Iterate over the names of refs, and the files of other layers, whose paths start with `prefix`.

        Each from the uppermost layer that has it, unless all of it is hidden; in order of bytes.
        """
        return names(self.layers, prefix, self._reading)

    def whiteouts(self, prefix: str = "") -> Iterator[Whiteout]:
        """Iterate over what hides something at paths that start with `prefix`: layer by layer.

        Cost: in layers that are directories it takes a walk.
        """
        for layer in self.layers:
            for key, sign in layer.marks(prefix):
                if sign is Sign.WHITEOUT:
                    path = os.fsdecode(key.removesuffix(b"/"))
                    yield Whiteout(path, layer.name, is_opaque=not path or key.endswith(b"/"))

    def which(self, path: str | os.PathLike[str]) -> Which:
        """Say everything about a path: where it comes from, what it hides, what hides others.

        Raises:
            ResourceNotFound: Nothing is there; says so if a whiteout hides something.
            InvalidError: It is no path.
        """
        parsed = paths.parse(path)
        node = self._require(parsed, is_followed=False)
        target = None
        with suppress(ResourceNotFound):  # a symlink that leads out
            target = self._look(parsed, is_followed=True).node
        below = tuple(one for one in self._in_each_layer(parsed) if one.layer != node.layer)
        return Which(node, target, self._path_now(target), below, self._whiteouts(parsed))

    # ---- how

    def _reading(self) -> AbstractContextManager[Txn | None]:
        return nullcontext() if self._index is None else self._index.read()

    def _require(self, path: str, *, is_followed: bool) -> Node:
        seen = self._look(path, is_followed=is_followed)
        if seen.node is None:
            raise self._missing(path, is_shut_out=seen.is_final)
        return seen.node

    def _look(self, path: str, *, is_followed: bool) -> Seen:
        """Say what the uppermost layer has that has anything, or shuts out those below."""
        layers = self.layers
        covered = 0
        with self._reading() as txn:
            for layer in layers:
                seen = layer.look(path, is_followed=is_followed, covered=covered, at=txn)
                if seen.node is not None or (seen.is_final and path):
                    return seen
                if seen.is_final:
                    break
                covered = max(covered, seen.depth)
        if path:
            return ABSENT
        return Seen(Node("", Kind.DIRECTORY, layers[0].name if layers else ""), is_final=False)

    def _folder(self, path: str) -> Union:
        """Open a directory in every layer in which it shows through."""
        found: list[Folder] = []
        is_there, is_shut_out = not path, False
        covered = 0
        for layer in self.layers:
            seen, folder = layer.open(path, covered=covered)
            if folder is not None:
                found.append(folder)
            elif seen.node is not None and not is_there:
                raise _no_directory(path)
            is_there = is_there or seen.node is not None
            is_shut_out = seen.is_final
            if is_shut_out:
                break
            covered = max(covered, seen.depth)
        if not is_there:
            raise self._missing(path, is_shut_out=is_shut_out)
        return Union(found)

    def _folder_of(self, node: Node) -> Folder:
        """Open a directory in the layer that it is the directory of, alone."""
        for layer in self.layers:
            if layer.name == node.layer:
                folder = layer.open(node.path, covered=0)[1]
                if folder is not None:
                    return folder
        raise self._missing(node.path)  # it went away at this moment

    def _path_now(self, node: Node | None) -> Path | None:
        """Say where something is on the disk, without putting it there."""
        if node is None or node.host is not None or self._stored is None:
            return None if node is None else node.host
        return self._stored.find(node)

    def _in_each_layer(self, path: str) -> Iterator[Node]:
        """Iterate over what each layer has at a path, whatever hides it."""
        layers = self.layers
        with self._reading() as txn:
            for layer in layers:
                node = look_as_walked(layer, path, txn).node
                if node is not None:
                    yield node

    def _whiteouts(self, path: str) -> tuple[tuple[str, str], ...]:
        """List the whiteouts over a path in the uppermost layer that has any, unless something is above."""
        layers = self.layers
        with self._reading() as txn:
            for layer in layers:
                found = tuple((layer.name, one) for one in layer.whiteouts_over(path, at=txn))
                if found or look_as_walked(layer, path, txn).is_final:
                    return found
        return ()

    @property
    def _writable_layer(self) -> Layer:
        found = next(filter(_is_for_writing, self.layers), None)
        if found is None:
            raise ReadOnlyError(
                "cannot find a directory to write to",
                code="no-writable-directory",
                why="the view has no writable layer that is a directory",
                hint="cas layer add NAME --directory PATH",
            )
        return found

    def _missing(self, path: str, *, is_shut_out: bool = False) -> ResourceNotFound:
        """Build the error; only if a layer shuts out those below may a whiteout be what hides the path."""
        hidden = self._whiteouts(path) if is_shut_out else ()
        why, hint = "no layer has it", "`cas ls --files` lists what there is"
        if hidden:
            layer, at = hidden[-1]
            why = f"'{at}' is hidden in layer '{layer}'"
            hint = f"cas unhide --layer {shlex.quote(layer)} {shlex.quote(at)}"
            if not any(one.name == layer and one.is_writable for one in self.layers):
                hint = f"layer '{layer}' is read-only; `cas layer list` says where it is"
        return ResourceNotFound(f'cannot find "{path}"', code="resource-not-found", why=why, hint=hint)


def _is_for_writing(layer: Layer) -> bool:
    return layer.kind == DIRECTORY and layer.is_writable


def _no_directory(path: str) -> InvalidError:
    return InvalidError(
        f"cannot list '{path}'",
        code="not-a-directory",
        why="it is a file",
        hint=f"cas which {shlex.quote(path)}",
    )
