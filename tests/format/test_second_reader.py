"""A second reader, written from `docs/format/` alone, gives the bytes that were committed.

It shares no code with `cas`: if it needs something that the documents do not say, they are incomplete. It
does not open the index, so it also proves that packs and journal are enough.
"""

from __future__ import annotations

import base64
import json
import os
import random
import struct
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
import rfc8785
import yaml
from blake3 import blake3

from cas import Repository

if TYPE_CHECKING:
    from pathlib import Path

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

DATA, RECIPE, RECORD = 0, 1, 4
FILE, EXECUTABLE, SYMLINK, DIRECTORY = range(4)
Versions = dict[bytes, dict[str, Any]]
CONTEXTS = {2: "cas recipe v1", 3: "cas tree v1", 4: "cas record v1"}


@dataclass
class Place:
    """Where an object is."""

    pack: Path
    frame: tuple[int, int, int]
    kind: int
    offset: int
    size: int


@dataclass
class Reader:
    """Opens a repository by docs/format/repository.md, "Reading a version without the index"."""

    root: Path
    objects: dict[bytes, Place] = field(default_factory=dict)

    def __post_init__(self) -> None:
        config = yaml.safe_load((self.root / "config.yaml").read_text())
        assert config["format"] == 1
        assert not config["features"]["incompatible"]
        for pack in sorted(self.root.glob("packs/??/*.pack")):
            self.read_tables(pack)

    def read_tables(self, pack: Path) -> None:
        """Read a pack's tables: docs/format/pack.md."""
        data = pack.read_bytes()
        assert blake3(data).hexdigest() == pack.stem
        assert pack.parent.name == pack.stem[:2]
        magic, version, flags, _salt = struct.unpack(">8sII16s", data[:32])
        assert (magic, version, flags) == (b"CASPACK\n", 1, 0)
        body_hash, tables_hash, frame_count, object_count, end = struct.unpack(">32s32sII8s", data[-80:])
        assert end == b"CASPEND\n"
        objects_at = len(data) - 80 - 45 * object_count
        frames_at = objects_at - 12 * frame_count
        assert blake3(data[:frames_at]).digest() == body_hash
        assert blake3(data[frames_at:-80]).digest() == tables_hash
        frames = list(struct.iter_unpack(">III", data[frames_at:objects_at]))
        rows = list(struct.iter_unpack(">32sBIII", data[objects_at:-80]))
        assert rows == sorted(rows)
        for object_id, kind, frame, offset, size in rows:
            self.objects[object_id] = Place(pack, frames[frame], kind, offset, size)

    def object(self, object_id: bytes) -> bytes:
        """Give the bytes of an object, checked, unless it is a recipe, which only its blob can check."""
        place = self.objects[object_id]
        offset, stored_size, raw_size = place.frame
        with place.pack.open("rb") as file:
            file.seek(offset)
            frame = file.read(stored_size)
        if stored_size != raw_size:
            frame = zstd.decompress(frame)
        assert len(frame) == raw_size
        data = frame[place.offset : place.offset + place.size]
        if place.kind == DATA:
            assert blake3(data).digest() == object_id
        elif place.kind != RECIPE:
            assert blake3(data, derive_key_context=CONTEXTS[place.kind]).digest() == object_id
        return data

    def blob(self, blob_id: bytes) -> bytes:
        """Give the bytes of a file."""
        data = self.object(blob_id)
        if self.objects[blob_id].kind == RECIPE:
            data = self.recipe(data)
            assert blake3(data).digest() == blob_id
        return data

    def recipe(self, encoded: bytes) -> bytes:
        """Put together what a recipe covers."""
        level, size, parts = msgspec.msgpack.decode(encoded)
        assert len(parts) <= 4096
        pieces = [self.object(part) if level == 0 else self.recipe(self.object(part)) for part, _ in parts]
        assert [len(piece) for piece in pieces] == [part_size for _, part_size in parts]
        assert sum(map(len, pieces)) == size
        return b"".join(pieces)

    def write(self, kind: int, content: bytes, destination: Path) -> None:
        """Recreate a file or a directory."""
        if kind == DIRECTORY:
            destination.mkdir()
            for name, mode, entry_kind, _size, entry_id in msgspec.msgpack.decode(self.object(content)):
                assert mode == (0o644, 0o755, 0o777, 0o755)[entry_kind]
                self.write(entry_kind, entry_id, destination / os.fsdecode(name))
        elif kind == SYMLINK:
            destination.symlink_to(os.fsdecode(content))
        else:
            destination.write_bytes(self.blob(content))
            destination.chmod(0o755 if kind == EXECUTABLE else 0o644)

    def events(self) -> list[dict[str, Any]]:
        """Read the journal: docs/format/journal.md."""
        entries: list[dict[str, Any]] = []
        (*_, newest) = sorted(self.root.glob("journal/" + "[0-9]" * 20 + ".log"))
        previous = -1
        count = 0
        for line in newest.read_bytes().splitlines(keepends=True):
            checksum, text = line[:32], line[33:-1]
            assert blake3(text).digest()[:16].hex().encode() == checksum
            group = json.loads(text)
            if group["first"] == previous != 0:
                del entries[-count:]
            previous, count = group["first"], len(group["entries"])
            entries += group["entries"]
        return entries

    def refs(self) -> dict[str, Versions]:
        """Replay the journal: name to version to sequence, state, tags and record."""
        names: dict[str, Versions] = {}
        for entry in self.events():
            event = entry["event"]
            if "version" not in event:
                continue
            versions = names.setdefault(event["name"], {})
            if event["kind"] in {"commit", "keep"}:
                place(versions, entry)
            else:
                change(versions, entry)
        return names

    def whiteouts(self) -> dict[tuple[str, bytes], tuple[int, bool]]:
        """Replay the journal: layer and path to sequence and whether it is opaque."""
        found: dict[tuple[str, bytes], tuple[int, bool]] = {}
        for entry in self.events():
            event = entry["event"]
            if "path" not in event:
                continue
            key = event["layer"], base64.b64decode(event["path"])
            found.pop(key, None)
            if event["kind"] == "hide":
                found[key] = entry["sequence"], event["is_opaque"]
        return found

    def current(self, name: str) -> dict[str, Any]:
        """The live version of a name that was placed last."""
        live = [row for row in self.refs()[name].values() if row["state"] == "live"]
        return max(live, key=lambda row: row["sequence"])


