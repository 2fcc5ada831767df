"""Stacks of layers as plain values: drawn, put into a repository and on disk, and merged naively.

The model knows no folders, no cursors and no caches: it asks of every path there can be what each layer has
there, by the words of the rules.
"""

from __future__ import annotations

import itertools
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from hypothesis import strategies as st

from cas.ids import Content, TreeId
from cas.repo import Repository
from cas.testing.records import CREATED_AT
from cas.testing.trees import File, Symlink, write_tree
from cas.versions.events import Committed, Hidden
from cas.versions.identity import version_id
from cas.versions.record import Record
from cas.view.directory_layer import DirectoryLayer
from cas.view.refs_layer import RefsLayer
from cas.view.stored import Stored
from cas.view.view import View

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from cas.testing.trees import Node, Tree
    from cas.versions.values import JSON
    from cas.view.layer import Layer

COMPONENTS = ("a", "a-b", "a.", "b", "ä")
"""Few, so that layers meet; some sort between `a` and `a/`."""

Flat: TypeAlias = "Mapping[str, Node]"
"""Path → what is there."""


@dataclass(frozen=True, slots=True)
class Commit:
    """A version of a name."""

    name: str
    node: Node


@dataclass(frozen=True, slots=True)
class Hide:
    """A whiteout."""

    path: str
    is_opaque: bool = False


@dataclass(frozen=True, slots=True)
class RefsModel:
    """A layer of refs: what happened in it, in order."""

    events: tuple[Commit | Hide, ...]


@dataclass(frozen=True, slots=True)
class DirectoryModel:
    """A directory; whiteouts are files in it."""

    tree: Tree


Model: TypeAlias = RefsModel | DirectoryModel


# ---- drawing


def paths(max_size: int = 3) -> st.SearchStrategy[str]:
    """Draw paths of a few components."""
    return st.lists(st.sampled_from(COMPONENTS), min_size=1, max_size=max_size).map("/".join)


def _names() -> st.SearchStrategy[bytes]:
    return st.sampled_from([os.fsencode(one) for one in COMPONENTS])


def _leaves() -> st.SearchStrategy[Node]:
    files = st.builds(File, st.sampled_from([b"", b"x", b"yy"]), is_executable=st.booleans())
    targets = st.sampled_from(
        [b"a", b"b", b"../a", b"a/b", b".", b"..", b"none", b"../../b", b"b/../a", b"a-b"]
    )
    return files | st.builds(Symlink, targets)


def trees() -> st.SearchStrategy[Tree]:
    """Draw directories."""
    return _folder(st.recursive(_leaves(), _folder, max_leaves=6))


def _folder(nodes: st.SearchStrategy[Node]) -> st.SearchStrategy[Tree]:
    return st.dictionaries(_names(), nodes, max_size=4)


def _with_whiteouts() -> st.SearchStrategy[Tree]:
    """Draw directories in which a whiteout may be anything: it is its name that counts."""
    marks = st.sampled_from([b".wh..wh..opq", b".wh.a", b".wh.b", b".wh.a-b", b".cas", b".cas-downloads"])
    names = _names() | marks

    def folder(nodes: st.SearchStrategy[Node]) -> st.SearchStrategy[Tree]:
        return st.dictionaries(names, nodes, max_size=4)

    return folder(st.recursive(_leaves(), folder, max_leaves=6))


def _events() -> st.SearchStrategy[tuple[Commit | Hide, ...]]:
    commits = st.builds(Commit, paths(), trees() | st.builds(File, st.sampled_from([b"", b"x"])))
    hides = st.builds(Hide, paths()) | st.builds(Hide, paths() | st.just(""), st.just(True))  # noqa: FBT003
    return st.lists(st.one_of(commits, commits, hides), max_size=5).map(tuple)


def layers() -> st.SearchStrategy[Model]:
    """Draw one layer."""
    return st.builds(RefsModel, _events()) | st.builds(DirectoryModel, _with_whiteouts())


def stacks() -> st.SearchStrategy[list[Model]]:
    """Draw layers, from the uppermost to the lowest."""
    return st.lists(layers(), min_size=1, max_size=4)


# ---- making them real


