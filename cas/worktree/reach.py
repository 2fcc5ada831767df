"""Whether a part of a tree can stand alone: a symlink in it may lead to a neighbour."""

from __future__ import annotations

from bisect import bisect_left
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from cas.ids import Kind, TreeId

if TYPE_CHECKING:
    from cas.objects.tree import Entry
    from cas.worktree.compare import TreeReader

_MAX_LINKS: Final = 40
"""As many in a row as Linux follows."""
_CACHED: Final = 1000
"""Directories that are kept while links are followed."""


def leads_out(tree: TreeId, inner: bytes, read: TreeReader) -> bool:
    """Whether a symlink in the directory `inner` of a tree leads, by way of its outside, to something.

    What leads nowhere, or out of the whole tree, leads nowhere wherever `inner` stands.

    Cost: reads every directory below `inner`, and those that links pass.
    """
    read = lru_cache(_CACHED)(read)
    trail = [tree]
    for name in inner.split(b"/"):
        entry = _find(read, trail[-1], name)
        assert entry is not None, "it was just looked up"
        trail.append(TreeId(entry.id))
    top = len(trail)
    waiting = [tuple(trail)]
    while waiting:
        here = waiting.pop()
        for entry in read(here[-1]):
            if entry.kind is Kind.DIRECTORY:
                waiting.append((*here, TreeId(entry.id)))
            elif entry.kind is Kind.SYMLINK and _passes(here, entry.id, top, read):
                return True
    return False


def _passes(start: tuple[TreeId, ...], target: bytes, top: int, read: TreeReader) -> bool:
    """Whether a link in the directory at the end of `start` leads to something, and above `top` on its way.

    `top` is how many directories it is from the root of the tree to the part, both counted.
    """
    if target.startswith(b"/"):
        return False
    trail = list(start)
    pending = _parts(target)
    links = 1
    is_out = False
    while pending:
        part = pending.pop()
        if part == b"..":
            if len(trail) == 1:
                return False
            trail.pop()
            is_out = is_out or len(trail) < top
            continue
        entry = _find(read, trail[-1], part)
        if entry is None:
            return False
        if entry.kind is Kind.DIRECTORY:
            trail.append(TreeId(entry.id))
        elif entry.kind is Kind.SYMLINK:
            links += 1
            if links > _MAX_LINKS or entry.id.startswith(b"/"):
                return False
            pending += _parts(entry.id)
        elif pending:
            return False
    return is_out


def _parts(target: bytes) -> list[bytes]:
    """Split the target of a symlink, the first component last."""
    return [part for part in reversed(target.split(b"/")) if part not in {b"", b"."}]


def _find(read: TreeReader, tree: TreeId, name: bytes) -> Entry | None:
    entries = read(tree)
    at = bisect_left(entries, name, key=lambda entry: entry.name)
    return entries[at] if at < len(entries) and entries[at].name == name else None
