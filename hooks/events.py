"""What a hook is told: one frozen value for each point, nothing that could change the command's course.

Executables get the same as JSON; `cas.hooks.wire` writes it by the annotations and names of the fields
below, and `docs/hooks-reference.md` is made from their docstrings.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from cas.ids import Content, VersionId


@dataclass(frozen=True, slots=True)
class Subject:
    """A version that an event is about."""

    layer: str
    name: str
    version: VersionId

    def __str__(self) -> str:
        return f"{self.name}@{self.version.short}"


def _remove(subjects: tuple[Subject, ...]) -> str:
    return "remove " + ", ".join(f"'{subject}'" for subject in subjects)


@dataclass(frozen=True, slots=True)
class PreCommit:
    """The source has been read, its bytes are stored; no ref has moved, so nobody can see them yet."""

    repository: Path
    """The `.cas` directory."""
    subject: Subject
    """What the version will be."""
    content: Content
    """Its content."""
    size: int
    """Bytes before deduplication and compression."""
    file_count: int
    """Files and symlinks in the content."""
    properties: Mapping[str, Any]
    """Its properties."""
    inputs: Mapping[str, VersionId]
    """What it was made from, by role."""
    message: str
    """What `-m` said."""

    def __str__(self) -> str:
        return f"commit '{self.subject.name}'"


@dataclass(frozen=True, slots=True)
class PostCommit:
    """The version is durable and visible."""

    repository: Path
    """The `.cas` directory."""
    subject: Subject
    """The version."""
    content: Content
    """Its content."""
    outcome: str
    """"created", "unchanged", "kept" or "replaced"."""
    new_size: int
    """Bytes that this commit added on disk."""

    def __str__(self) -> str:
        return f"commit '{self.subject.name}'"


@dataclass(frozen=True, slots=True)
class PreCheckout:
    """The version is known; nothing has been written at the destination."""

    repository: Path
    """The `.cas` directory."""
    subject: Subject
    """The version."""
    destination: Path
    """Where it will be put."""
    path: str | None
    """The part of the version that was asked for, or None for all of it."""

    def __str__(self) -> str:
        return f"check out '{self.subject.name}'"


@dataclass(frozen=True, slots=True)
class PostCheckout:
    """The destination is the version."""

    repository: Path
    """The `.cas` directory."""
    subject: Subject
    """The version."""
    destination: Path
    """Where it was put."""
    path: str | None
    """The part of the version that was asked for, or None for all of it."""
    written: int
    """Files written."""
    removed: int
    """Files removed, because another version had left them there."""

    def __str__(self) -> str:
        return f"check out '{self.subject.name}'"


@dataclass(frozen=True, slots=True)
class PreRemove:
    """Versions are about to become invisible; `cas restore` brings them back until the next gc."""

    repository: Path
    """The `.cas` directory."""
    subjects: tuple[Subject, ...]
    """The versions, at least one."""

    def __str__(self) -> str:
        return _remove(self.subjects)


@dataclass(frozen=True, slots=True)
class PostRemove:
    """The versions are invisible."""

    repository: Path
    """The `.cas` directory."""
    subjects: tuple[Subject, ...]
    """The versions, at least one."""

    def __str__(self) -> str:
        return _remove(self.subjects)


@dataclass(frozen=True, slots=True)
class PreGc:
    """A collection is about to start. A dry run fires nothing."""

    repository: Path
    """The `.cas` directory."""

    def __str__(self) -> str:
        return "collect garbage"


@dataclass(frozen=True, slots=True)
class PostGc:
    """A collection is over."""

    repository: Path
    """The `.cas` directory."""
    objects_deleted: int
    """Objects dropped."""
    packs_deleted: int
    """Packs deleted."""
    bytes_freed: int
    """On disk."""

    def __str__(self) -> str:
        return "collect garbage"


@dataclass(frozen=True, slots=True)
class PreRun:
    """A module is about to run, because an output is missing. A module that is skipped fires nothing."""

    repository: Path
    """The `.cas` directory."""
    module: str
    """The name of the module."""
    outputs: tuple[Subject, ...]
    """The versions that it will make."""
    inputs: Mapping[str, VersionId]
    """What it will read, by role."""

    def __str__(self) -> str:
        return f"run '{self.module}'"


@dataclass(frozen=True, slots=True)
class PostRun:
    """A module has run, well or not."""

    repository: Path
    """The `.cas` directory."""
    module: str
    """The name of the module."""
    outputs: tuple[Subject, ...]
    """The versions that it was to make."""
    inputs: Mapping[str, VersionId]
    """What it read, by role."""
    built: bool
    """Whether every output was committed; false when the task or a commit failed."""
    seconds: float
    """How long it took, commits included."""

    def __str__(self) -> str:
        return f"run '{self.module}'"


Before: TypeAlias = PreCommit | PreCheckout | PreRemove | PreGc | PreRun
"""What pre-hooks are told."""

After: TypeAlias = PostCommit | PostCheckout | PostRemove | PostGc | PostRun
"""What post-hooks are told."""

Event: TypeAlias = Before | After


def point_of(kind: type[Event]) -> str:
    """Name the point at which events of this class are fired.

    >>> point_of(PreCommit)
    'pre_commit'
    """
    return re.sub(r"(?<!^)([A-Z])", r"_\1", kind.__name__).lower()


POINTS: Final[Mapping[str, type[Event]]] = {
    point_of(kind): kind
    for kind in (
        PreCommit,
        PostCommit,
        PreCheckout,
        PostCheckout,
        PreRemove,
        PostRemove,
        PreGc,
        PostGc,
        PreRun,
        PostRun,
    )
}
"""Every point and the class of its event."""


def is_before(point: str) -> bool:
    """Whether the hooks of this point may refuse."""
    return point.startswith("pre_")
