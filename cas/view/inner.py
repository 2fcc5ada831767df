"""What is inside of a version: a place in its tree."""

from __future__ import annotations

import os
from bisect import bisect_left
from typing import TYPE_CHECKING, Self

import msgspec

from cas.ids import Kind, TreeId
from cas.view.node import Node
from cas.view.paths import join

if TYPE_CHECKING:
    from collections.abc import Callable

    from cas.objects.tree import Entry
    from cas.versions.version import Version


class Spot(msgspec.Struct, frozen=True):
    """A file, directory or symlink of a version."""

    version: Version
    path: str
    """In the version; "" is all of it."""
    kind: Kind
    size: int
    content: bytes
    """As in a tree: 32 bytes, or the target of a symlink."""

    @classmethod
    def of(cls, version: Version) -> Self:
        """Take all of a version."""
        content = version.content
        return cls(version, "", content.kind, version.size, content.id.raw)

    def inside(self, entry: Entry) -> Self:
        """Take an entry of this directory."""
        return type(self)(
            self.version, join(self.path, os.fsdecode(entry.name)), entry.kind, entry.size, entry.id
        )

    def child(self, name: str, read: Callable[[TreeId], list[Entry]]) -> Self | None:
        """Look a name up in this directory."""
        wanted = os.fsencode(name)
        entries = read(TreeId(self.content))
        at = bisect_left(entries, wanted, key=lambda entry: entry.name)
        return self.inside(entries[at]) if at < len(entries) and entries[at].name == wanted else None

    @property
    def is_directory(self) -> bool:
        """Whether it is a directory."""
        return self.kind is Kind.DIRECTORY

    def node(self, path: str, *, is_changed: bool = False) -> Node:
        """Give what the view shows, at a path of the view.

        Args:
            path: Of the view.
            is_changed: Whether something in the version is hidden.
        """
        version = self.version
        is_part = self.is_directory and bool(self.path)
        return Node(
            path,
            self.kind,
            version.layer,
            self.size,
            version.name,
            version.version,
            self.path,
            self.content,
            whole=version.content.id.raw if is_part and not is_changed else None,
        )
