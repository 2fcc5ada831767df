"""Versions, changes and values as text."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from cas.cli.console import Paint
from cas.cli.render import text
from cas.cli.render.table import Align, Column
from cas.versions.version import State

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from cas.cli.console import Console
    from cas.repo.results import Listing
    from cas.versions.version import Version
    from cas.worktree.compare import Change

_LAYER = Column("LAYER")
_VERSION = Column("VERSION")
_SIZE = Column("SIZE", Align.RIGHT)
_FILES = Column("FILES", Align.RIGHT, is_droppable=True)
_WHEN = Column("COMMITTED", is_droppable=True)
_TAGS = Column("TAGS", is_flexible=True)

_LETTERS = {
    "added": ("A", Paint.GOOD),
    "removed": ("D", Paint.GONE),
    "modified": ("M", Paint.CHANGED),
    "type": ("T", Paint.CHANGED),
}


def reference(version: Version) -> str:
    """Write the shortest spec that means this version wherever it is read."""
    return version.ref


def contents(version: Version) -> str:
    """Say how much is in a version: `12,345 files, 300.1 MiB`, or the size alone of a file."""
    if version.content.is_directory:
        return f"{text.counted(version.file_count, 'file')}, {text.size(version.size)}"
    return text.size(version.size)


def listing_table(found: Sequence[Listing]) -> tuple[list[Column], list[list[str]]]:
    """Lay out names and their current versions; the layer only where there are several."""
    has_layers = len({one.layer for one in found}) > 1
    columns = [Column("NAME", is_flexible=True), *([_LAYER] if has_layers else []), _VERSION]
    columns += [_SIZE, _FILES, Column("VERSIONS", Align.RIGHT, is_droppable=True), _WHEN, _TAGS]
    rows = [
        [
            one.name,
            *([one.layer] if has_layers else []),
            one.current.version.short,
            text.size(one.current.size),
            text.number(one.current.file_count),
            text.number(one.version_count),
            text.when(one.current.created_at),
            ", ".join(one.current.tags),
        ]
        for one in found
    ]
    return columns, rows


def version_table(found: Sequence[Version]) -> tuple[list[Column], list[list[str]]]:
    """Lay out versions, one line each; what is current or not alive is said in the last column."""
    has_layers = len({one.layer for one in found}) > 1
    columns = [Column("VERSION", is_flexible=True), *([_LAYER] if has_layers else []), _SIZE, _FILES, _WHEN]
    columns += [Column("TAGS", is_flexible=True), Column("MESSAGE", is_flexible=True, is_droppable=True)]
    rows = [
        [
            reference(one),
            *([one.layer] if has_layers else []),
            text.size(one.size),
            text.number(one.file_count),
            text.when(one.created_at),
            ", ".join(_marks(one)),
            _first_line(one.record.message),
        ]
        for one in found
    ]
    if not any(row[-1] for row in rows):
        return columns[:-1], [row[:-1] for row in rows]
    return columns, rows


def description(version: Version) -> Iterator[tuple[str, str]]:
    """Give everything that is known about a version as (label, value), in reading order."""
    yield "name", version.name
    yield "layer", version.layer
    yield "version", str(version.version)
    yield "content", str(version.content)
    kind = version.content.kind.name.lower()
    yield "kind", kind if version.type == kind else f"{kind} ({version.type})"
    yield "size", f"{text.size(version.size)} ({text.number(version.size)} bytes)"
    if version.content.is_directory:
        yield "files", text.number(version.file_count)
    yield "committed", text.when_exactly(version.created_at)
    if version.record.origin:
        yield "by", version.record.origin
    if version.record.message:
        yield "message", version.record.message
    if version.tags:
        yield "tags", ", ".join(version.tags)
    yield "state", "live, current" if version.is_current else version.state.value


def properties(version: Version) -> list[tuple[str, str]]:
    """Give the properties as they would be typed after -p."""
    return [(key, value(one)) for key, one in sorted(version.properties.items())]


def value(found: object) -> str:
    """Write a property value: text as it is, anything else as JSON."""
    if isinstance(found, str):
        return found
    import json  # noqa: PLC0415 - most properties are text

    return json.dumps(found, ensure_ascii=False)


def changes(console: Console, found: Iterable[Change]) -> Iterator[str]:
    """Write changed paths, one a line, with a letter as git has it: A, D, M, or T for another type."""
    for change in found:
        letter, paint = _LETTERS[change.status.value]
        yield f"{console.paint(letter, paint)}  {text.printable(change.path)}"


def summary(found: Sequence[Change]) -> str:
    """Count changes by kind: `3 added, 1 modified`."""
    counts = Counter(change.status.value for change in found)
    words = {"added": "added", "modified": "modified", "type": "of another type", "removed": "removed"}
    return (
        ", ".join(f"{counts[key]:,} {word}" for key, word in words.items() if counts[key])
        or "no files changed"
    )


def _marks(version: Version) -> list[str]:
    marks = list(version.tags)
    if version.state is not State.LIVE:
        marks.append(f"({version.state.value})")
    return marks


def _first_line(message: str) -> str:
    return message.partition("\n")[0]
