"""What the facade returns: frozen values, ready to be printed or inspected.

They are msgspec structs because a dozen dataclasses would add 15 ms to the start of every command.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from cas.ids import Kind, VersionId
    from cas.versions.version import Version
    from cas.worktree.compare import Change


class OnConflict(StrEnum):
    """What to do when a version exists already with other content."""

    FAIL = "fail"
    """Raise a ConflictError that names both contents."""
    KEEP = "keep"
    """Keep the first; report it."""
    REPLACE = "replace"
    """Let the new content win; the old record stays in the log."""


class Outcome(StrEnum):
    """What a commit did."""

    CREATED = "created"
    UNCHANGED = "unchanged"
    """The same version with the same content was there."""
    KEPT = "kept"
    """The same version with other content was there, and `on_conflict` said to keep it."""
    REPLACED = "replaced"
    WOULD_CREATE = "would-create"
    """A dry run of what would be CREATED."""
    WOULD_REPLACE = "would-replace"
    """A dry run of what would be REPLACED."""


class CommitResult(msgspec.Struct, frozen=True):
    """What a commit stored."""

    version: Version
    outcome: Outcome
    files: int
    """Files and symlinks in the content."""
    size: int
    """Their bytes."""
    new_bytes: int
    """Bytes that this commit added to the disk."""
    new_objects: int
    reused_objects: int
    """Objects, whole unchanged directories among them, that were stored already."""
    notes: tuple[str, ...] = ()


class CheckoutResult(msgspec.Struct, frozen=True):
    """What a checkout wrote."""

    version: Version
    destination: Path
    written: int
    """Files and symlinks."""
    removed: int
    unchanged: int
    bytes_written: int
    notes: tuple[str, ...] = ()


class RemoveResult(msgspec.Struct, frozen=True):
    """What a removal took out of sight."""

    versions: tuple[Version, ...]
    """As they are now, in the order in which they were named."""
    notes: tuple[str, ...] = ()


class Listing(msgspec.Struct, frozen=True):
    """One name in a listing."""

    name: str
    layer: str
    current: Version
    version_count: int


class TreeItem(msgspec.Struct, frozen=True):
    """One path inside a version."""

    path: str
    """Relative, with `/`; bytes that are not UTF-8 are surrogate escapes."""
    kind: Kind
    size: int
    id: str
    """64 hex digits; of a symlink, its target."""


class PropertyChange(msgspec.Struct, frozen=True):
    """A property or an input that two versions have different; None where one lacks it."""

    key: str
    old: Any
    new: Any


class Difference(msgspec.Struct, frozen=True):
    """How two versions differ."""

    a: Version
    b: Version
    changes: tuple[Change, ...]
    properties: tuple[PropertyChange, ...]
    inputs: tuple[PropertyChange, ...]


class CheckoutStatus(msgspec.Struct, frozen=True):
    """What has changed in a directory since a version was checked out into it."""

    destination: Path
    version: Version | None
    """None when the version is not known any more."""
    changes: tuple[Change, ...]
    is_missing: bool
    """The destination is not there any more."""
    is_comparable: bool = True
    """False when the store has not the content any more, so that nobody can tell what has changed."""


class LogEntry(msgspec.Struct, frozen=True):
    """One event of the log."""

    sequence: int
    at: datetime
    kind: str
    """"commit", "renew", "tag", "untag", "remove", "restore", "collect", "hide", "unhide"."""
    layer: str
    name: str
    """Of the resource; of what was hidden or shown again, the path."""
    version: VersionId | None
    """None for "hide" and "unhide", which happen to a path."""
    detail: str
    """A commit's message, a tag's name, that a whiteout is opaque."""


class LayerInfo(msgspec.Struct, frozen=True):
    """One layer of the view."""

    name: str
    kind: str
    """"refs", "directory" or "package"."""
    is_writable: bool
    where: str | None
    """The absolute path of a directory, the package and the folder in it; None for refs."""
    names: int | None
    """Names of refs with a live version; None where it would take a walk to count."""
    hidden: int | None
    """Whiteouts among the refs."""
    problem: str | None
    """Why it shows nothing although it should, as far as can be seen."""


class HideResult(msgspec.Struct, frozen=True):
    """What was hidden, or is shown again."""

    layer: str
    path: str
    """A path of the view."""
    is_opaque: bool
    """Whether the path is, or was, a directory in which lower layers show nothing."""
    is_changed: bool
    """False if it was so before."""
    notes: tuple[str, ...] = ()
