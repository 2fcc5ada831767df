"""A folder of a layer of refs: the names that lie in it, over the tree of the version that it is inside of.

1. A path belongs to the longest name that is a prefix of it, by components; shorter ones have no say.
2. Where names lie below a path, it is a directory, whatever a version has there. It is merged with the tree
   of the version that it belongs to, if that has a directory there.
3. A name is hidden by a whiteout over it that is newer than its current version; what is inside of a version
   is hidden by a whiteout over it that is newer than the version. What is hidden counts as not there.
4. An opaque path is a directory, unless the layer itself has a file or a symlink there or above.
"""

from __future__ import annotations

import heapq
import os
from typing import TYPE_CHECKING, Final

import msgspec

from cas.ids import Kind, TreeId
from cas.view import name_scan
from cas.view.inner import Spot
from cas.view.layer import ABSENT, SHUT, Seen, order
from cas.view.node import Node
from cas.view.paths import components, join

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cas.objects.index import Txn
    from cas.view.refs_reader import RefsReader


_WHITEOUTS_ONLY: Final = Seen(None, is_final=False, has_whiteouts=True)


class _Found(msgspec.Struct, frozen=True):
    """What there is under one name."""

    path: str
    limit: int
    """Up to which sequence things are hidden there (invariant 3)."""
    has_names: bool
    """Whether names lie below."""
    spot: Spot | None
    """What a version has there."""
    is_hiding: bool = False
    """Whether a whiteout shuts lower layers out."""
    is_opaque: bool = False
    """Whether it is a directory even if there is nothing."""
    nothing: Seen = ABSENT
    """What is seen if there is nothing."""


