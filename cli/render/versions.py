"""Versions, changes and values as text."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from cas.cli import text
from cas.cli.console import Paint
from cas.cli.table import Align, Column, Overlong
from cas.versions.version import State

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from cas.cli.console import Console
    from cas.versions.version import Version
    from cas.worktree.compare import Change

LAYER = Column("LAYER", hides_when_empty=True)
SIZE = Column("SIZE", Align.RIGHT)
FILES = Column("FILES", Align.RIGHT, is_droppable=True)
WHEN = Column("COMMITTED", is_droppable=True)
TAGS = Column("TAGS", floor=8, overlong=Overlong.KEPT, hides_when_empty=True)
_MESSAGE = Column("MESSAGE", floor=12, is_droppable=True, hides_when_empty=True)

_LETTERS = {
    "added": ("A", Paint.GOOD),
    "removed": ("D", Paint.GONE),
    "modified": ("M", Paint.CHANGED),
    "type": ("T", Paint.CHANGED),
}


def reference_column(title: str = "VERSION") -> Column:
    """Make a column of `name@id`, which is what other commands take."""
    return Column(title, floor=40, overlong=Overlong.KEPT)


def version_table(
    found: Sequence[Version], *, title: str = "VERSION"
) -> tuple[list[Column], list[list[str]]]:
    """Lay out versions, one line each; what is not alive is marked behind its tags."""
    columns = [reference_column(title), LAYER, SIZE, FILES, WHEN, TAGS, _MESSAGE]
    layers = layer_labels(one.layer for one in found)
    rows = [
        [
            one.ref,
            layers[one.layer],
            text.size(one.size),
            text.number(one.file_count),
            text.when(one.created_at),
            ", ".join(_marks(one)),
            one.record.message.partition("\n")[0],
        ]
        for one in found
    ]
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
        yield f"{console.paint(letter, paint)}  {text.printable(change.path) or '(the file itself)'}"


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


def layer_labels(found: Iterable[str]) -> dict[str, str]:
    """Say what to show for each layer: nothing where there is only one."""
    names = set(found)
    return {name: name if len(names) > 1 else "" for name in names}
