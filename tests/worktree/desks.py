"""A repository and room beside it: what the tests of checkouts work at."""

from __future__ import annotations

import itertools
import os
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

from cas.ids import BlobId, Content, Kind, TreeId
from cas.objects.rows import Stored
from cas.objects.session import Session
from cas.objects.tree import Entry, encode_tree, tree_id
from cas.objects.writer import ObjectWriter
from cas.repo import Repository
from cas.testing.trees import read_tree, write_tree
from cas.worktree import placements
from cas.worktree.checkout import CheckoutReport, Label, checkout
from cas.worktree.link import Link
from cas.worktree.status import local_changes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cas.progress import Progress
    from cas.testing.trees import Node
    from cas.worktree.compare import Change

_RUN = itertools.count()
LABEL = Label("main", "data", bytes(32))


class Desk:
    """One open repository in `home/.cas`."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.repository = Repository.open(home)
        self.store = self.repository._store
        self.layout = self.repository.layout

    @classmethod
    def make(cls, home: Path) -> Self:
        """Make an empty repository."""
        Repository.init(home).close()
        return cls(home)

    def close(self) -> None:
        """Close it."""
        self.repository.close()

    def commit(self, node: Node) -> Content:
        """Store a tree, or a file, and say what it is."""
        with tempfile.TemporaryDirectory(dir=self.home) as folder:
            source = Path(folder, "source")
            write_tree(node, source)
            run = {"run": next(_RUN)}  # a version of its own, whatever is in it
            return self.repository.commit("data", source, properties=run).version.content

    def collect(self, content: Content) -> None:
        """Remove the versions that have this content, and free what only they need."""
        versions = self.repository.versions("data")
        self.repository.remove([f"data@{one.version}" for one in versions if one.content == content])
        self.repository.gc()

    def checkout(
        self,
        content: Content | Entry,
        destination: Path,
        *,
        link: Link = Link.COPY,
        force: bool = False,
        progress: Progress | None = None,
    ) -> CheckoutReport:
        """Check out under a label that does not matter."""
        return checkout(
            self.store,
            content,
            destination,
            label=LABEL,
            clock_ns=time.time_ns,
            link=link,
            force=force,
            progress=progress,
        )

    def changes(self, destination: Path) -> list[Change]:
        """Compare a destination with what is on record."""
        path = placements.locate(destination)
        with self.store.index.read() as txn:
            placement = placements.find(txn, path)
        assert placement is not None
        assert placement.content is not None
        return list(local_changes(self.store, path, placement.content, clock_ns=time.time_ns))

    def put_tree(self, entries: Sequence[Entry], *, depth: int = 0) -> Content:
        """Store a directory as it is given, inside `depth` directories called `d`, without any check."""
        encoded = encode_tree(entries)
        objects = [(tree_id(encoded).raw, Stored.TREE, encoded)]
        for _ in range(depth):
            encoded = encode_tree([Entry.of(b"d", Kind.DIRECTORY, 0, objects[-1][0])])
            objects.append((tree_id(encoded).raw, Stored.TREE, encoded))
        self.put(*objects)
        return Content(Kind.DIRECTORY, TreeId(objects[-1][0]))

    def put_encoded_tree(self, encoded: bytes) -> Content:
        """Store any bytes as a directory."""
        tree = tree_id(encoded)
        self.put((tree.raw, Stored.TREE, encoded))
        return Content(Kind.DIRECTORY, tree)

    def put_blob(self, data: bytes, name: bytes = b"file", kind: Kind = Kind.FILE) -> Entry:
        """Store a file, and give the entry that a directory has for it."""
        blob = BlobId.of(data).raw
        self.put((blob, Stored.DATA, data))
        return Entry.of(name, kind, len(data), blob)

    def put(self, *objects: tuple[bytes, Stored, bytes]) -> None:
        """Store any objects: id, kind, bytes."""
        with Session.start(self.layout) as session:
            writer = ObjectWriter(self.store, session)
            for one in objects:
                writer.put(*one)
            writer.finish(lambda _: None)

    def entries(self, content: Content) -> list[Entry]:
        """Read a directory."""
        assert isinstance(content.id, TreeId)
        return self.store.tree(content.id)

    def litter(self) -> list[str]:
        """List staging directories: the rows of unfinished ones, and what looks like one on disk."""
        with self.store.index.read() as txn:
            rows = [os.fsdecode(row.path) for row in placements.stagings(txn)]
        return rows + [str(path) for path in self.home.rglob("*.cas-*")]


def tree_at(path: Path) -> Node:
    """Read back what is at `path`, which is a directory and no link."""
    assert not path.is_symlink()
    return read_tree(path)


def holds(node: Node, part: Node) -> bool:
    """Whether everything in `part` is in `node`."""
    if isinstance(node, dict) and isinstance(part, dict):
        return all(name in node and holds(node[name], child) for name, child in part.items())
    return node == part