class Workshop:
    """A repository and a folder in which stacks are made, each beside the ones before."""

    def __init__(self, home: Path) -> None:
        self.repository = Repository.init(home)
        self._home = home
        self._numbers = itertools.count()

    def close(self) -> None:
        """Close the repository."""
        self.repository.close()

    def view(self, stack: Sequence[Model]) -> View:
        """Make the view of a stack. The layers are called `0`, `1`, …, from the uppermost on."""
        made = self._layers(stack)
        return View(lambda: made, index=self.repository._index)

    def stored_view(self, stack: Sequence[Model]) -> View:
        """Make a view that puts stored content on the disk."""
        made = self._layers(stack)
        stored = Stored(self.repository._materialiser)
        return View(lambda: made, index=self.repository._index, stored=stored)

    def _layers(self, stack: Sequence[Model]) -> Sequence[Layer]:
        number = next(self._numbers)
        return [self._layer(model, f"{number}-{at}") for at, model in enumerate(stack)]

    def _layer(self, model: Model, name: str) -> Layer:
        if isinstance(model, RefsModel):
            self._record(name, model.events)
            return RefsLayer(name, self.repository._store)
        root = self._home / "directories" / name
        root.parent.mkdir(exist_ok=True)
        write_tree(model.tree, root)
        return DirectoryLayer(name, lambda: str(root))

    def _record(self, layer: str, events: Sequence[Commit | Hide]) -> None:
        contents = self._store(
            {str(at).encode(): one.node for at, one in enumerate(events) if isinstance(one, Commit)}
        )
        made = [
            Hidden(layer, os.fsencode(one.path), one.is_opaque)
            if isinstance(one, Hide)
            else Committed.of(layer, _record(one.name, at, *contents[at]))
            for at, one in enumerate(events)
        ]
        self.repository._write(lambda txn: self.repository._ledger.record(txn, made, 0))

    def _store(self, nodes: Tree) -> dict[int, tuple[Content, int]]:
        """Store what versions hold, all in one commit."""
        if not nodes:
            return {}
        with tempfile.TemporaryDirectory(dir=self._home) as folder:
            write_tree(nodes, Path(folder, "all"))
            whole = self.repository.commit("all", Path(folder, "all")).version.content.id
        assert isinstance(whole, TreeId), "it is a directory"
        entries = self.repository._store.tree(whole)
        return {int(entry.name): (Content.of(entry.kind, entry.id), entry.size) for entry in entries}


def _record(name: str, at: int, content: Content, size: int) -> Record:
    properties: dict[str, JSON] = {"at": at}
    return Record(
        name=name,
        type="directory" if content.is_directory else "file",
        version=version_id(properties, {}),
        properties=properties,
        inputs={},
        content=content,
        size=size,
        file_count=1,
        created_at=CREATED_AT,
    )


# ---- the model


def parents(path: str) -> Iterator[str]:
    """Iterate over the directories above a path, without the root."""
    parts = path.split("/")
    return ("/".join(parts[:count]) for count in range(1, len(parts)))


def covers(top: str, path: str) -> bool:
    """Whether `path` is `top`, or below it."""
    return not top or path == top or path.startswith(f"{top}/")


def flat(tree: Node) -> dict[str, Node]:
    """Give everything in a tree by path; the tree itself is ""."""
    found: dict[str, Node] = {"": tree}
    if isinstance(tree, dict):
        for name, node in tree.items():
            for path, one in flat(node).items():
                found[f"{os.fsdecode(name)}/{path}".rstrip("/")] = one
    return found


