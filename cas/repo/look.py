"""Looking inside a version: entries, bytes, paths."""

from __future__ import annotations

import os
import shlex
from typing import TYPE_CHECKING

from cas.errors import InvalidError, NotFoundError
from cas.ids import BlobId, Content, Kind, TreeId
from cas.repo.results import TreeItem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cas.objects.store import ObjectStore
    from cas.objects.tree import Entry
    from cas.versions.version import Version


def split_path(path: str) -> list[bytes]:
    """Split a path inside a version; a leading, trailing or doubled `/` means nothing.

    Raises:
        InvalidError: It has a `..` component.
    """
    parts = [os.fsencode(part) for part in path.split("/") if part not in {"", "."}]
    if b".." in parts:
        raise InvalidError(
            f"cannot look up '{path}'",
            code="bad-path",
            why="'..' leads out of the version",
            hint="name the path itself",
        )
    return parts


def descend(store: ObjectStore, version: Version, path: str | None) -> Content | Entry:
    """Find `path` inside a version: its content, or the entry of a symlink.

    Raises:
        NotFoundError: The version has no such path.
    """
    content = version.content
    found: Content | Entry = content
    for part in split_path(path or ""):
        entry = _child(store, found, part)
        if entry is None:
            raise NotFoundError(
                f"cannot find '{path}' in '{version.ref}'",
                code="no-such-path",
                why=f"there is no '{os.fsdecode(part)}'" if content.is_directory else "it is a single file",
                hint=f"cas tree {shlex.quote(version.ref)}",
            )
        found = entry if entry.kind is Kind.SYMLINK else Content.of(entry.kind, entry.id)
    return found


def _child(store: ObjectStore, parent: Content | Entry, name: bytes) -> Entry | None:
    if not isinstance(parent, Content) or not isinstance(parent.id, TreeId):
        return None
    return next((entry for entry in store.tree(parent.id) if entry.name == name), None)


def walk(store: ObjectStore, version: Version, path: str | None) -> Iterator[TreeItem]:
    """Iterate over everything below `path`, depth first, directories before what is in them, by name."""
    found = descend(store, version, path)
    top = "/".join(os.fsdecode(part) for part in split_path(path or ""))
    if not isinstance(found, Content):
        yield _item(top, found)
        return
    if not found.is_directory:
        name = top or version.name.rpartition("/")[2]
        size = version.size if not top else sum(part.size for part in store.chunks(BlobId(found.id.raw)))
        yield TreeItem(name, found.kind, size, str(found.id))
        return
    stack = [(top, iter(store.tree(TreeId(found.id.raw))))]
    while stack:
        prefix, entries = stack[-1]
        entry = next(entries, None)
        if entry is None:
            stack.pop()
            continue
        here = f"{prefix}/{os.fsdecode(entry.name)}" if prefix else os.fsdecode(entry.name)
        yield _item(here, entry)
        if entry.kind is Kind.DIRECTORY:
            stack.append((here, iter(store.tree(TreeId(entry.id)))))


def _item(path: str, entry: Entry) -> TreeItem:
    shown = os.fsdecode(entry.id) if entry.kind is Kind.SYMLINK else entry.id.hex()
    return TreeItem(path, entry.kind, entry.size, shown)


def blob_at(store: ObjectStore, version: Version, path: str | None) -> BlobId:
    """Find the file at `path`.

    Raises:
        InvalidError: It is a directory or a symlink.
        NotFoundError: Nothing is there.
    """
    found = descend(store, version, path)
    if isinstance(found, Content) and isinstance(found.id, BlobId):
        return found.id
    where = f"'{path}' in '{version.ref}'" if path else f"'{version.ref}'"
    if isinstance(found, Content):
        raise InvalidError(
            f"cannot read {where}",
            code="is-a-directory",
            why="it is a directory",
            hint=f"cas tree {shlex.quote(version.ref)}",
        )
    raise InvalidError(
        f"cannot read {where}",
        code="is-a-symlink",
        why=f"it is a link to '{os.fsdecode(found.id)}'",
        hint="name the file that it points at",
    )
