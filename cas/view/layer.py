"""What a layer is to the view: something that can be asked about a path, and folders to walk in.

A layer knows nothing of the others. To each question it says what it has, and whether the layers below it may
have a say: a file, a symlink and a whiteout shut them out, at their path and below. The rest is `view`.
"""

from __future__ import annotations

import os
from enum import Enum
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cas.objects.index import Txn
    from cas.view.node import Named, Node


class Seen(msgspec.Struct, frozen=True):
    """What a layer, or a folder of it, says of one path."""

    node: Node | None
    is_final: bool
    """Lower layers are shut out there and below."""
    depth: int = 0
    """How many components of the path, from its start, are directories."""
    has_whiteouts: bool = False
    """There is nothing, but whiteouts below shut lower layers out: it can be entered like a directory."""


ABSENT: Final = Seen(None, is_final=False)
"""There is nothing, and lower layers may have something."""

SHUT: Final = Seen(None, is_final=True)
"""There is nothing, and there shall be nothing."""


class Folder(Protocol):
    """A directory of a layer."""

    @property
    def has_whiteouts(self) -> bool:
        """Whether names in it may be hidden. Known once the first of its children is."""

    def look(self, name: str) -> Seen:
        """Say what is in it under a name. Symlinks are not followed."""

    def enter(self, name: str) -> Folder:
        """Open the directory that `look` found under a name, or what has whiteouts there."""

    def children(self) -> Iterator[Node]:
        """Iterate over everything in it, in the order of `order`. Nothing stays open in between."""


class Layer(Protocol):
    """One layer. Safe to share between threads."""

    @property
    def name(self) -> str:
        """What the user calls it."""

    @property
    def kind(self) -> str:
        """One of `cas.layer_settings.KINDS`."""

    @property
    def is_writable(self) -> bool:
        """Whether commits or downloads may go there."""

    @property
    def root(self) -> Path | None:
        """The directory that it is, as things stand; None for refs, or if its package is not installed."""

    def look(self, path: str, *, is_followed: bool, covered: int, at: Txn | None) -> Seen:
        """Say what the layer has at `path`.

        Args:
            path: A path of the view.
            is_followed: Whether a symlink at its end is followed; those on the way are.
            covered: So many components of the path, from its start, are directories in a layer above. A
                symlink in the place of one of them is hidden, and like a file it shuts lower layers out.
            at: A snapshot of the index; None where the view has no refs.

        Raises:
            ResourceNotFound: A symlink leads out of the layer.
        """

    def open(self, path: str, *, covered: int) -> tuple[Seen, Folder | None]:
        """Say what `look` with `is_followed` says, and give the folder, if it is one or has whiteouts."""

    def whiteouts_over(self, path: str, *, at: Txn | None) -> Iterator[str]:
        """Iterate over the paths of whiteouts and opaque directories that shut lower layers out there."""

    def marks(self, prefix: str) -> Iterator[Mark]:
        """Iterate over names, files, directories, whiteouts that start with `prefix`, in order of bytes.

        Each comes with its path, encoded; that of a directory, of an opaque one too, has a `/` at the end.
        """


class Sign(Enum):
    """What else than names and files there is."""

    WHITEOUT = "whiteout"
    """It shuts lower layers out; at a key with a `/` at the end, it is an opaque directory."""
    DIRECTORY = "directory"


Mark: TypeAlias = "tuple[bytes, Named | Sign]"
"""One step of `Layer.marks`."""


def order(name: str, *, is_directory: bool) -> bytes:
    """Give the key by which entries of a directory are sorted: as git does, a directory counts as `name/`.

    So a walk has the order of the bytes of full paths, which is that of the keys of the index.
    """
    return os.fsencode(f"{name}/" if is_directory else name)
