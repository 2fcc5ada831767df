"""Records: everything that is known about one version, and the bytes that say it.

A record is a msgpack array, in this order:

    [1, name, type, version, properties, inputs, kind, content, size, file_count, created_at, message, origin]

`1` is the format. `version` and `content` are bin of 32 bytes, `kind` is the integer of `cas.ids.Kind`.
`properties` is a map with string keys sorted by their UTF-8 bytes, at every depth; `inputs` is a map from
input name to a version (bin of 32 bytes), sorted likewise. Sizes are bytes; `created_at` is microseconds
since 1970-01-01T00:00:00Z. Integers and strings take their shortest form, floats are 64-bit, so equal
records have equal bytes. The id of a record is their BLAKE3 in derive-key mode, context `cas record v1`.

`version` could be computed from properties and inputs (`identity.check_record` does); it is stored so
that listing neither hashes nor imports what hashing needs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Self

import msgspec
from blake3 import blake3

from cas.errors import CorruptError, InvalidError
from cas.ids import DIGEST_SIZE, Content, Kind, RecordId, VersionId
from cas.versions.times import from_microseconds, to_microseconds

if TYPE_CHECKING:
    from datetime import datetime

    from cas.versions.values import JSON

CONTEXT: Final = "cas record v1"
FORMAT: Final = 1


class _Wire(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The array of the module's docstring, field by field."""

    format: int
    name: str
    type: str
    version: bytes
    properties: dict[str, Any]
    inputs: dict[str, bytes]
    kind: Kind
    content: bytes
    size: int
    file_count: int
    created_at: int
    message: str
    origin: str


_encoder = msgspec.msgpack.Encoder(order="deterministic")
_decoder = msgspec.msgpack.Decoder(_Wire)


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked for, what came of it, and when. Never change its dictionaries. Hashable."""

    name: str
    """The resource's name."""
    type: str
    """The type of resource: "file", "directory", …"""
    version: VersionId
    """`identity.version_id(properties, inputs)`."""
    properties: dict[str, JSON]
    """As `properties.check_properties` returned them."""
    inputs: dict[str, VersionId]
    """Input name (a role, or the name of a resource) → the version that was used."""
    content: Content
    """The bytes: a file or a tree."""
    size: int
    """Logical bytes, of all files below for a directory."""
    file_count: int
    """Files and symlinks; 1 for a file."""
    created_at: datetime
    """When it was committed: aware, UTC, to the microsecond."""
    message: str = ""
    """What the user says about it."""
    origin: str = ""
    """Who or what made it, in whatever words the caller has."""

    def __hash__(self) -> int:
        """Leave out the dictionaries, which have no hash."""
        return hash((self.name, self.version, self.content))

    @property
    def id(self) -> RecordId:
        """Hash of the encoding; the record is stored as an object under it."""
        return record_id(self.encode())

    def encode(self) -> bytes:
        """Give the canonical bytes.

        Raises:
            InvalidError: A text is not valid Unicode, so it has no UTF-8.
        """
        wire = _Wire(
            FORMAT,
            self.name,
            self.type,
            self.version.raw,
            self.properties,
            {name: version.raw for name, version in self.inputs.items()},
            self.content.kind,
            self.content.id.raw,
            self.size,
            self.file_count,
            to_microseconds(self.created_at),
            self.message,
            self.origin,
        )
        try:
            return _encoder.encode(wire)
        except UnicodeEncodeError as error:
            raise InvalidError(
                f"cannot record a version of '{self.name}'",
                code="bad-text",
                why=f"{error.object!r} is not valid Unicode",
                hint="check the encoding of the message and the properties",
            ) from error

    @classmethod
    def decode(cls, encoded: bytes) -> Self:
        """Read the bytes back.

        Raises:
            CorruptError: They are not a record of this format.
        """
        try:
            wire = _decoder.decode(encoded)
        except msgspec.DecodeError as error:
            raise _bad(str(error)) from error
        if wire.format != FORMAT:
            raise _bad(f"it has format {wire.format}, this version reads {FORMAT}")
        if not all(len(raw) == DIGEST_SIZE for raw in (wire.version, wire.content, *wire.inputs.values())):
            raise _bad(f"an id does not have {DIGEST_SIZE} bytes")
        return cls(
            name=wire.name,
            type=wire.type,
            version=VersionId(wire.version),
            properties=wire.properties,
            inputs={name: VersionId(raw) for name, raw in wire.inputs.items()},
            content=Content.of(wire.kind, wire.content),
            size=wire.size,
            file_count=wire.file_count,
            created_at=from_microseconds(wire.created_at),
            message=wire.message,
            origin=wire.origin,
        )


def record_id(encoded: bytes) -> RecordId:
    """Hash the canonical bytes of a record."""
    return RecordId(blake3(encoded, derive_key_context=CONTEXT).digest())


def _bad(why: str) -> CorruptError:
    return CorruptError("cannot read a record", code="bad-record", why=why, hint="run `cas verify`")
