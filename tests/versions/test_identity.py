"""Version ids and records: pinned by vectors that are never regenerated, and by laws."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from blake3 import blake3
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from cas.errors import CorruptError, InvalidError
from cas.ids import BlobId, Content, Kind, TreeId, VersionId
from cas.testing import strategies
from cas.testing.records import make_record
from cas.versions.identity import check_record, identifying_properties, version_id
from cas.versions.record import Record

if TYPE_CHECKING:
    from cas.versions.values import JSON

VECTORS = Path(__file__).parent / "vectors"


def load(name: str) -> list[Any]:
    vectors: list[Any] = json.loads((VECTORS / name).read_text(encoding="ascii"))
    return [pytest.param(vector, id=vector["what"]) for vector in vectors]


@pytest.mark.parametrize("vector", load("version_ids.json"))
def test_version_id_vectors(vector: dict[str, Any]) -> None:
    """A version id of today must be found again by every later release."""
    inputs = {name: VersionId.parse(text) for name, text in vector["inputs"].items()}

    assert vector["version"] == str(version_id(vector["properties"], inputs))


@pytest.mark.parametrize("vector", load("version_ids.json"))
def test_version_ids_can_be_made_without_cas(vector: dict[str, Any]) -> None:
    """The format is the canonical text and one hash, no more: `b3sum --derive-key` can check it."""
    hashed = blake3(vector["canonical"].encode(), derive_key_context="cas version v1").hexdigest()

    assert vector["version"] == hashed


@pytest.mark.parametrize("vector", load("records.json"))
def test_record_vectors(vector: dict[str, Any]) -> None:
    """The bytes of a record are stored objects: they may never change, in either direction."""
    inputs = {name: VersionId.parse(text) for name, text in vector["inputs"].items()}
    record = Record(
        name=vector["name"],
        type=vector["type"],
        version=version_id(vector["properties"], inputs),
        properties=vector["properties"],
        inputs=inputs,
        content=Content.of(Kind(vector["kind"]), bytes.fromhex(vector["content"])),
        size=vector["size"],
        file_count=vector["file_count"],
        created_at=datetime.fromisoformat(vector["created_at"]),
        message=vector["message"],
        origin=vector["origin"],
    )

    assert vector["encoded"] == record.encode().hex()
    assert vector["record"] == str(record.id)
    assert record == Record.decode(bytes.fromhex(vector["encoded"]))


@given(st.permutations([("a", 1), ("b", {"x": 1, "y": 2}), ("é", None), ("𐀀", "z")]))
def test_order_of_keys_is_irrelevant(pairs: list[tuple[str, JSON]]) -> None:
    """Dictionaries have no order that means anything, in properties as in inputs."""
    ids = {
        name: VersionId(bytes([at]) * 32) for at, (name, _) in enumerate(sorted(pairs, key=lambda p: p[0]))
    }
    shuffled = {name: ids[name] for name, _ in pairs}
    nested = dict(pairs) | {"b": {"y": 2, "x": 1}}

    assert version_id(dict(sorted(pairs)), ids) == version_id(nested, shuffled)


@given(strategies.properties(), strategies.properties())
def test_equal_ids_mean_equal_properties(a: dict[str, JSON], b: dict[str, JSON]) -> None:
    """The id stands for the properties: what differs must differ in it."""
    assert (version_id(a, {}) == version_id(b, {})) == (repr(_deep_sorted(a)) == repr(_deep_sorted(b)))


@given(strategies.properties(), strategies.inputs())
def test_inputs_are_not_properties(properties: dict[str, JSON], inputs: dict[str, VersionId]) -> None:
    """A property that spells an input must not be mistaken for one."""
    spelled: dict[str, object] = {name: str(version) for name, version in inputs.items()}
    as_properties = {**properties, **spelled}

    assert not inputs or version_id(properties, inputs) != version_id(as_properties, {})


def test_what_cannot_be_a_property_has_no_id() -> None:
    """The check is part of hashing, so no caller can forget it."""
    with pytest.raises(InvalidError, match="JSON has no nan"):
        version_id({"a": float("nan")}, {})


def test_content_becomes_a_property_where_nothing_else_is_known() -> None:
    """Each distinct content is then its own version; with a property or an input it is not added."""
    content = Content(Kind.FILE, BlobId.of(b"x"))
    some_input = {"roads": VersionId(bytes(32))}

    assert {"content": str(content)} == identifying_properties({}, {}, content)
    assert identifying_properties({"a": 1.0}, {}, content) == {"a": 1}
    assert identifying_properties({}, some_input, content) == {}


@given(strategies.records())
def test_records_survive_their_encoding(record: Record) -> None:
    """What is read back is what was written, and its bytes are the same again."""
    encoded = record.encode()
    decoded = Record.decode(encoded)

    assert record == decoded
    assert repr(_deep_sorted(record.properties)) == repr(_deep_sorted(decoded.properties))
    assert encoded == decoded.encode()
    check_record(decoded)


@given(strategies.records())
def test_equal_records_have_equal_bytes(record: Record) -> None:
    """The order in which properties and inputs were given must not make another object."""
    backwards = replace(
        record,
        properties=dict(reversed(record.properties.items())),
        inputs=dict(reversed(record.inputs.items())),
    )

    assert record.encode() == backwards.encode()
    assert record.id == backwards.id


def test_a_record_with_another_version_is_found_out() -> None:
    """The version is stored for speed; nothing but this check ties it to what it is the hash of."""
    forged = replace(make_record(properties={"a": 1}), version=VersionId(bytes(32)))

    with pytest.raises(CorruptError, match="it says version 000000000000, its properties and inputs give"):
        check_record(forged)


@pytest.mark.parametrize("size", [0, 1, 10, 50])
def test_a_torn_record_is_refused(size: int) -> None:
    """A record comes from a pack or a row; neither is trusted to be whole."""
    with pytest.raises(CorruptError, match="cannot read a record"):
        Record.decode(make_record().encode()[:size])


@pytest.mark.parametrize(
    ("at", "value", "why"),
    [(0, 2, "format 2"), (3, b"short", "32 bytes"), (6, 9, "Invalid enum value 9"), (7, b"", "32 bytes")],
)
def test_a_record_that_breaks_the_format_is_refused(at: int, value: object, why: str) -> None:
    """Another format, an id of another length, an unknown kind: each is said."""
    fields = msgspec.msgpack.decode(make_record().encode())
    fields[at] = value

    with pytest.raises(CorruptError, match=why):
        Record.decode(msgspec.msgpack.encode(fields))


def test_text_that_is_not_unicode_cannot_be_recorded() -> None:
    """A message from a shell with another encoding arrives as surrogates; it must not end in a traceback."""
    record = replace(make_record(), message="caf\udce9")

    with pytest.raises(InvalidError, match=r"'caf\\udce9' is not valid Unicode"):
        record.encode()


def test_times_of_other_zones_are_stored_as_utc() -> None:
    """Two machines in two zones write the same bytes for one moment."""
    moscow = make_record().created_at.astimezone(tz=datetime.fromisoformat("2024-01-01T00:00+03:00").tzinfo)

    assert make_record().encode() == replace(make_record(), created_at=moscow).encode()


def test_a_directory_is_known_by_its_kind() -> None:
    """The id of a tree and that of a file are different types, so they cannot be mixed up later."""
    record = replace(make_record(), content=Content(Kind.DIRECTORY, TreeId(bytes(32))))

    assert isinstance(Record.decode(record.encode()).content.id, TreeId)


def _deep_sorted(value: JSON) -> JSON:
    match value:
        case dict():
            return {key: _deep_sorted(value[key]) for key in sorted(value)}
        case list():
            return [_deep_sorted(item) for item in value]
    return value
