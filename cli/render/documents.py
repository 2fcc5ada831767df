"""Values of the library as the JSON documents that `cas.cli.render.shapes` describes."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from cas.ids import Kind
from cas.versions.times import format_time

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cas.maintenance.collect import GcReport
    from cas.maintenance.recover import RecoverReport
    from cas.maintenance.stats import Stats
    from cas.maintenance.verify import VerifyReport
    from cas.objects.tree import Entry
    from cas.repo.results import (
        CheckoutResult,
        CheckoutStatus,
        CommitResult,
        Difference,
        LogEntry,
        PropertyChange,
        TreeItem,
    )
    from cas.versions.version import Version
    from cas.view.export import ExportReport
    from cas.worktree.compare import Change

Document = dict[str, Any]
"""A JSON object."""


def versions(found: Iterable[Version]) -> list[Document]:
    """Describe versions."""
    return [dict(version.as_dict()) for version in found]


def commit(result: CommitResult) -> Document:
    """Describe a commit."""
    return {
        "outcome": result.outcome.value,
        "version": result.version.as_dict(),
        "files": result.files,
        "size": result.size,
        "new_bytes": result.new_bytes,
        "new_objects": result.new_objects,
        "reused_objects": result.reused_objects,
        "notes": list(result.notes),
    }


def checkout(result: CheckoutResult) -> Document:
    """Describe a checkout."""
    return {
        "version": result.version.as_dict(),
        "destination": str(result.destination),
        "written": result.written,
        "removed": result.removed,
        "unchanged": result.unchanged,
        "bytes_written": result.bytes_written,
        "notes": list(result.notes),
    }


def export(report: ExportReport) -> Document:
    """Describe a checkout of the view."""
    return {
        "version": None,
        "destination": str(report.destination),
        "written": report.written,
        "removed": report.removed,
        "unchanged": report.unchanged,
        "bytes_written": report.bytes_written,
        "notes": [],
    }


def tree_item(item: TreeItem) -> Document:
    """Describe one path inside a version."""
    return {"path": item.path, "kind": item.kind.name.lower(), "size": item.size, "id": item.id}


def log_entry(entry: LogEntry) -> Document:
    """Describe an event."""
    return {
        "sequence": entry.sequence,
        "at": format_time(entry.at),
        "event": entry.kind,
        "layer": entry.layer,
        "name": entry.name,
        "version": str(entry.version) if entry.version is not None else None,
        "detail": entry.detail,
    }


def cat(version: Version, path: str | None, data: bytes) -> Document:
    """Describe the bytes of a file: as text if that is what they are, else in base64."""
    try:
        encoding, encoded = "utf-8", data.decode()
    except UnicodeDecodeError:
        import base64  # noqa: PLC0415 - rarely needed

        encoding, encoded = "base64", base64.b64encode(data).decode()
    return {
        "version": version.as_dict(),
        "path": path,
        "size": len(data),
        "encoding": encoding,
        "data": encoded,
    }


def value(version: Version, path: str | None, size: int, shown: str) -> Document:
    """Describe a Python value by its `repr`, in the form of `cat`."""
    return {"version": version.as_dict(), "path": path, "size": size, "encoding": "repr", "data": shown}


def difference(found: Difference) -> Document:
    """Describe how two versions differ."""
    return {
        "a": found.a.as_dict(),
        "b": found.b.as_dict(),
        "changes": [change(one) for one in found.changes],
        "properties": [{"key": one.key, "old": one.old, "new": one.new} for one in found.properties],
        "inputs": [_input_change(one) for one in found.inputs],
    }


def status(found: CheckoutStatus) -> Document:
    """Describe what changed in a checkout."""
    return {
        "destination": str(found.destination),
        "version": found.version.as_dict() if found.version is not None else None,
        "missing": found.is_missing,
        "comparable": found.is_comparable,
        "changes": [change(one) for one in found.changes],
    }


def change(found: Change) -> Document:
    """Describe one changed path."""
    return {
        "status": found.status.value,
        "path": found.path,
        "old": _entry(found.old),
        "new": _entry(found.new),
    }


def gc(report: GcReport) -> Document:
    """Describe a collection."""
    return {
        "dry_run": report.dry_run,
        "bytes_freed": report.bytes_freed,
        "freed": [
            {"name": one.name, "layer": one.layer, "version": str(one.version), "bytes": one.bytes}
            for one in report.freed
        ],
        "objects_deleted": report.objects_deleted,
        "packs_deleted": report.packs_deleted,
        "packs_rewritten": report.packs_rewritten,
        "live_objects": report.live_objects,
        "leftovers": report.leftovers,
        "notes": list(report.notes),
    }


def verify(report: VerifyReport) -> Document:
    """Describe a verification."""
    return {
        "quick": report.quick,
        "packs": report.packs,
        "objects": report.objects,
        "bytes": report.bytes,
        "problems": [
            {
                "code": one.code,
                "what": one.what,
                "id": str(one.id),
                "affected": list(one.affected),
                "repaired": one.repaired,
            }
            for one in report.problems
        ],
    }


def recover(report: RecoverReport) -> Document:
    """Describe a recovery."""
    return {
        "source": report.source,
        "packs": report.packs,
        "objects": report.objects,
        "versions": report.versions,
        "tags": report.tags,
        "lost": list(report.lost),
    }


def stats(found: Stats) -> Document:
    """Describe what the store holds."""
    return {
        "names": found.names,
        "versions": found.versions,
        "objects": found.objects,
        "packs": found.packs,
        "logical_bytes": found.logical_bytes,
        "unique_bytes": found.unique_bytes,
        "stored_bytes": found.stored_bytes,
        "garbage_bytes": found.garbage_bytes,
        "dedup_ratio": found.dedup_ratio,
        "compression_ratio": found.compression_ratio,
        "per_name": [
            {
                "name": one.name,
                "layer": one.layer,
                "versions": one.versions,
                "logical_bytes": one.logical,
                "unique_bytes": one.unique,
            }
            for one in found.per_name
        ],
        "largest": versions(found.largest),
    }


def _entry(entry: Entry | None) -> Document | None:
    if entry is None:
        return None
    shown = os.fsdecode(entry.id) if entry.kind is Kind.SYMLINK else entry.id.hex()
    return {"kind": entry.kind.name.lower(), "size": entry.size, "id": shown}


def _input_change(found: PropertyChange) -> Document:
    return {
        "name": found.key,
        "old": str(found.old) if found.old is not None else None,
        "new": str(found.new) if found.new is not None else None,
    }
