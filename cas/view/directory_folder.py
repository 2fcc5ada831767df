"""A folder of the host's, as one of a layer: looked at by `lstat`, whiteout files understood."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from cas import fs
from cas.errors import InvalidError
from cas.ids import Kind
from cas.layer_settings import OPAQUE_MARK, WHITEOUT_PREFIX
from cas.layout import DIRECTORY_NAME
from cas.view.layer import ABSENT, SHUT, Seen, order
from cas.view.node import Node
from cas.view.paths import components, join

if TYPE_CHECKING:
    from collections.abc import Iterator

DOWNLOADS: Final = ".cas-downloads"
"""Where downloads keep what they know and what is not complete."""

_NOTHING_THERE: Final = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})

_MAX_PATH: Final = os.pathconf("/", "PC_PATH_MAX") - 1
"""Bytes of the longest path that the system takes."""

_MAX_NAME: Final = 255
"""Bytes of the longest name that any file system in use takes."""

_SHOWN: Final = 60


def is_ours(name: str) -> bool:
    """Whether a name is never an entry of the view: a whiteout, what downloads keep, a repository."""
    return name.startswith(WHITEOUT_PREFIX) or name in {DOWNLOADS, DIRECTORY_NAME}


def is_mark(path: str) -> bool:
    """Whether there is a whiteout at the path of one: by its name alone, be it a symlink that leads nowhere.

    A listing goes by names as well. `os.path.lexists` says the same, but takes twice as long.
    """
    return os.access(path, os.F_OK, follow_symlinks=False)


class DirectoryFolder:
    """One folder. What `children` has read once, `look` knows."""

    def __init__(self, layer: str, root: str, path: str = "") -> None:
        """Stand for the folder `path` in the directory `root`.

        Args:
            layer: The name of the layer.
            root: Absolute.
            path: In the view, and below the root; no component is a symlink.
        """
        self._layer = layer
        self._root = root
        self._path = path
        self.host: Final = os.path.join(root, path) if path else root
        """Where it is."""
        self._known: dict[str, Node] | None = None
        self._hidden: set[str] = set()

    @property
    def node(self) -> Node:
        """The folder itself."""
        return Node(self._path, Kind.DIRECTORY, self._layer, host=Path(self.host))

    @property
    def has_whiteouts(self) -> bool:
        """Whether names in it are hidden; `children` must have been asked."""
        return bool(self._hidden)

    @property
    def is_opaque(self) -> bool:
        """Whether lower layers show nothing in it."""
        return is_mark(self._place(OPAQUE_MARK))

    def hides(self, name: str) -> bool:
        """Whether there is a whiteout for a name."""
        return is_mark(self._place(WHITEOUT_PREFIX + name))

    def look(self, name: str) -> Seen:
        """Say what is there, and whether a whiteout hides what is below."""
        if is_ours(name):
            return ABSENT
        if self._known is None:
            node, is_hidden = self._node(name, status_of(self._place(name))), self.hides(name)
        else:
            node, is_hidden = self._known.get(name), name in self._hidden
        if node is None:
            return SHUT if is_hidden else ABSENT
        return Seen(node, is_hidden or not node.is_directory or self.enter(name).is_opaque)

    def enter(self, name: str) -> Self:
        """Open a directory."""
        return type(self)(self._layer, self._root, join(self._path, name))

    def children(self) -> Iterator[Node]:
        """Iterate over what is in it: read at once, sorted in memory."""
        known = dict(self._read())
        self._known = known
        yield from sorted(
            known.values(), key=lambda node: order(node.basename, is_directory=node.is_directory)
        )

    def whiteouts(self) -> list[str]:
        """List the names that are hidden in it; `children` must have been asked."""
        return [name for name in self._hidden if not is_ours(name)]

    def anchor(self) -> tuple[Self, list[str]]:
        """Symlinks may lead anywhere inside of the root."""
        return type(self)(self._layer, self._root), components(self._path)

    def target(self, name: str) -> str | None:
        """Read a symlink."""
        try:
            return os.readlink(self._place(name))
        except OSError:
            return None

    def inside(self, target: str) -> str | None:
        """Cut the root, or the place that it really is at, off an absolute target."""
        for root in (self._root, os.path.realpath(self._root)):
            top = root.rstrip("/")
            if target == root or target.startswith(f"{top}/"):
                return target[len(top) :]
        return None

    def _place(self, name: str) -> str:
        return os.path.join(self.host, name)

    def _read(self) -> Iterator[tuple[str, Node]]:
        with fs.explained(f"cannot list '{self.host}'"):
            try:
                entries = os.scandir(self.host)
            except (FileNotFoundError, NotADirectoryError):  # gone since it was looked at
                return
            with entries:
                for entry in entries:
                    name = entry.name
                    if name.startswith(WHITEOUT_PREFIX):
                        self._hidden.add(name[len(WHITEOUT_PREFIX) :])
                    elif not is_ours(name):
                        node = self._node(name, status_of(entry.path))
                        if node is not None:
                            yield name, node

    def _node(self, name: str, status: os.stat_result | None) -> Node | None:
        """Describe an entry; None is what went away, and what is no file, directory or symlink."""
        kind = None if status is None else kind_of(status.st_mode)
        if status is None or kind is None:
            return None
        size = None if kind is Kind.DIRECTORY else status.st_size
        return Node(join(self._path, name), kind, self._layer, size, host=Path(self._place(name)))


def kind_of(mode: int) -> Kind | None:
    """Say what a mode is of; None is no file, directory or symlink."""
    if stat.S_ISREG(mode):
        return Kind.EXECUTABLE if mode & stat.S_IXUSR else Kind.FILE
    if stat.S_ISDIR(mode):
        return Kind.DIRECTORY
    return Kind.SYMLINK if stat.S_ISLNK(mode) else None


def status_of(path: str) -> os.stat_result | None:
    """Look at a path without following a symlink; None if nothing is there.

    Raises:
        CasError: That cannot be told: the answer of a lower layer would be a guess.
    """
    try:
        return os.lstat(path)
    except OSError as error:
        require_absent(error, path)
        return None


def require_absent(error: OSError, path: str) -> None:
    """Check that an error says that nothing is at a path; else raise it as `status_of` does."""
    if error.errno == errno.ENAMETOOLONG:
        _require_short(path)
    elif error.errno not in _NOTHING_THERE:
        raise fs.explain(error, f"cannot look at '{path}'") from error


def _require_short(path: str) -> None:
    """Check that it is the name that is too long for the file system: then nothing can be called so.

    Under a path that is too long in all there may be something: only a directory above it was looked at.
    """
    size = len(os.fsencode(path))
    if size > _MAX_PATH and len(os.fsencode(os.path.basename(path))) <= _MAX_NAME:
        raise InvalidError(
            f"cannot look at '{path[:_SHOWN]}…'",
            code="path-too-long",
            why=f"it lies so deep that its path has {size} bytes, and the system takes {_MAX_PATH}",
            hint="move it to a place with a shorter path, or hide a directory above it in a layer above",
        )
