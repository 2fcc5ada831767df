"""A folder that was reached through a symlink: what is in it has the paths that were asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from cas.view.layer import Seen
from cas.view.paths import is_below

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cas.view.layer import Folder
    from cas.view.node import Node


class Renamed(msgspec.Struct, frozen=True):
    """A folder under another path."""

    folder: Folder
    real: str
    """Its own path."""
    shown: str
    """The path that was asked for."""

    @property
    def has_whiteouts(self) -> bool:
        """Whether names in it may be hidden."""
        return self.folder.has_whiteouts

    def look(self, name: str) -> Seen:
        """Say what is there."""
        seen = self.folder.look(name)
        return seen if seen.node is None else Seen(self._renamed(seen.node), seen.is_final)

    def enter(self, name: str) -> Renamed:
        """Open a directory."""
        return Renamed(self.folder.enter(name), self.real, self.shown)

    def children(self) -> Iterator[Node]:
        """Iterate over what is in it."""
        return map(self._renamed, self.folder.children())

    def _renamed(self, node: Node) -> Node:
        return renamed(node, self.real, self.shown)


def renamed(node: Node, real: str, shown: str) -> Node:
    """Give a node that is at or below the path `real` the one that it has as seen through `shown`."""
    assert is_below(node.path, real), "what is in a folder is below it"
    rest = node.path[len(real) :].lstrip("/")
    return msgspec.structs.replace(node, path="/".join(part for part in (shown, rest) if part))
