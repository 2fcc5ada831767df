"""Comparing trees by their ids."""

from __future__ import annotations

from typing import TYPE_CHECKING

from blake3 import blake3
from hypothesis import given

from cas.ids import BlobId, Content, Kind, TreeId
from cas.objects.tree import Entry, encode_tree, tree_id
from cas.testing import strategies
from cas.testing.trees import File, Symlink
from cas.worktree.compare import Change, Status, diff

if TYPE_CHECKING:
    from cas.testing.trees import Node, Tree


class Shelf:
    """Trees in memory, and how often each was read."""

    def __init__(self) -> None:
        self.trees: dict[TreeId, list[Entry]] = {}
        self.reads: list[TreeId] = []

    def put(self, node: Node) -> Content:
        """Keep a tree; its content."""
        entry = self._entry(b"", node)
        return Content.of(entry.kind, entry.id)

    def read(self, tree: TreeId) -> list[Entry]:
        """Give the entries of a tree."""
        self.reads.append(tree)
        return self.trees[tree]

    def diff(self, a: Node | None, b: Node | None) -> list[Change]:
        """Compare two trees."""
        old = None if a is None else self.put(a)
        new = None if b is None else self.put(b)
        return list(diff(self.read, old, new))

    def _entry(self, name: bytes, node: Node) -> Entry:
        match node:
            case File(data, is_executable):
                kind = Kind.EXECUTABLE if is_executable else Kind.FILE
                return Entry.of(name, kind, len(data), blake3(data).digest())
            case Symlink(target):
                return Entry.of(name, Kind.SYMLINK, len(target), target)
            case _:
                entries = [self._entry(child, node[child]) for child in sorted(node)]
                tree = tree_id(encode_tree(entries))
                self.trees[tree] = entries
                return Entry.of(name, Kind.DIRECTORY, sum(entry.size for entry in entries), tree.raw)


def told(changes: list[Change]) -> list[tuple[str, str]]:
    """Reduce changes to status and path."""
    return [(change.status.value, change.path) for change in changes]


def test_equal_trees_are_not_read() -> None:
    """Two contents with one id are the same: nothing is read to find that out."""
    shelf = Shelf()

    assert shelf.diff({b"a": File(b"1")}, {b"a": File(b"1")}) == []
    assert shelf.reads == []


def test_equal_parts_are_skipped() -> None:
    """The cost is that of what differs: a large equal sub-directory is never read."""
    shelf = Shelf()
    large: Tree = {b"%d" % number: File(b"same") for number in range(100)}

    changes = shelf.diff({b"large": large, b"x": File(b"1")}, {b"large": large, b"x": File(b"2")})

    assert told(changes) == [("modified", "x")]
    assert len(shelf.reads) == 2


def test_changes_are_sorted_by_components() -> None:
    """`a/b` comes before `a-b`: the order is that of a walk, whatever the byte order of `/` is."""
    shelf = Shelf()

    changes = shelf.diff({}, {b"a-b": File(), b"a": {b"b": File()}, b"Z": File()})

    assert told(changes) == [("added", "Z"), ("added", "a/b"), ("added", "a-b")]


def test_bytes_targets_and_executable_bits_are_modifications() -> None:
    """What stays a file or a link but is not the same any more is modified, not replaced."""
    shelf = Shelf()
    old: Tree = {b"bytes": File(b"1"), b"link": Symlink(b"x"), b"mode": File(b"1")}
    new: Tree = {b"bytes": File(b"2"), b"link": Symlink(b"y"), b"mode": File(b"1", is_executable=True)}

    assert told(shelf.diff(old, new)) == [("modified", "bytes"), ("modified", "link"), ("modified", "mode")]


def test_change_of_type_names_the_path_and_what_it_held() -> None:
    """A directory that becomes a file is one change of type, and each file in it is removed."""
    shelf = Shelf()

    changes = shelf.diff({b"x": {b"a": File(), b"b": File()}}, {b"x": File(b"1")})

    assert told(changes) == [("type", "x"), ("removed", "x/a"), ("removed", "x/b")]
    assert changes[0].old is not None
    assert changes[0].old.kind is Kind.DIRECTORY
    assert changes[0].new is not None
    assert changes[0].new.id == BlobId.of(b"1").raw