def place(versions: Versions, entry: dict[str, Any]) -> None:
    """Apply an event that has a record."""
    event = entry["event"]
    version = base64.b64decode(event["version"])
    old = versions.get(version)
    kept = old["tags"] if old and old["state"] == "live" else set()
    versions[version] = {
        "sequence": entry["sequence"],
        "state": event.get("state", "live"),
        "tags": set(event.get("tags", kept)),
        "record": base64.b64decode(event["record"]),
    }


def change(versions: Versions, entry: dict[str, Any]) -> None:
    """Apply an event about a version that there is."""
    event = entry["event"]
    row = versions[base64.b64decode(event["version"])]
    match event["kind"]:
        case "renew":
            row["sequence"] = entry["sequence"]
        case "tag":
            for other in versions.values():
                other["tags"].discard(event["tag"])
            row["tags"].add(event["tag"])
        case "untag":
            row["tags"].discard(event["tag"])
        case kind:
            row["state"] = {"remove": "removed", "restore": "live", "collect": "collected"}[kind]


def snapshot(path: Path) -> object:
    """What is at a path: kinds, bytes and links."""
    if path.is_symlink():
        return ("link", path.readlink())
    if path.is_dir():
        return {child.name: snapshot(child) for child in path.iterdir()}
    return (path.read_bytes(), os.access(path, os.X_OK))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A directory with one of everything that the format has to say something about."""
    folder = tmp_path / "source"
    (folder / "sub" / "deeper").mkdir(parents=True)
    (folder / "empty directory").mkdir()
    (folder / "empty file").touch()
    (folder / "small.txt").write_text("a line\n" * 100)
    (folder / "sub" / "tool").write_text("#!/bin/sh\n")
    (folder / "sub" / "tool").chmod(0o755)
    (folder / "sub" / "link").symlink_to("../small.txt")
    (folder / "sub" / "deeper" / "ünïcode").write_bytes(bytes(range(256)))
    (folder / "large.bin").write_bytes(random.Random(1).randbytes(3_000_000))
    (folder / "zeros.bin").write_bytes(bytes(2_000_000))
    return folder


def test_a_directory_is_read_back(source: Path, tmp_path: Path) -> None:
    """Packs, frames, recipes, trees: everything on the way from a name to bytes is documented."""
    with Repository.init(tmp_path) as repository:
        repository.commit("data", source, properties={"city": "Oslo"})
    reader = Reader(tmp_path / ".cas")
    record = msgspec.msgpack.decode(reader.current("data")["record"])

    reader.write(record[6], record[7], tmp_path / "copy")

    assert snapshot(tmp_path / "copy") == snapshot(source)


def test_a_record_is_understood(source: Path, tmp_path: Path) -> None:
    """Every field is where the document says, and the version id is the hash that it says."""
    with Repository.init(tmp_path) as repository:
        properties: dict[str, Any] = {"city": "Oslo", "year": 2024, "scale": 0.5, "ok": True}
        first = repository.commit("base", source / "small.txt").version
        made = repository.commit(
            "made", source, properties=properties, inputs=["base"], message="hello"
        ).version
    reader = Reader(tmp_path / ".cas")

    record = msgspec.msgpack.decode(reader.current("made")["record"])

    asked: dict[str, Any] = {"inputs": {"base": str(first.version)}, "properties": properties}
    version = blake3(rfc8785.dumps(asked), derive_key_context="cas version v1").digest()
    assert record[:6] == [1, "made", "directory", version, properties, {"base": first.version.raw}]
    assert record[6:10] == [DIRECTORY, made.content.id.raw, made.size, made.file_count]
    assert record[11] == "hello"
    assert reader.object(made.record.id.raw) == reader.current("made")["record"]


def test_records_are_found_without_the_journal(source: Path, tmp_path: Path) -> None:
    """If only packs are left, every version and its content can still be had."""
    with Repository.init(tmp_path) as repository:
        repository.commit("data", source)
    reader = Reader(tmp_path / ".cas")

    (encoded,) = [reader.object(key) for key, place in reader.objects.items() if place.kind == RECORD]

    record = msgspec.msgpack.decode(encoded)
    assert record[1] == "data"
    assert record[4] == {"content": record[7].hex()}


def test_the_journal_tells_the_life_of_a_version(tmp_path: Path) -> None:
    """Tags, removal, restoration and the current version follow from the events, as documented."""
    file = tmp_path / "file"
    versions = []
    with Repository.init(tmp_path) as repository:
        for text in ("one", "two", "three"):
            file.write_text(text)
            versions.append(repository.commit("data", file).version)
        one, two, three = (version.ref for version in versions)
        repository.tag(one, "stable")
        repository.tag(two, "stable", force=True)
        repository.tag(three, "other")
        repository.remove([three])
        repository.remove([one])
        repository.restore(one)

    refs = Reader(tmp_path / ".cas").refs()["data"]

    states = [(refs[v.version.raw]["state"], refs[v.version.raw]["tags"]) for v in versions]
    assert states == [("live", set()), ("live", {"stable"}), ("removed", {"other"})]
    reader = Reader(tmp_path / ".cas")
    assert reader.blob(msgspec.msgpack.decode(reader.current("data")["record"])[7]) == b"two"


@pytest.mark.parametrize("is_compacted", [False, True])
def test_the_journal_tells_what_is_hidden(tmp_path: Path, *, is_compacted: bool) -> None:
    """By history or by a snapshot: layer, bytes of the path, the sequence that newer versions exceed."""
    with Repository.init(tmp_path) as repository:
        repository.hide("models/old")
        repository.hide("models", opaque=True)
        repository.hide(os.fsdecode(b"models/\xff"))
        repository.unhide("models/old")
        if is_compacted:
            repository._index.write(repository._ledger.compact)

    found = Reader(tmp_path / ".cas").whiteouts()

    assert found == {("main", b"models"): (2, True), ("main", b"models/\xff"): (3, False)}


def test_a_snapshot_of_the_journal_says_the_same(tmp_path: Path) -> None:
    """Gc replaces the journal by a snapshot; whoever reads it finds the same refs."""
    file = tmp_path / "file"
    with Repository.init(tmp_path) as repository:
        for text in ("one", "two", "three"):
            file.write_text(text)
            repository.commit("data", file, tag=text)
        (version,) = repository.remove(["data@three"]).versions
        before = Reader(tmp_path / ".cas").refs()
        repository.gc()

    after = Reader(tmp_path / ".cas").refs()

    assert {key: row for key, row in after["data"].items() if row["state"] == "live"} == {
        key: row for key, row in before["data"].items() if row["state"] == "live"
    }
    assert after["data"][version.version.raw]["state"] == "collected"
