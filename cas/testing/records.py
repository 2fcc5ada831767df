"""Records for tests that care about one or two fields of them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from cas.ids import BlobId, Content, Kind
from cas.versions.identity import version_id
from cas.versions.properties import check_properties
from cas.versions.record import Record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cas.ids import VersionId

CREATED_AT = datetime(2024, 2, 29, 12, 30, 15, 123456, tzinfo=UTC)
"""When every record here was made."""


def make_record(
    name: str = "roads",
    properties: Mapping[str, object] | None = None,
    *,
    inputs: Mapping[str, VersionId] | None = None,
    data: bytes = b"content",
    message: str = "",
) -> Record:
    """Build the record of a file that holds `data`; nothing is stored."""
    return Record(
        name=name,
        type="file",
        version=version_id(properties or {}, inputs or {}),
        properties=check_properties(properties or {}),
        inputs=dict(inputs or {}),
        content=Content(Kind.FILE, BlobId.of(data)),
        size=len(data),
        file_count=1,
        created_at=CREATED_AT,
        message=message,
    )