class RefsFolder(msgspec.Struct, frozen=True):
    """One folder."""

    reader: RefsReader
    path: str = ""
    spot: Spot | None = None
    """The directory of a version that it is."""
    has_names: bool = True
    """Whether names lie in it."""
    limit: int = 0
    """Up to which sequence things are hidden in it."""
    txn: Txn | None = None
    """The snapshot to look at; None is the newest one, at each question."""

    @property
    def node(self) -> Node:
        """The folder itself."""
        return self._directory(self.path, self.spot, has_names=self.has_names)

    @property
    def has_whiteouts(self) -> bool:
        """Whether names in it may be hidden."""
        return self.reader.whiteouts(self.txn).are_below(self.path)

    def look(self, name: str) -> Seen:
        """Say what is there."""
        found = self._find(name)
        spot = found.spot
        if found.has_names or (found.is_opaque if spot is None else spot.is_directory):
            return Seen(self._directory(found.path, spot, has_names=found.has_names), found.is_hiding)
        if spot is not None:
            return Seen(spot.node(found.path), is_final=True)
        return SHUT if found.is_hiding else found.nothing

    def enter(self, name: str) -> RefsFolder:
        """Open a directory."""
        found = self._find(name)
        spot = found.spot if found.spot is not None and found.spot.is_directory else None
        return RefsFolder(self.reader, found.path, spot, found.has_names, found.limit, self.txn)

    def children(self) -> Iterator[Node]:
        """Iterate over what is in it. Memory: a batch of names, and the tree."""
        streams = (self._from_names(), self._from_tree(), self._from_whiteouts())
        return heapq.merge(*streams, key=_key)

    def anchor(self) -> tuple[RefsFolder, list[str]]:
        """Symlinks stay inside of their version: not even names that lie below it are in their reach."""
        assert self.spot is not None, "only versions have symlinks"
        version = self.spot.version
        limit = self.reader.limit(self.txn, version.name)
        root = msgspec.structs.replace(
            self, path=version.name, spot=Spot.of(version), has_names=False, limit=limit
        )
        return root, components(self.spot.path)

    def target(self, name: str) -> str | None:
        """Read a symlink."""
        found = self._find(name).spot
        return None if found is None else os.fsdecode(found.content)

    def hides(self, name: str) -> bool:
        """Whether there is a whiteout for a name."""
        return self._find(name).is_hiding

    def inside(self, target: str) -> str | None:  # noqa: ARG002 - of an `Anchored`
        """Say where an absolute target is: never inside of a version."""
        return None

    def _find(self, name: str) -> _Found:
        if self.txn is None:
            with self.reader.index.read() as txn:
                return self._find_in(txn, name)
        return self._find_in(self.txn, name)

    def _find_in(self, txn: Txn, name: str) -> _Found:
        path = join(self.path, name)
        whiteouts = self.reader.whiteouts(txn)
        if not whiteouts:
            return self._found(txn, path, name, self.limit)
        whiteout = whiteouts.at(path)
        limit = self.limit
        if whiteout is not None and not whiteout.is_opaque:
            limit = max(limit, whiteout.sequence)
        return msgspec.structs.replace(
            self._found(txn, path, name, limit),
            is_hiding=whiteout is not None,
            is_opaque=whiteouts.make_directory(path),
            nothing=_WHITEOUTS_ONLY if whiteouts.are_below(path) else ABSENT,
        )

    def _found(self, txn: Txn, path: str, name: str, limit: int) -> _Found:
        """Say what names and versions make of a path."""
        spot, has_names = None, False
        if self.has_names:
            has_names = self.reader.has_names_below(txn, path)
            version = self.reader.version(txn, path, newer_than=limit)
            spot = None if version is None else Spot.of(version)
        if spot is None and self.spot is not None and self.spot.version.sequence > limit:
            spot = self.spot.child(name, self.reader.tree)
        return _Found(path, limit, has_names, spot)

    def _directory(self, path: str, spot: Spot | None, *, has_names: bool) -> Node:
        """Describe a directory: with its content, if that is what a version has, neither more nor less."""
        if spot is None or has_names or self.reader.are_changed_below(self.txn, path, spot.version.sequence):
            return Node(path, Kind.DIRECTORY, self.reader.name)
        version = spot.version
        is_changed = self.reader.are_changed_below(self.txn, version.name, version.sequence)
        return spot.node(path, is_changed=is_changed)

    def _from_names(self) -> Iterator[Node]:
        """Iterate over what names make of it, invariant 2; the tree has the rest."""
        after = b""
        waiting: list[tuple[bytes, Node]] = []
        while self.has_names:
            with self.reader.index.read() as txn:
                steps = name_scan.steps(txn, self.reader.name, self.path, after)
                nodes = self._named(txn, steps)
            if not steps:
                break
            after = steps[-1]
            for step, node in nodes:
                while waiting and waiting[0][0] <= step:
                    yield heapq.heappop(waiting)[1]
                heapq.heappush(waiting, (_key(node), node))
        yield from (heapq.heappop(waiting)[1] for _ in range(len(waiting)))

    def _named(self, txn: Txn, steps: Iterable[bytes]) -> list[tuple[bytes, Node]]:
        """Describe names. What is a directory because of its content is due when its key with a `/` is."""
        nodes = []
        for step in steps:
            is_folder = step.endswith(b"/")
            found = self._find_in(txn, os.fsdecode(step.rstrip(b"/")))
            spot = found.spot
            if found.has_names:
                if is_folder:
                    nodes.append((step, self._directory(found.path, spot, has_names=True)))
            elif not is_folder and spot is not None and not spot.path:
                is_directory = spot.is_directory
                node = (
                    self._directory(found.path, spot, has_names=False)
                    if is_directory
                    else spot.node(found.path)
                )
                nodes.append((step, node))
        return nodes

    def _from_tree(self) -> Iterator[Node]:
        """Iterate over what the tree has and no name stands for."""
        if self.spot is None:
            return
        found = [self.spot.inside(entry) for entry in self.reader.tree(TreeId(self.spot.content))]
        found.sort(key=lambda spot: order(spot.path, is_directory=spot.is_directory))
        is_plain = not self.has_names and not self.reader.whiteouts(self.txn)
        for spot in found:
            name = spot.path.rpartition("/")[2]
            if is_plain:
                yield spot.node(join(self.path, name))
                continue
            one = self._find(name)
            if one.spot is not None and one.spot.path and not one.has_names:
                node = self.look(name).node
                if node is not None:
                    yield node

    def _from_whiteouts(self) -> Iterator[Node]:
        """Iterate over what is a directory only because it is opaque."""
        names = self.reader.whiteouts(self.txn).opaque_names(self.path)
        for name in sorted(names, key=lambda name: order(name, is_directory=True)):
            found = self._find(name)
            if found.spot is None and not found.has_names:
                yield Node(found.path, Kind.DIRECTORY, self.reader.name)


def _key(node: Node) -> bytes:
    return order(node.basename, is_directory=node.is_directory)
