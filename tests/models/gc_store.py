"""The store that the protocol of gc is checked on: its state, its writer lock, and what must always hold."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.models.exploring import BLOCKED

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.models.exploring import Actor

TREES = {"T": ("x", "y"), "U": ("w", "x"), "V": ("v", "w"), "W": ("w",), "O": ("v",)}
"""Trees and the leaves they refer to."""


@dataclass
class Store:
    """What is on disk, and who holds which lock."""

    mistake: str = ""
    index: dict[str, str] = field(default_factory=dict)
    """id → pack."""
    packs: dict[str, str] = field(default_factory=dict)
    """Registered pack → the session that owns it, or ""."""
    files: dict[str, frozenset[str]] = field(default_factory=dict)
    """What is in `packs/`: pack → the ids in it."""
    refs: dict[str, str] = field(default_factory=dict)
    """Live version → its tree or blob."""
    removed: dict[str, str] = field(default_factory=dict)
    """Removed version that can be restored → its tree or blob."""
    log: tuple[str, ...] = ()
    """Versions in the order in which they were committed or restored."""
    epoch: int = 0
    sessions: set[str] = field(default_factory=set)
    """Sessions whose flock is held."""
    writer: str = ""
    """Who is in LMDB's write transaction."""
    collector: str = ""
    """Who holds gc.lock."""
    wrong: str = ""
    """What a reader saw that it must not see."""

    @classmethod
    def example(cls, mistake: str, packs: str) -> Store:
        """Make a store with the live versions a (and b); `packs` says what is where, as in "xy zv TO"."""
        files = {f"p{number}": frozenset(ids) for number, ids in enumerate(packs.split())}
        index = {i: pack for pack, ids in files.items() for i in ids}
        refs = {"a": "T", "b": "z"} if "z" in index else {"a": "T"}
        return cls(mistake, index, dict.fromkeys(files, ""), files, refs)

    def is_free(self, lock: str) -> bool:
        """Whether nobody holds a lock that an actor waits for."""
        return not (self.writer if lock == "writer" else self.collector)

    def kill(self, who: str) -> None:
        """Let `who` die: the kernel frees its locks, LMDB drops its transaction."""
        self.sessions.discard(who)
        self.writer = "" if self.writer == who else self.writer
        self.collector = "" if self.collector == who else self.collector

    def key(self) -> tuple[object, ...]:
        """Tell two states apart."""
        tables = (self.index, self.packs, self.files, self.refs, self.removed)
        return (
            *(frozenset(table.items()) for table in tables),
            *(self.log, self.epoch, frozenset(self.sessions), self.writer, self.collector, self.wrong),
        )


def closure(roots: Iterable[str]) -> set[str]:
    """Return `roots` and everything below them."""
    ids = set(roots)
    return ids.union(*(TREES[i] for i in ids if i in TREES))


def begin(s: Store, me: str) -> Actor:
    """Take the writer lock unless it is held already; what follows up to the next yield is one step."""
    while s.writer not in {"", me}:
        yield BLOCKED + "writer"
    s.writer = me


def remove(s: Store, me: str, name: str) -> Actor:
    """Remove a version; it can be restored until gc."""
    yield from begin(s, me)
    s.writer = ""
    if name in s.refs:
        s.removed[name] = s.refs.pop(name)


def restore(s: Store, me: str, name: str) -> Actor:
    """Bring a removed version back, unless gc has taken it."""
    yield from begin(s, me)
    s.writer = ""
    if name in s.removed:
        s.refs[name] = s.removed.pop(name)
        s.log = (*s.log, name)


def broken(s: Store) -> str:
    """Name the invariant that does not hold, or ""."""
    for name, root in (s.refs | s.removed).items():
        for i in sorted(closure({root})):
            if i not in s.index:
                return f"{name}: {i} is not in the index"
            if i not in s.files.get(s.index[i], ()):
                return f"{name}: {i} is not in the file {s.index[i]}"
    for tree in TREES.keys() & s.index.keys():
        if any(leaf not in s.index for leaf in TREES[tree]):
            return f"the tree {tree} is in the index without all its leaves"
    return s.wrong
