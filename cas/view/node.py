"""What the view shows at a path."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from cas.ids import Kind

if TYPE_CHECKING:
    from pathlib import Path

    from cas.ids import VersionId


class Node(msgspec.Struct, frozen=True, gc=False):
    """A file, directory or symlink, and where it comes from."""

    path: str
    """Its path in the view; "" is the root."""
    kind: Kind
    layer: str
    """The name of the layer that has it: of a directory, the uppermost of them."""
    size: int | None = None
    """Bytes; of a directory, of all that is below; of a symlink, of its target. None where it would take a
    walk to know."""
    name: str | None = None
    """In a layer of refs: the resource. None for what is the host's, or has the content of several."""
    version: VersionId | None = None
    """In a layer of refs: the version of the resource."""
    inner: str = ""
    """The path inside of the version; "" is all of it."""
    content: bytes | None = None
    """32 raw bytes of a blob or a tree; the target of a symlink. None for what is the host's, and for a
    directory that no stored tree is equal to."""
    host: Path | None = None
    """Where it is, for what is the host's: absolute."""
    whole: bytes | None = None
    """Of a directory inside of a version that is seen as it was stored: the version's tree."""

    @property
    def basename(self) -> str:
        """The last component of its path."""
        return self.path.rpartition("/")[2]

    @property
    def is_directory(self) -> bool:
        """Whether it is a directory, and no symlink to one."""
        return self.kind is Kind.DIRECTORY


class Named(msgspec.Struct, frozen=True, gc=False):
    """One line of a list: a resource as a unit, or a file of a layer that has no resources."""

    path: str
    """The name of the resource, or the path of the file."""
    layer: str
    version: VersionId | None = None
    """The current version; None for a file."""
    version_count: int = 0
    """Live versions; 0 for a file."""
    host: Path | None = None
    """Where the file is; None for a resource."""


class Whiteout(msgspec.Struct, frozen=True, gc=False):
    """A path at which a layer hides what the layers below it have."""

    path: str
    """A path of the view."""
    layer: str
    is_opaque: bool
    """Whether it is a directory in which lower layers show nothing; else nothing is there at all."""


class Which(msgspec.Struct, frozen=True):
    """Everything there is to say about a path."""

    node: Node
    """What the view shows there: a symlink as such."""
    target: Node | None
    """What a lookup gives: the node itself, or what the symlink leads to. None if that is nowhere, or out of
    its layer."""
    path: Path | None
    """Where that is on the disk; None for stored content that is not materialised."""
    shadows: tuple[Node, ...]
    """What lower layers have there, in their order: what it hides, or, where all of it and they are
    directories, what it is merged with."""
    whiteouts: tuple[tuple[str, str], ...]
    """(layer, path) of each whiteout that keeps a lower layer from being seen there."""
