"""Lineage: what a version was made from, and what was made from it.

It is told by the records, so it is the same after the content was removed and collected; such versions are
in it as what they are. An input of which there is no record (it was made elsewhere, and only the result came
here) is in it too, by its role and version id.

A record names its inputs by role. Where the role is no resource with that version id, and several others are,
the record does not say which was meant: the first by name stands for them, and the edge has the others.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, TypeAlias

from cas.graph.records import Records

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cas.ids import VersionId
    from cas.repo.repository import Repository
    from cas.versions.version import Version


class Direction(Enum):
    """Which way to look."""

    UP = "up"
    """What it was made from, and what that was made from."""
    DOWN = "down"
    """What was made from it, and what was made from that."""
    BOTH = "both"


Key: TypeAlias = "tuple[str, VersionId]"
"""Name and version id of a node; an unknown one has no name."""


@dataclass(frozen=True, slots=True)
class Node:
    """A version in a lineage."""

    key: Key
    version: Version | None
    """None if there is no record of it."""

    @property
    def state(self) -> str:
        """Where in its life it is: a `State`, or "unknown"."""
        return "unknown" if self.version is None else self.version.state.value


@dataclass(frozen=True, slots=True)
class Edge:
    """That one version was made from another."""

    source: Key
    """The input."""
    target: Key
    """What was made from it."""
    role: str
    """What the record of `target` calls the input."""
    others: tuple[str, ...] = ()
    """Names of other resources that the record may mean instead of the source's, sorted."""


@dataclass(frozen=True, slots=True)
class Lineage:
    """A version, and what it is derived from or what is derived from it: a graph without cycles."""

    root: Key
    direction: Direction
    nodes: dict[Key, Node]
    """The root first, then in the order in which they were met, level by level."""
    edges: tuple[Edge, ...]
    """Each once, in the same order."""


def lineage(repository: Repository, spec: str, direction: Direction = Direction.BOTH) -> Lineage:
    """Follow the inputs of a version upwards, its users downwards, or both, as far as it goes.

    Args:
        repository: Where to look.
        spec: The version; where it means nothing alive, what it meant last.
        direction: Which way to go from there; with BOTH these are two walks, and the other users of an
            input are not met.

    Raises:
        NotFoundError: There never was such a version.
        InvalidError: The spec breaks the grammar, or is ambiguous.
    """
    records = Records(repository)
    version = records.find(spec)
    root = Node((version.name, version.version), version)
    nodes = {root.key: root}
    edges: dict[Edge, None] = {}
    for wanted, step in ((Direction.UP, _inputs), (Direction.DOWN, _users)):
        if direction in {wanted, Direction.BOTH}:
            _walk(records, root, step, nodes, edges)
    return Lineage(root.key, direction, nodes, tuple(edges))


_Step: TypeAlias = "Callable[[Records, Version], Iterator[tuple[Node, Edge]]]"
"""From a version to its neighbours on one side."""


def _walk(records: Records, root: Node, step: _Step, nodes: dict[Key, Node], edges: dict[Edge, None]) -> None:
    """Go from `root` as far as `step` leads, and collect what is met."""
    waiting = deque([root])
    met = {root.key}
    while waiting:
        node = waiting.popleft()
        for neighbour, edge in step(records, node.version) if node.version is not None else ():
            edges.setdefault(edge)
            if neighbour.key not in met:
                met.add(neighbour.key)
                waiting.append(nodes.setdefault(neighbour.key, neighbour))


def _inputs(records: Records, version: Version) -> Iterator[tuple[Node, Edge]]:
    target = (version.name, version.version)
    for role, used in sorted(version.inputs.items()):
        holder = records.holder(role, used)
        if holder is None:
            node = Node(("", used), None)
            yield node, Edge(node.key, target, role)
        else:
            node = Node((holder.version.name, used), holder.version)
            yield node, Edge(node.key, target, role, holder.others)


def _users(records: Records, version: Version) -> Iterator[tuple[Node, Edge]]:
    source = (version.name, version.version)
    for use in records.users(version.name, version.version):
        node = Node((use.user.name, use.user.version), use.user)
        yield node, Edge(source, node.key, use.role, use.others)
