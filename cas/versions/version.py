"""A version as a layer has it: the record, and what happened to it since."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec

from cas.errors import NotFoundError
from cas.versions.times import format_time

if TYPE_CHECKING:
    from datetime import datetime

    from cas.ids import Content, VersionId
    from cas.versions.record import Record
    from cas.versions.values import JSON


class State(StrEnum):
    """Where in its life a version is. The values are the wire form."""

    LIVE = "live"
    REMOVED = "removed"
    """Not listed, but `restore` brings it back until gc runs."""
    COLLECTED = "collected"
    """A tombstone: gc took the content, the record stays. Committing the version again makes it live."""


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """One version of one name in one layer, as it was when it was read.

    Hashable, so that it can be a key: the hash is that of layer, name and version id, which never change.
    Equality looks at everything: one version before and after it was tagged is not equal.
    """

    layer: str
    record: Record
    sequence: int
    """Number of the event that made it the newest of its name; larger is newer."""
    state: State
    removed_at: datetime | None
    """When it left the living: aware, UTC. None while it is live."""
    tags: tuple[str, ...]
    """The tags that name it, sorted; of a removed version, those that it gets back if they are still free."""
    is_current: bool
    """Whether it is what its name alone means in its layer."""

    def __hash__(self) -> int:
        """Leave out the dictionaries, which have no hash: what is left is the key of the version."""
        return hash((self.layer, self.record.name, self.record.version))

    @property
    def name(self) -> str:
        """The resource's name."""
        return self.record.name

    @property
    def version(self) -> VersionId:
        """The version id."""
        return self.record.version

    @property
    def content(self) -> Content:
        """The bytes: a file or a tree."""
        return self.record.content

    @property
    def properties(self) -> dict[str, JSON]:
        """The properties it was asked for with."""
        return self.record.properties

    @property
    def inputs(self) -> dict[str, VersionId]:
        """Input name → version."""
        return self.record.inputs

    @property
    def size(self) -> int:
        """Logical bytes."""
        return self.record.size

    @property
    def file_count(self) -> int:
        """Files and symlinks; 1 for a file."""
        return self.record.file_count

    @property
    def type(self) -> str:
        """The type of resource."""
        return self.record.type

    @property
    def created_at(self) -> datetime:
        """When it was committed: aware, UTC."""
        return self.record.created_at

    @property
    def ref(self) -> str:
        """A spec that means this version, short enough for people."""
        return f"{self.name}@{self.version.short}"

    def as_dict(self) -> dict[str, JSON]:
        """Return the JSON object that `--json` prints for a version; its keys are stable."""
        return {
            "name": self.name,
            "layer": self.layer,
            "version": str(self.version),
            "content": str(self.content),
            "kind": self.content.kind.name.lower(),
            "type": self.type,
            "properties": self.properties,
            "inputs": {name: str(version) for name, version in sorted(self.inputs.items())},
            "size": self.size,
            "files": self.file_count,
            "created_at": format_time(self.created_at),
            "message": self.record.message,
            "origin": self.record.origin,
            "tags": list(self.tags),
            "state": self.state.value,
            "current": self.is_current,
        }


def unavailable(ref: str, state: State) -> NotFoundError:
    """Build the error for a version that was found but is not live."""
    if state is State.REMOVED:
        return NotFoundError(
            f"cannot use '{ref}'",
            code="version-removed",
            why="it was removed",
            hint=f"run `cas restore {ref}`",
        )
    return NotFoundError(
        f"cannot use '{ref}'",
        code="version-collected",
        why="gc took its content after it was removed",
        hint="commit it again",
    )
