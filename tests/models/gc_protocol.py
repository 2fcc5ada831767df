"""Exhaustive check of the protocol between commits, removals, readers and gc (docs/decisions/0005).

Each actor is a generator; what it does between two yields is atomic: one LMDB transaction, or one file
operation. Every reachable state of every case is visited once, with a crash of the named actors possible
at every yield. Checked after every step:

1. every id that a ref needs (or a removed version that can still be restored) is in the index, and the
   index points at a pack file that is on disk and holds it;
2. a tree's row in the index implies the rows of its children: a commit that finds the tree looks no further;
3. a reader gets right bytes or a clean "gone", and "gone" only for what was removed.

And after the last step, with one more gc run alone: the index holds exactly what the refs need, and no
file is left that the index does not know.

`python -m tests.models.gc_protocol` checks the protocol; with one of MISTAKES as an argument that mistake is
planted, to show that the check can fail. The actors keep their state in local variables (no hidden
iterators), because a state is recognised by the store and by each actor's frame (`tests.models.exploring`).
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.models.exploring import BLOCKED, explore
from tests.models.gc_store import TREES, Store, begin, broken, closure, remove, restore

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.models.exploring import Actor

MISTAKES = {
    "no-epoch": "a commit does not re-check what it reused when gc has flipped meanwhile",
    "bytes-first": "gc deletes dead packs before it deletes their rows",
    "no-delta": "the flip ignores what was committed or restored since the mark",
    "flip-kills-sessions": "the flip takes leaf rows of running sessions",
    "liveness-early": "gc asks which sessions live before it takes its snapshot",
    "tree-early": "a tree's row enters the index before the ref, with the early leaves",
    "own-is-safe": "a commit trusts an id it stored although another session registered it first",
    "sweep-live": "gc deletes or rewrites packs of running sessions",
    "orphan-unlocked": "gc looks for unregistered packs without the writer lock",
    "rename-early": "a pack is renamed into packs/ before the transaction that registers it",
    "retry-blind": "a registering transaction that runs twice trusts that its file is still there",
    "collect-blind": "the flip makes a tombstone of a version that was restored meanwhile",
    "repoint-all": "repacking brings back rows that were taken out of the index meanwhile",
    "unlink-first": "repacking deletes the old pack before the rows point at the new one",
}


def register(s: Store, me: str, pack: str, ids: set[str], runs: int) -> Actor:
    """Rename a sealed pack of leaves into place and add its rows, in one transaction, and keep it open.

    With `runs` of 2 the transaction is rolled back once (the map was full) and run again. If gc deleted the
    file in between, nothing is registered and the commit fails.
    """
    in_tmp = s.mistake != "rename-early"
    while runs:
        yield from begin(s, me)
        if in_tmp:
            s.files[pack], in_tmp = frozenset(ids), False
            yield
        runs -= 1
        if runs:
            s.writer = ""
            yield
    if pack not in s.files and s.mistake not in {"retry-blind", "rename-early"}:
        return
    for i in sorted(ids):
        s.index.setdefault(i, pack)
    s.packs[pack] = me


def commit(s: Store, me: str, tree: str, *, is_long: bool = False, runs: int = 1) -> Actor:
    """Commit `tree` as version `me`: look up, store what is missing, move the ref.

    A long commit registers its leaves early, in a transaction of their own.
    """
    s.sessions.add(me)  # one step with reading the epoch: nobody can tell before a pack is registered
    mine: set[str] = set()
    attempt = 0
    while True:
        epoch = s.epoch
        yield
        reused: set[str] = set()
        fresh: set[str] = set()
        pack = f"{me}{attempt}"
        yield from look_up(s, tree, reused, fresh)
        if s.mistake == "rename-early" and fresh:
            s.files[pack] = frozenset(fresh)
            yield
        yield from begin(s, me)
        if fresh:
            yield from register(s, me, pack, fresh | ({tree} if s.mistake == "tree-early" else set()), runs)
            if pack not in s.packs:
                s.kill(me)
                return  # a clean failure
            mine.add(pack)
            if s.mistake != "own-is-safe":
                reused |= {i for i in fresh if s.index[i] != pack}
            if is_long:
                s.writer = ""
                yield
                yield from begin(s, me)
        if s.mistake == "no-epoch" or s.epoch == epoch or all(i in s.index for i in reused):
            break
        s.writer = ""
        attempt += 1
        yield
    yield from store_tree(s, me, tree, pack if fresh and not is_long else f"{me}m")
    s.wrong = s.wrong or ("" if mine <= s.packs.keys() else f"{me}: a pack of a running session is gone")
    s.packs.update({one: "" for one, owner in s.packs.items() if owner == me})
    s.refs[me] = tree
    s.log = (*s.log, me)
    s.kill(me)  # nobody can tell: its packs belong to no session any more


def look_up(s: Store, tree: str, reused: set[str], fresh: set[str]) -> Actor:
    """Sort what a tree needs into what is there and what is not, one read snapshot each."""
    if tree in s.index:  # what the stat cache remembers: one lookup stands for the whole directory
        reused.add(tree)
    else:
        todo = list(TREES[tree])
        while todo:
            i = todo.pop(0)
            (reused if i in s.index else fresh).add(i)
            yield
    yield


def store_tree(s: Store, me: str, tree: str, pack: str) -> Actor:
    """Put a tree into `pack`, new or just registered, inside the transaction that moves the ref."""
    if tree in s.index:
        return
    is_new = pack not in s.files
    s.files[pack] = s.files.get(pack, frozenset()) | {tree}
    if is_new:
        yield
    s.index[tree] = pack
    s.packs[pack] = me


def checkout(s: Store, me: str, name: str) -> Actor:  # noqa: ARG001 - every actor knows its name
    """Read a version while others remove and collect: row, then file, and once more if the file is gone."""
    todo = sorted(closure({s.refs[name]})) if name in s.refs else []
    yield
    while todo:
        i, tries = todo.pop(0), 0
        while True:
            pack, tries = s.index.get(i), tries + 1
            yield
            if tries > 2:
                s.wrong = f"{i} had to be looked up more than twice"
            if pack is None and name in s.refs:
                s.wrong = f"{i} of the live version {name} is gone"
            if pack is None:
                return  # removed meanwhile: a clean error
            if pack in s.files:
                if i not in s.files[pack]:
                    s.wrong = f"{i} is not in {pack}"
                break
            yield


def gc(s: Store, me: str) -> Actor:
    """Mark, flip, sweep, and clear what dead owners left."""
    while s.collector:
        yield BLOCKED + "collector"
    s.collector = me
    live = set(s.sessions)
    if s.mistake == "liveness-early":
        yield
    seen = len(s.log)
    condemned = set(s.index) - closure(s.refs.values())
    doomed = sorted(s.removed)
    known = set(s.packs)
    yield
    if s.mistake != "liveness-early":
        live = set(s.sessions)
        yield
    if s.mistake == "bytes-first":
        for pack in [p for p in s.packs if not any(s.index[i] == p for i in set(s.index) - condemned)]:
            s.files.pop(pack, None)
        yield
    yield from begin(s, me)
    flip(s, seen, condemned, doomed, live)
    s.writer = ""
    yield
    yield from sweep(s, me, live, known)
    yield from clear_orphans(s, me)
    s.collector = ""


def flip(s: Store, seen: int, condemned: set[str], doomed: list[str], live: set[str]) -> None:
    """Take the condemned rows out of the index and make tombstones, in one transaction."""
    news = {s.refs[name] for name in s.log[seen:] if name in s.refs}
    news |= {s.removed[name] for name in s.log[seen:] if name in s.removed and name not in doomed}
    marked = set() if s.mistake == "no-delta" else closure(news)
    protected = {pack for pack, owner in s.packs.items() if owner in live}
    for i in sorted(condemned - marked):
        is_leaf = i not in TREES
        if not (is_leaf and s.index[i] in protected and s.mistake != "flip-kills-sessions"):
            del s.index[i]
    for name in doomed:
        s.removed.pop(name, None)
        if s.mistake == "collect-blind":
            s.refs.pop(name, None)
            s.wrong = s.wrong or ("a restored version was collected" if name in s.log[seen:] else "")
    s.epoch += 1


def sweep(s: Store, me: str, live: set[str], known: set[str]) -> Actor:
    """Unlink packs without rows, rewrite those with dead bytes; not those of sessions that were running."""
    todo = sorted(pack for pack in s.packs if pack in known)
    while todo:
        pack = todo.pop(0)
        alive = frozenset(i for i, p in s.index.items() if p == pack)
        whole = s.files.get(pack, alive)  # only with a mistake planted is it not there
        if s.packs[pack] in live and s.mistake != "sweep-live":
            continue
        if not alive:
            yield from begin(s, me)
            del s.packs[pack]
            s.writer = ""
            yield
            s.files.pop(pack, None)
            yield
        elif alive != whole:
            yield from repack(s, me, pack, alive)


def repack(s: Store, me: str, pack: str, alive: frozenset[str]) -> Actor:
    """Copy what is alive in `pack` into a new one, repoint, unlink."""
    new = f"{pack}r{s.epoch}"
    if s.mistake == "unlink-first":
        s.files.pop(pack, None)
    yield
    yield from begin(s, me)
    s.files[new] = alive
    yield
    if s.mistake == "repoint-all":
        s.index.update(dict.fromkeys(s.files.get(pack, alive), new))
    s.index.update({i: new for i in alive if s.index.get(i) == pack})
    s.packs[new] = ""
    del s.packs[pack]
    s.writer = ""
    yield
    s.files.pop(pack, None)
    yield


def clear_orphans(s: Store, me: str) -> Actor:
    """Delete pack files that no row knows: their owner died between rename and commit."""
    orphans = sorted(set(s.files) - set(s.packs))
    if s.mistake == "orphan-unlocked":
        yield
    else:
        yield from begin(s, me)
        orphans = sorted(set(s.files) - set(s.packs))
    while orphans:
        s.files.pop(orphans.pop(0), None)
    s.writer = "" if s.writer == me else s.writer


def untidy(s: Store) -> str:
    """Run gc alone and say what it should not have left, or ""."""
    s.sessions.clear()
    s.writer = s.collector = ""
    for _ in gc(s, "last"):
        pass
    if set(s.index) != closure(s.refs.values()):
        return f"the index holds {sorted(s.index)}, the refs need {sorted(closure(s.refs.values()))}"
    if set(s.files) != set(s.packs):
        return f"files {sorted(s.files)}, registered {sorted(s.packs)}"
    return broken(s)


@dataclass(frozen=True)
class Case:
    """Actors that run at once, and which of them may die."""

    title: str
    make: Callable[[Store], dict[str, Actor]]
    mortal: str = ""
    packs: str = "xy zv TO"
    """What is stored, pack by pack; v and O are garbage from the start."""


CASES = (
    Case(
        "a commit reuses what a removal and gc free",
        lambda s: {"c": commit(s, "c", "U"), "r": remove(s, "r", "a"), "g": gc(s, "g")},
        mortal="cg",
    ),
    Case(
        "the same, with a long commit",
        lambda s: {"c": commit(s, "c", "U", is_long=True), "r": remove(s, "r", "a"), "g": gc(s, "g")},
        mortal="c",
        packs="xy T",
    ),
    Case(
        "a commit brings an orphan leaf back",
        lambda s: {"c": commit(s, "c", "V"), "g": gc(s, "g")},
        mortal="cg",
    ),
    Case(
        "a commit brings an orphan tree back",
        lambda s: {"c": commit(s, "c", "O"), "g": gc(s, "g")},
        mortal="cg",
    ),
    Case(
        "remove, restore, collect",
        lambda s: {"r": remove(s, "r", "a"), "u": restore(s, "u", "a"), "g": gc(s, "g")},
        mortal="g",
    ),
    Case(
        "a checkout while its version is removed, collected, repacked",
        lambda s: {"k": checkout(s, "k", "a"), "r": remove(s, "r", "a"), "g": gc(s, "g")},
    ),
    Case(
        "a checkout while packs are rewritten",
        lambda s: {"k": checkout(s, "k", "b"), "g": gc(s, "g"), "c": commit(s, "c", "U")},
    ),
    Case(
        "two collectors, a long commit",
        lambda s: {"c": commit(s, "c", "U", is_long=True), "g": gc(s, "g"), "h": gc(s, "h")},
        packs="xyT",
    ),
    Case(
        "two collectors, one dies, a commit",
        lambda s: {"c": commit(s, "c", "O"), "g": gc(s, "g"), "h": gc(s, "h")},
        mortal="g",
    ),
    Case(
        "two long commits share a new leaf, one dies",
        lambda s: {
            "c": commit(s, "c", "W", is_long=True),
            "d": commit(s, "d", "W", is_long=True),
            "g": gc(s, "g"),
        },
        mortal="c",
        packs="xyT",
    ),
    Case(
        "a registering transaction runs twice",
        lambda s: {
            "c": commit(s, "c", "U", is_long=True, runs=2),
            "d": commit(s, "d", "V", runs=2),
            "g": gc(s, "g"),
        },
        packs="xyT",
    ),
    Case(
        "two commits of one tree, while its leaf is removed and collected",
        lambda s: {
            "c": commit(s, "c", "U", is_long=True),
            "d": commit(s, "d", "U"),
            "r": remove(s, "r", "a"),
            "g": gc(s, "g"),
        },
        packs="xyT",
    ),
)


def explore_case(case: Case, mistake: str = "") -> tuple[int, str]:
    """Visit every state of `case`: how many there are, and the first failure, or ""."""

    def make() -> tuple[Store, dict[str, Actor]]:
        store = Store.example(mistake, case.packs)
        return store, case.make(store)

    return explore(make, broken, untidy, mortal=case.mortal)


def main(mistake: str = "") -> int:
    """Check every case; 1 if one fails."""
    failed = False
    for case in CASES:
        count, failure = explore_case(case, mistake)
        print(f"{case.title}: {count} states, {'BROKEN: ' + failure if failure else 'holds'}")  # noqa: T201 - its output
        failed |= bool(failure)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