def test_empty_directories_are_seen() -> None:
    """An empty directory counts as content, so its coming and going is a change."""
    shelf = Shelf()

    assert told(shelf.diff({}, {b"e": {}})) == [("added", "e")]
    assert told(shelf.diff({b"e": {}, b"f": {b"x": File()}}, {b"f": {}})) == [
        ("removed", "e"),
        ("removed", "f/x"),
    ]


def test_nothing_at_all_is_a_side() -> None:
    """Against nothing, everything is added or removed; a single file has the empty path."""
    shelf = Shelf()

    assert told(shelf.diff(None, {b"a": File()})) == [("added", "a")]
    assert told(shelf.diff(File(b"1"), None)) == [("removed", "")]
    assert told(shelf.diff(File(b"1"), File(b"2"))) == [("modified", "")]
    assert shelf.diff(None, None) == []


def test_names_need_not_be_text() -> None:
    """Names are bytes; what is not UTF-8 comes as surrogate escapes, which turn back into the same bytes."""
    changes = Shelf().diff({}, {b"\xff": File()})

    assert changes[0].path.encode("utf-8", "surrogateescape") == b"\xff"


def test_trees_deeper_than_the_stack() -> None:
    """Depth is the user's: a tree of 3000 levels is compared like any other."""
    old: Node = File(b"1")
    new: Node = File(b"2")
    for _ in range(3000):
        old, new = {b"d": old}, {b"d": new}

    shelf = DeepShelf()
    changes = list(diff(shelf.read, shelf.put_deep(old), shelf.put_deep(new)))

    assert [change.path.count("/") for change in changes] == [2999]


class DeepShelf(Shelf):
    """A shelf that puts chains of directories without recursion."""

    def put_deep(self, node: Node) -> Content:
        """Keep a chain."""
        depth = 0
        while isinstance(node, dict):
            node, depth = node[b"d"], depth + 1
        content = self.put(node)
        for _ in range(depth):
            entries = [Entry.of(b"d", content.kind, 1, content.id.raw)]
            tree = tree_id(encode_tree(entries))
            self.trees[tree] = entries
            content = Content(Kind.DIRECTORY, tree)
        return content


@given(strategies.trees(), strategies.trees())
def test_the_other_way_round(a: Tree, b: Tree) -> None:
    """What is added one way is removed the other way; modifications and types stay what they are."""
    shelf = Shelf()
    back = {Status.ADDED: Status.REMOVED, Status.REMOVED: Status.ADDED}

    forth = {(change.status, change.path) for change in shelf.diff(a, b)}

    assert {(back.get(change.status, change.status), change.path) for change in shelf.diff(b, a)} == forth


@given(strategies.trees(), strategies.trees())
def test_changes_are_all_there_is(a: Tree, b: Tree) -> None:
    """Carrying the changes out on the leaves of one tree gives the leaves of the other."""
    leaves = leaves_of(a)
    for change in Shelf().diff(a, b):
        leaves.pop(change.path, None)
        if change.new is not None and (
            change.new.kind is not Kind.DIRECTORY or change.status is Status.ADDED
        ):
            leaves[change.path] = (change.new.kind, change.new.id)

    wanted = leaves_of(b)
    assert {path: leaf for path, leaf in leaves.items() if leaf[0] is not Kind.DIRECTORY} == {
        path: leaf for path, leaf in wanted.items() if leaf[0] is not Kind.DIRECTORY
    }


def leaves_of(tree: Tree) -> dict[str, tuple[Kind, bytes]]:
    """Give files, links and empty directories by path."""
    return {
        change.path: (change.new.kind, change.new.id)
        for change in Shelf().diff(None, tree)
        if change.new is not None
    }