class Merged:
    """What a stack shows, at every path."""

    def __init__(self, stack: Sequence[Model]) -> None:
        self._stack = stack
        self.own = [_own(model) for model in stack]
        self._shut = [_shut(model, own) for model, own in zip(stack, self.own, strict=True)]
        everywhere = {path for own in self.own for path in own} - {""}
        self.shown = {path: found for path in everywhere if (found := self._find(path)) is not None}

    def _find(self, path: str) -> tuple[int, Node] | None:
        for at, own in enumerate(self.own):
            if path in own:
                return at, own[path]
            if any(covers(top, path) for top in self._shut[at]):
                return None
        return None

    def units(self) -> list[tuple[str, int]]:
        """List names of refs, and files of directories, each with its layer, sorted."""
        found: dict[str, int] = {}
        for at, model in enumerate(self._stack):
            for path in _units(model, self.own[at]):
                if path not in found and not any(self._hides(above, path, at) for above in range(at)):
                    found[path] = at
        return sorted(found.items(), key=lambda pair: os.fsencode(pair[0]))

    def _hides(self, above: int, path: str, at: int) -> bool:
        is_shut = any(covers(top, path) for top in self._shut[above])
        is_other = isinstance(self.own[above].get(path), dict) and not isinstance(
            self.own[at].get(path), dict
        )
        return is_shut or is_other

    def has_link_above(self, path: str) -> bool:
        """Whether some layer has a symlink above the path."""
        return any(isinstance(own.get(top), Symlink) for own in self.own for top in parents(path))


def _own(model: Model) -> dict[str, Node]:
    """Give all that one layer has, by path."""
    if isinstance(model, DirectoryModel):
        return {path: node for path, node in flat(model.tree).items() if not _is_ours(path)}
    return _own_refs(model.events)


def _units(model: Model, own: Mapping[str, Node]) -> list[str]:
    if isinstance(model, DirectoryModel):
        return [path for path, node in own.items() if not isinstance(node, dict)]
    return list(_seen_names(model.events))


def _is_ours(path: str) -> bool:
    return any(part.startswith(".wh.") or part in {".cas", ".cas-downloads"} for part in path.split("/"))


def _own_refs(events: Sequence[Commit | Hide]) -> dict[str, Node]:
    names = _seen_names(events)
    hides = _hides(events)
    contents = {name: flat(_node(events[at])) for name, at in names.items()}
    candidates = {f"{name}/{path}".rstrip("/") for name, inner in contents.items() for path in inner}
    candidates |= {top for top, (_, is_opaque) in hides.items() if is_opaque}
    candidates |= {top for path in candidates for top in parents(path)} - {""}

    def entry(path: str) -> Node | None:
        if any(covers(path, name) and name != path for name in names):
            return {}
        owners = [name for name in names if covers(name, path)]
        if owners:
            owner = max(owners, key=len)
            found = contents[owner].get(path[len(owner) :].lstrip("/"))
            if found is not None and _is_seen(hides, path, names[owner]):
                return found
        is_opaque = any(covers(path, top) for top, (_, is_opaque) in hides.items() if is_opaque)
        return {} if is_opaque else None

    found: dict[str, Node] = {}
    for path in sorted(candidates, key=len):
        one = entry(path)
        if one is not None and all(isinstance(found.get(top), dict) for top in parents(path)):
            found[path] = one
    return found


def _seen_names(events: Sequence[Commit | Hide]) -> dict[str, int]:
    """Give the names that the layer does not hide itself, and when they were committed."""
    current = {one.name: at for at, one in enumerate(events) if isinstance(one, Commit)}
    hides = _hides(events)
    return {name: at for name, at in current.items() if _is_seen(hides, name, at)}


def _is_seen(hides: Mapping[str, tuple[int, bool]], path: str, since: int) -> bool:
    return not any(
        covers(top, path) and at > since for top, (at, is_opaque) in hides.items() if not is_opaque
    )


def _node(event: Commit | Hide) -> Node:
    assert isinstance(event, Commit), "only commits are current"
    return event.node


def _hides(events: Sequence[Commit | Hide]) -> dict[str, tuple[int, bool]]:
    return {one.path: (at, one.is_opaque) for at, one in enumerate(events) if isinstance(one, Hide)}


def _shut(model: Model, own: Mapping[str, Node]) -> set[str]:
    """Give the paths at and below which lower layers have no say."""
    found = {path for path, node in own.items() if not isinstance(node, dict)}
    if isinstance(model, RefsModel):
        return found | set(_hides(model.events))
    for path in flat(model.tree):
        folder, _, name = path.rpartition("/")
        if name.startswith(".wh.") and not _is_ours(folder):
            hidden = folder if name == ".wh..wh..opq" else f"{folder}/{name[4:]}".lstrip("/")
            found.add(hidden)
    return found
