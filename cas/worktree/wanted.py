"""Files that are to be made."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from cas.ids import Kind  # noqa: TC001 - named tuples are looked into at run time


class Place(NamedTuple):
    """A file that is to be made."""

    directory: bytes
    """Path of its directory below the root that is being filled."""
    name: bytes
    blob: bytes
    kind: Kind
    """FILE or EXECUTABLE."""
    size: int | None
    """Bytes; None where no tree says it (a version that is one file)."""


Wanted: TypeAlias = dict[bytes, list[Place]]
"""The places of each blob."""
