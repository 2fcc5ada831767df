"""Remote resources: the shapes of what --json prints, the documents, and the lines of text."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Final

from cas.cli import text
from cas.cli.render.shapes import Shape
from cas.cli.table import Align, Column, Overlong
from cas.remotes.secrets import shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cas.cli.render.documents import Document
    from cas.errors import CasError
    from cas.registry.checks import Finding
    from cas.registry.downloads import Result
    from cas.registry.entry import RemoteEntry
    from cas.registry.listing import Listed

_ERROR: Final = "object or null: `code`, `what`, `why` and `hint` of what is wrong"

RESOURCE = Shape(
    {
        "id": "string: what the registry calls it",
        "type": "string: `file` or `directory`",
        "size": "any JSON value; bytes, null when nobody knows",
        "url": "string: where it is, without secrets",
        "mirrors": "array of strings: where else it is",
        "dst_path": "string: where it belongs in the view; of a directory with a `/` at its end",
        "here": "string: `yes`, `no`, `changed` (not as downloaded), `stale` (the registry has changed), "
        "`outdated` (the far side has changed) or `pinned` (it has, and the registry has the old digest)",
        "error": _ERROR,
    },
    is_array=True,
)

DOWNLOAD = Shape(
    {
        "id": "string: what the registry calls it",
        "outcome": "string: `downloaded`, `unchanged`, `restored` (from the repository) or `failed`",
        "path": "string or null: where it is",
        "size": "number: bytes",
        "files": "number: how many files",
        "url": "string or null: where it came from, without secrets",
        "version": "object or null: the version object that it is in the repository; null without one",
        "committed": "boolean: whether that version is new, or current again",
        "error": _ERROR,
        "notes": "array of strings: what else there is to say",
    },
    is_array=True,
)

CHECK = Shape(
    {
        "id": "string: what the registry calls it",
        "about": "string: `source` (the far side), `copy` (what is here) or `damage` (to what is here)",
        "ok": "boolean: whether nothing is wrong",
        "outdated": "boolean: whether the far side has changed since the download, which is not wrong",
        "text": "string: what was found",
        "error": _ERROR,
    },
    is_array=True,
)

LISTING_COLUMNS: Final = (
    Column("RESOURCE_ID", floor=12, overlong=Overlong.KEPT),
    Column("TYPE"),
    Column("SIZE", Align.RIGHT),
    Column("HERE"),
    Column("SOURCE URL", floor=16, overlong=Overlong.KEPT),
)

FINDING_COLUMNS: Final = (
    Column("RESOURCE_ID", floor=12, overlong=Overlong.KEPT),
    Column("ABOUT"),
    Column("OK"),
    Column("FOUND", floor=32, overlong=Overlong.WRAPPED),
)

_STEP: Final = 1024


def size(count: int | None) -> str:
    """Write bytes as the seed does; what nobody knows is `?`.

    >>> size(0), size(10), size(2000), size(None)
    ('  0B', ' 10B', '2.0KiB', '?')
    """
    if count is None:
        return "?"
    return f"{count:3d}B" if count < _STEP else text.size(count).replace(" ", "")


def kind(entry: RemoteEntry) -> str:
    """Name the type of an entry as the seed does."""
    return "Recursive" if entry.is_directory else "File"


def listing_rows(found: Iterable[Listed]) -> list[list[str]]:
    """Lay entries out under `LISTING_COLUMNS`."""
    return [
        [one.entry.name, kind(one.entry), size(one.size), one.here.value, shown(one.entry.url)]
        for one in found
    ]


def finding_rows(found: Iterable[Finding]) -> list[list[str]]:
    """Lay findings out under `FINDING_COLUMNS`."""
    return [
        [
            one.entry.name,
            one.about.value,
            "yes" if one.is_well else "no",
            one.text if one.error is None else str(one.error),
        ]
        for one in found
    ]


def advice(found: Iterable[Finding]) -> Iterator[str]:
    """Say what to type about what was found."""
    for one in found:
        name = shlex.quote(one.entry.name)
        if one.error is not None and one.error.hint is not None:
            yield f"{one.entry.name}: {one.error.hint}"
        elif one.is_outdated and one.entry.digest is not None:
            what = f"the digest of '{one.entry.name}' in the registry"
            yield f"for what is there now: correct {what}, then download it"
        elif one.is_outdated:
            yield f"for what is there now: cas resources download {name}"
        elif one.about.value == "damage":
            yield f"to have it again: cas resources download {name} (what is here is kept)"


def listed(one: Listed) -> Document:
    """Give an entry as `RESOURCE`."""
    entry = one.entry
    return {
        "id": entry.name,
        "type": "directory" if entry.is_directory else "file",
        "size": one.size,
        "url": shown(entry.url),
        "mirrors": [shown(url) for url in entry.mirrors],
        "dst_path": entry.dst_path,
        "here": one.here.value,
        "error": _error(one.problem),
    }


def result(one: Result) -> Document:
    """Give what became of an entry as `DOWNLOAD`."""
    return {
        "id": one.entry.name,
        "outcome": one.outcome.value,
        "path": None if one.path is None else str(one.path),
        "size": one.size,
        "files": one.files,
        "url": one.url,
        "version": None if one.version is None else one.version.as_dict(),
        "committed": one.is_committed,
        "error": _error(one.error),
        "notes": list(one.notes),
    }


def finding(one: Finding) -> Document:
    """Give a finding as `CHECK`."""
    return {
        "id": one.entry.name,
        "about": one.about.value,
        "ok": one.is_well,
        "outdated": one.is_outdated,
        "text": one.text,
        "error": _error(one.error),
    }


def _error(error: CasError | None) -> Document | None:
    return None if error is None else error.as_dict()
