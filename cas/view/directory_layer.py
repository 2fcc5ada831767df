"""A layer that is a directory of the host's."""

from __future__ import annotations

import os
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from cas.layer_settings import DIRECTORY
from cas.view import follow
from cas.view.directory_folder import DirectoryFolder
from cas.view.glance import glance
from cas.view.layer import ABSENT, Mark, Sign, order
from cas.view.node import Named
from cas.view.paths import components, join

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cas.objects.index import Txn
    from cas.view.follow import Place
    from cas.view.layer import Folder, Seen
    from cas.view.node import Node


class DirectoryLayer:
    """A directory, which need not exist."""

    def __init__(
        self,
        name: str,
        where: Callable[[], str | None],
        *,
        kind: str = DIRECTORY,
        is_writable: bool = True,
    ) -> None:
        """Stand for a directory.

        Args:
            name: What the user calls the layer.
            where: Says where it is, absolute, each time anew: a layer may move with the current directory.
                None is nowhere, as of a package that is not installed.
            kind: As in `config.yaml`.
            is_writable: Whether it is for writing.
        """
        self.name = name
        self.kind = kind
        self.is_writable = is_writable
        self._where = where

    @property
    def root(self) -> Path | None:
        """The directory, as things stand."""
        where = self._where()
        return None if where is None else Path(where)

    def look(
        self,
        path: str,
        *,
        is_followed: bool,
        covered: int,
        at: Txn | None,  # noqa: ARG002 - of a `Layer`
    ) -> Seen:
        """Say what is at a path."""
        return self._find(path, is_followed=is_followed, covered=covered).seen

    def open(self, path: str, *, covered: int) -> tuple[Seen, Folder | None]:
        """Say what is at a path, and give it if it is a folder."""
        place = self._find(path, is_followed=True, covered=covered)
        return place.seen, place.folder

    def whiteouts_over(self, path: str, *, at: Txn | None) -> Iterator[str]:  # noqa: ARG002 - as above
        """Iterate over the paths that are hidden at, and above, a path."""
        folder = self._root_folder()
        here = ""
        for part in [*components(path), None]:
            if folder is None:
                return
            if folder.is_opaque:
                yield here
            if part is not None:
                here = join(here, part)
                if folder.hides(part):
                    yield here
                node = folder.look(part).node
                folder = folder.enter(part) if node is not None and node.is_directory else None

    def marks(self, prefix: str) -> Iterator[Mark]:
        """Iterate over files, symlinks and whiteouts whose paths start with `prefix`. Memory: a folder."""
        path, _, start = prefix.rpartition("/")
        if prefix.startswith("/") or any(part in {"", ".", ".."} for part in components(path)):
            return
        place = self._find(path, is_followed=False, covered=len(components(path)))
        if isinstance(place.folder, DirectoryFolder):
            yield from self._marks(place.folder, path, start)

    def _marks(self, folder: DirectoryFolder, path: str, start: str) -> Iterator[Mark]:
        """Iterate over what is in a folder, of which only names that begin with `start` count."""
        if folder.is_opaque:
            yield order(path, is_directory=bool(path)), Sign.WHITEOUT
        marks = [self._mark(node) for node in folder.children()]
        marks += [(os.fsencode(join(path, name)), Sign.WHITEOUT) for name in folder.whiteouts()]
        first = os.fsencode(join(path, start)) if start else b""
        for key, one in sorted(marks, key=itemgetter(0)):
            if key.startswith(first):
                yield key, one
                if one is Sign.DIRECTORY:
                    below = os.fsdecode(key[:-1])
                    yield from self._marks(folder.enter(below.rpartition("/")[2]), below, "")

    def _mark(self, node: Node) -> Mark:
        key = order(node.path, is_directory=node.is_directory)
        return key, Sign.DIRECTORY if node.is_directory else Named(node.path, self.name, host=node.host)

    def _root_folder(self) -> DirectoryFolder | None:
        where = self._where()
        return None if where is None else DirectoryFolder(self.name, where)

    def _find(self, path: str, *, is_followed: bool, covered: int) -> Place:
        where = self._where()
        if where is None or (not path and not os.path.isdir(where)):
            return follow.Place(ABSENT)
        quick = glance(self.name, where, path)
        if quick is not None:
            return quick
        root = DirectoryFolder(self.name, where)
        place = follow.find(root, path, is_followed=is_followed, covered=covered, is_final=root.is_opaque)
        node = place.seen.node
        if node is None or not place.is_renamed:
            return place
        as_asked = replace(node, host=Path(root.host, path))
        return follow.Place(replace(place.seen, node=as_asked), place.folder)
