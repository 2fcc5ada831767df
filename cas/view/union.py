"""Folders over each other: what several layers together show in a directory.

1. The first folder that has a name wins it. Directories merge; anything else hides what is below it.
2. What is below a file, a symlink or a whiteout does not count, even where a directory above hides those
   themselves: a lower directory shows through if and only if all that is between are directories.

Entries come in the order of keys (`layer.order`), so what a folder above has under the same name mostly came
just before. What may still be to come is a directory in the place of a file: the next key of that folder
tells whether to ask it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from cas.view.layer import order
from cas.view.merge import Merge

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cas.view.layer import Folder
    from cas.view.node import Node


class Union(msgspec.Struct, frozen=True):
    """A merged folder."""

    folders: Sequence[Folder]
    """From the uppermost to the lowest."""

    def enter(self, name: str) -> Union:
        """Open the directories of that name, as many as show through."""
        found = []
        for folder in self.folders:
            seen = folder.look(name)
            if seen.has_whiteouts or (seen.node is not None and seen.node.is_directory):
                found.append(folder.enter(name))
            if seen.is_final:
                break
        return Union(found)

    def children(self) -> Iterator[Node]:
        """Iterate over everything that is not hidden. Memory: what the folders take."""
        merge = Merge([_keyed(folder) for folder in self.folders])
        hiding = [at for at, folder in enumerate(self.folders) if folder.has_whiteouts]
        before: list[tuple[bytes, int]] = []
        """Names that the current key begins with, and which folder has them."""
        for key, at, node in merge:
            name = key.rstrip(b"/")
            while before and not key.startswith(before[-1][0]):
                before.pop()
            doubtful = hiding + merge.follow(name) if hiding or merge.goes_on(name) else hiding
            is_hidden = any(one == name and above < at for one, above in before) or any(
                above < at and _hides(self.folders[above], node.basename) for above in doubtful
            )
            before.append((name, at))
            if not is_hidden:
                yield node


def _keyed(folder: Folder) -> Iterator[tuple[bytes, Node]]:
    for node in folder.children():
        yield order(node.basename, is_directory=node.is_directory), node


def _hides(folder: Folder, name: str) -> bool:
    seen = folder.look(name)
    return seen.node is not None or seen.is_final


def walk(folder: Union) -> Iterator[Node]:
    """Iterate over everything below a folder, each directory before what is in it, in the order of paths."""
    waiting = [(folder, folder.children())]
    while waiting:
        here, children = waiting[-1]
        node = next(children, None)
        if node is None:
            waiting.pop()
            continue
        yield node
        if node.is_directory:
            below = here.enter(node.basename)
            waiting.append((below, below.children()))
