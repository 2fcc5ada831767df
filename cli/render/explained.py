"""Explanations, lineages and scans: the shape of what --json prints, the documents, and the lines of text."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from cas.cli import text
from cas.cli.render import documents, versions
from cas.cli.render.shapes import VERSION, Shape

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cas.cli.render.documents import Document
    from cas.graph.causes import Cause, Replaced
    from cas.graph.expected import Expected
    from cas.graph.lineage import Lineage
    from cas.graph.scan import ScanReport
    from cas.graph.why import Difference
    from cas.versions.version import Version

_Path: TypeAlias = "tuple[Replaced, ...]"

WHY = Shape(
    {
        "name": "string: the name of the resource that is explained",
        "version": "string: the version id that is explained",
        "old": "object or null: the version object that it is compared with; null with `--pipeline`",
        "new": "object or null: the version object that is explained; null with `--pipeline`",
        "causes": Shape(
            {
                "kind": "string: `property-added`, `property-dropped`, `property-changed`, `input-added`, "
                "`input-dropped`, `input-changed` (there is no record that says more), `input-repeated` "
                "(as an earlier cause), `never-made`, `removed` or `collected`",
                "key": "string: the property or part of it, the name of the input, or what is not there",
                "old": "any JSON value; of an input the version id, null when there was none",
                "new": "any JSON value; of an input the version id, null when there is none",
                "path": Shape(
                    {
                        "role": "string: what the input is called",
                        "old": "string: its version id before",
                        "new": "string: its version id now",
                    },
                    is_array=True,
                ),
                "text": "string: all of this in words",
            },
            is_array=True,
        ),
    },
    is_array=True,
)

LINEAGE = Shape(
    {
        "root": "number: the id of the node that was asked for",
        "direction": "string: `up`, `down` or `both`",
        "nodes": Shape(
            {
                "id": "number: what edges call it",
                "name": "string or null: the name of the resource; null when there is no record of it",
                "version": "string: the version id",
                "state": "string: `live`, `removed`, `collected`, or `unknown`: there is no record of it",
                "record": "object or null: the version object; null when there is no record of it",
            },
            is_array=True,
        ),
        "edges": Shape(
            {
                "from": "number: the id of the input",
                "to": "number: the id of what was made from it",
                "role": "string: what the record calls the input",
                "others": "array of strings: other resources of the same version id, which it may be as well",
            },
            is_array=True,
        ),
    }
)

SCAN = Shape(
    {
        "dry_run": "boolean: whether nothing was really done",
        "scanned": Shape(
            {
                "path": "string: the path, as the rule has it",
                "outcome": "string: `created`, `unchanged` or `would-create`",
                "version": VERSION,
            },
            is_array=True,
        ),
        "vanished": VERSION.many(),
        "notes": "array of strings: what was left out, and why",
    }
)


def lines(causes: Iterable[Cause]) -> Iterator[str]:
    """Write causes, one a line, each below the input in which it is; as they come, but inputs together."""
    waiting = [(0, _below((cause, cause.path) for cause in causes))]
    while waiting:
        depth, groups = waiting.pop()
        for here, inside in groups:
            yield f"{'  ' * depth}  {text.printable(here)}"
            if inside:
                waiting += [(depth, groups), (depth + 1, _below(inside))]
                break


def _below(causes: Iterable[tuple[Cause, _Path]]) -> Iterator[tuple[str, list[tuple[Cause, _Path]]]]:
    """Group causes by the next input on their way: a line, and what stands below it."""
    groups: dict[str, list[tuple[Cause, _Path]]] = {}
    for cause, path in causes:
        if path:
            groups.setdefault(f"{path[0]}, because its", []).append((cause, path[1:]))
        else:
            groups.setdefault(cause.fact, [])
    return iter(groups.items())


def difference(found: Difference) -> Document:
    """Describe why a version is another one than before."""
    return {
        "name": found.new.name,
        "version": str(found.new.version),
        "old": found.old.as_dict(),
        "new": found.new.as_dict(),
        "causes": [_cause(one) for one in found.causes],
    }


def expected(found: Expected) -> Document:
    """Describe why something would be built."""
    return {
        "name": found.name,
        "version": str(found.version),
        "old": None,
        "new": None,
        "causes": [_cause(one) for one in found.causes],
    }


def lineage(found: Lineage) -> Document:
    """Describe a lineage; its nodes are numbered."""
    number = {key: at for at, key in enumerate(found.nodes)}
    return {
        "root": number[found.root],
        "direction": found.direction.value,
        "nodes": [
            {
                "id": number[node.key],
                "name": node.key[0] or None,
                "version": str(node.key[1]),
                "state": node.state,
                "record": None if node.version is None else node.version.as_dict(),
            }
            for node in found.nodes.values()
        ],
        "edges": [
            {
                "from": number[edge.source],
                "to": number[edge.target],
                "role": edge.role,
                "others": list(edge.others),
            }
            for edge in found.edges
        ],
    }


def scan(found: ScanReport, *, dry_run: bool) -> Document:
    """Describe a scan."""
    return {
        "dry_run": dry_run,
        "scanned": [
            {"path": one.path, "outcome": one.outcome.value, "version": one.version.as_dict()}
            for one in found.scanned
        ],
        "vanished": documents.versions(found.vanished),
        "notes": list(found.notes),
    }


def _cause(found: Cause) -> Document:
    return {
        "kind": found.kind.value,
        "key": found.key,
        "old": found.old,
        "new": found.new,
        "path": [{"role": one.role, "old": str(one.old), "new": str(one.new)} for one in found.path],
        "text": str(found),
    }


def identifying(version: Version) -> list[tuple[str, str]]:
    """Give the properties that tell which file a version was, as they would be typed after -p."""
    from cas.versions.identity import CONTENT_PROPERTY  # noqa: PLC0415 - help needs nothing of it

    return [pair for pair in versions.properties(version) if pair[0] != CONTENT_PROPERTY]
