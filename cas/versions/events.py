"""Events: everything that can happen to a version or to a path of the view.

A kind of event is its data and no more; what it does to the tables is in `effects`. The fields and the tags
are the wire form of the journal and of the log (docs/format/journal.md).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import msgspec

from cas.ids import VersionId
from cas.versions import rows
from cas.versions.record import Record
from cas.versions.version import State  # noqa: TC001 - msgspec reads it at run time

if TYPE_CHECKING:
    from cas.versions.version import Version


class Event(msgspec.Struct, frozen=True, tag_field="kind", gc=False):
    """What every event says: in which layer it happened."""

    layer: str

    @property
    def kind(self) -> str:
        """What happened, in a word: "commit", "tag", …; the words are the wire form."""
        return str(self.__struct_config__.tag)

    @property
    def detail(self) -> str:
        """What else there is to say, for people; often nothing."""
        return ""


class VersionEvent(Event, frozen=True, gc=False):
    """An event that happens to a version."""

    name: str
    version: bytes
    """32 raw bytes."""

    @property
    def version_id(self) -> VersionId:
        """The version it is about."""
        return VersionId(self.version)

    @property
    def ref(self) -> str:
        """A spec that means the version, short enough for people."""
        return f"{self.name}@{self.version_id.short}"

    @classmethod
    def on(cls, version: Version) -> Self:
        """Build the event that happens to `version`, for kinds that need to know nothing else."""
        return cls(version.layer, version.name, version.version.raw)


class PathEvent(Event, frozen=True, gc=False):
    """An event that happens to a path of the view, whether anything is there or not."""

    path: bytes
    """As a file system has it: what is in a tree may be no UTF-8."""

    @property
    def name(self) -> str:
        """The path as text; where it is that of a resource, the resource's name."""
        return rows.path_text(self.path)

    @property
    def version_id(self) -> None:
        """None: a path is not a version."""
        return


class Committed(VersionEvent, frozen=True, tag="commit", gc=False):
    """A version was made, or made again after its removal: it is now the newest of its name."""

    record: bytes
    replaces: bool = False
    """Other content for a live version takes the place of the old; only the log still has that."""

    @property
    def detail(self) -> str:
        """The message, and that other content was replaced."""
        message = Record.decode(self.record).message
        if not self.replaces:
            return message
        return f"replaces its content: {message}" if message else "replaces its content"

    @classmethod
    def of(cls, layer: str, record: Record, *, replaces: bool = False) -> Self:
        """Build the event from a record."""
        return cls(layer, record.name, record.version.raw, record.encode(), replaces)


class Renewed(VersionEvent, frozen=True, tag="renew", gc=False):
    """A live version was committed again with the same content: it is the newest of its name again."""


class Tagged(VersionEvent, frozen=True, tag="tag", gc=False):
    """A tag names this version now; another version of the name that had it loses it."""

    tag: str

    @property
    def detail(self) -> str:
        """The tag."""
        return self.tag


class Untagged(VersionEvent, frozen=True, tag="untag", gc=False):
    """A tag of this version is gone."""

    tag: str

    @property
    def detail(self) -> str:
        """The tag."""
        return self.tag


class Removed(VersionEvent, frozen=True, tag="remove", gc=False):
    """The version is no longer listed; its content stays until gc."""


class Restored(VersionEvent, frozen=True, tag="restore", gc=False):
    """A removed version is back in its old place, with those of its tags that are still free."""


class Collected(VersionEvent, frozen=True, tag="collect", gc=False):
    """gc took the content; the record stays as a tombstone."""


class Kept(VersionEvent, frozen=True, tag="keep", gc=False):
    """The whole state of a version, in a snapshot of the journal; the entry's sequence is its place."""

    record: bytes
    state: State
    removed_at_ns: int
    tags: list[str]


class Hidden(PathEvent, frozen=True, tag="hide", gc=False):
    """The path shows nothing of lower layers, and of its own only what comes later; in a snapshot, too."""

    is_opaque: bool = False
    """The path is a directory with nothing of lower layers in it; its own layer hides nothing."""

    @property
    def detail(self) -> str:
        """That it stays a directory."""
        return "opaque" if self.is_opaque else ""


class Unhidden(PathEvent, frozen=True, tag="unhide", gc=False):
    """The whiteout of the path is gone."""


AnyVersionEvent = Committed | Renewed | Tagged | Untagged | Removed | Restored | Collected | Kept
AnyEvent = AnyVersionEvent | Hidden | Unhidden


class Entry(msgspec.Struct, frozen=True, gc=False):
    """An event with its place in history."""

    sequence: int
    """1 for the first event of a repository, one more for each that follows."""
    at_ns: int
    """When: nanoseconds since 1970, by the clock of whoever ran the command."""
    event: AnyEvent
