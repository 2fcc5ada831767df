"""What a hook is told: one frozen value for each point, nothing that could change the command's course."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

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
    content: Content
    size: int
    """Bytes before deduplication and compression."""
    file_count: int
    properties: Mapping[str, Any]
    inputs: Mapping[str, VersionId]
    message: str

    def __str__(self) -> str:
        return f"commit '{self.subject.name}'"


@dataclass(frozen=True, slots=True)
class PostCommit:
    """The version is durable and visible."""

    repository: Path
    subject: Subject
    content: Content
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
    subject: Subject
    destination: Path
    path: str | None
    """The part of the version that was asked for, or None for all of it."""

    def __str__(self) -> str:
        return f"check out '{self.subject.name}'"


@dataclass(frozen=True, slots=True)
class PostCheckout:
    """The destination is the version."""

    repository: Path
    subject: Subject
    destination: Path
    path: str | None
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
    subjects: tuple[Subject, ...]

    def __str__(self) -> str:
        return _remove(self.subjects)


@dataclass(frozen=True, slots=True)
class PostRemove:
    """The versions are invisible."""

    repository: Path
    subjects: tuple[Subject, ...]

    def __str__(self) -> str:
        return _remove(self.subjects)


@dataclass(frozen=True, slots=True)
class PreGc:
    """A collection is about to start. A dry run fires nothing."""

    repository: Path

    def __str__(self) -> str:
        return "collect garbage"


@dataclass(frozen=True, slots=True)
class PostGc:
    """A collection is over."""

    repository: Path
    objects_deleted: int
    packs_deleted: int
    bytes_freed: int
    """On disk."""

    def __str__(self) -> str:
        return "collect garbage"
