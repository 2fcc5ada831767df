"""Reading refs: names, versions, tags, whiteouts, in one transaction.

Everything here is a lookup or the scan of a prefix; nothing hashes.
"""

from __future__ import annotations

import sys
from itertools import islice, takewhile
from typing import TYPE_CHECKING, Any

import msgspec

from cas.errors import ConflictError
from cas.ids import DIGEST_SIZE, VersionId
from cas.versions import rows
from cas.versions.record import Record
from cas.versions.times import from_nanoseconds
from cas.versions.version import State, Version

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cas.objects.index import Txn
    from cas.versions.rows import VersionRow


class Ref(msgspec.Struct, frozen=True):
    """What a name means in a layer."""

    layer: str
    name: str
    current: VersionId
    """The newest live version."""
    version_count: int
    """Live versions."""


class Whiteout(msgspec.Struct, frozen=True):
    """A path at which a layer hides all lower layers, and what it held itself until then."""

    path: str
    """A path of the view; it covers everything below, too."""
    sequence: int
    """The event that made it; what its layer holds under a higher one is visible again."""
    is_opaque: bool
    """The path is a directory; lower layers show nothing in it, and the layer's own entries all stay."""


def names(txn: Txn, layer: str, prefix: str = "") -> Iterator[Ref]:
    """Iterate over the names of `layer` that start with `prefix` and have a live version, in order of UTF-8.

    Cost: one row per name, however many versions it has.
    """
    for key, value in txn.scan(txn.tables.refs, rows.ref_key(layer, prefix)):
        row = rows.decode_ref(value)
        yield Ref(layer, rows.split_ref_key(key)[1], VersionId(row.current), row.version_count)


def count_names(txn: Txn, layer: str) -> int:
    """Count the names of `layer` that have a live version. Cost: one key each, which nothing is made of."""
    prefix = rows.ref_key(layer, "")
    cursor: Any
    with txn.raw.cursor(db=txn.tables.refs) as cursor:
        found = cursor.set_range(prefix)
        keys = cursor.iternext(keys=True, values=False) if found else ()
        return sum(1 for _ in takewhile(lambda key: key.startswith(prefix), keys))


def ref(txn: Txn, layer: str, name: str) -> Ref | None:
    """Look `name` up; None if it has no live version."""
    row = rows.read_ref(txn, rows.ref_key(layer, name))
    return None if row is None else Ref(layer, name, VersionId(row.current), row.version_count)


def current(txn: Txn, layer: str, name: str) -> Version | None:
    """Return the newest live version of `name`, or None. Cost: two lookups."""
    found = ref(txn, layer, name)
    return None if found is None else get(txn, layer, name, found.current)


def get(txn: Txn, layer: str, name: str, version: VersionId) -> Version | None:
    """Return a version in whatever state it is, or None if it was never committed. Cost: two lookups."""
    key = rows.ref_key(layer, name)
    row = rows.read_version(txn, rows.version_key(key, version.raw))
    if row is None:
        return None
    holder = rows.read_ref(txn, key)
    return _version(layer, row, is_current=holder is not None and holder.current == version.raw)


def versions(txn: Txn, layer: str, name: str, *, include_removed: bool = False) -> list[Version]:
    """Return the versions of `name`, newest first; with `include_removed` those that are not live, too."""
    key = rows.ref_key(layer, name)
    holder = rows.read_ref(txn, key)
    found = []
    for row_key, value in txn.scan(txn.tables.versions, key + b"\0"):
        row = rows.decode_version(value)
        if include_removed or row.state is State.LIVE:
            is_current = holder is not None and row_key.endswith(holder.current)
            found.append(_version(layer, row, is_current=is_current))
    return sorted(found, key=lambda version: version.sequence, reverse=True)


def is_known(txn: Txn, layer: str, name: str) -> bool:
    """Whether `name` has or had a version. Cost: one lookup."""
    return any(True for _ in txn.scan(txn.tables.versions, rows.ref_key(layer, name) + b"\0"))


def back(txn: Txn, layer: str, name: str, count: int) -> Version | None:
    """Return the live version `count` before the current one, or None if there are not that many."""
    if count > sys.maxsize:  # more than `islice` takes, and than there can be
        return None
    found = next(islice(rows.newest_first(txn, rows.ref_key(layer, name)), count, None), None)
    return None if found is None else get(txn, layer, name, VersionId(found))


def by_tag(txn: Txn, layer: str, name: str, tag: str) -> Version | None:
    """Return the version that `tag` names, or None."""
    found = txn.get(txn.tables.tags, rows.tag_key(rows.ref_key(layer, name), tag))
    return None if found is None else get(txn, layer, name, VersionId(found))


def tags(txn: Txn, layer: str, name: str) -> dict[str, VersionId]:
    """Return the tags of `name`, sorted, and what they name."""
    prefix = rows.tag_key(rows.ref_key(layer, name), "")
    return {key[len(prefix) :].decode(): VersionId(value) for key, value in txn.scan(txn.tables.tags, prefix)}


def with_prefix(txn: Txn, layer: str, name: str, digits: str) -> list[Version]:
    """Return the versions of `name`, in any state, whose id starts with the hex `digits`, sorted by id."""
    key = rows.ref_key(layer, name)
    start = bytes.fromhex(digits[: len(digits) & ~1])
    return [
        version
        for row_key, _ in txn.scan(txn.tables.versions, rows.version_key(key, start))
        if str(found := VersionId(row_key[-DIGEST_SIZE:])).startswith(digits)
        and (version := get(txn, layer, name, found)) is not None
    ]


def all_versions(txn: Txn) -> Iterator[Version]:
    """Iterate over every version of every layer in every state. Memory: one version."""
    ref_of, holder, layer = b"", None, ""
    for key, value in txn.scan(txn.tables.versions):
        if rows.is_order(value):
            continue
        name_key, version = rows.split_version_key(key)
        if name_key != ref_of:
            ref_of, holder, layer = name_key, rows.read_ref(txn, name_key), rows.split_ref_key(name_key)[0]
        is_current = holder is not None and holder.current == version.raw
        yield _version(layer, rows.decode_version(value), is_current=is_current)


def live_versions(txn: Txn) -> Iterator[Version]:
    """Iterate over every live version of every layer. Memory: one version."""
    return (version for version in all_versions(txn) if version.state is State.LIVE)


def dependents(txn: Txn, name: str, version: VersionId) -> list[Version]:
    """Return the live versions, of all layers, that were made from `name` at `version`.

    A record names an input by the resource or by its role. A role does not say which resource it was, so a
    version counts unless the input's name is that of another resource that has this very version id.
    """
    found = []
    for key, _ in txn.scan(txn.tables.dependents, version.raw):
        name_key, user = rows.split_version_key(key[DIGEST_SIZE:])
        layer, user_name = rows.split_ref_key(name_key)
        made = get(txn, layer, user_name, user)
        assert made is not None, "effects, invariant 3"
        sources = [source for source, used in made.inputs.items() if used == version]
        if any(source == name or not _is_resource(txn, source, version) for source in sources):
            found.append(made)
    return found


def _is_resource(txn: Txn, name: str, version: VersionId) -> bool:
    return any(get(txn, layer, name, version) is not None for layer in layers(txn))


def layers(txn: Txn) -> list[str]:
    """Return the layers that have or had a version, sorted. Cost: one lookup each."""
    found: list[str] = []
    cursor: Any
    with txn.raw.cursor(db=txn.tables.versions) as cursor:
        more = cursor.first()
        while more:
            layer = cursor.key().partition(b"\0")[0]
            found.append(layer.decode())
            more = cursor.set_range(layer + b"\1")
    return found


def whiteout(txn: Txn, layer: str, path: str) -> Whiteout | None:
    """Return the whiteout at `path` itself, or None. Cost: one lookup."""
    row = rows.read_whiteout(txn, rows.whiteout_key(layer, rows.path_bytes(path)))
    return None if row is None else Whiteout(path, row.sequence, row.is_opaque)


def whiteouts_over(txn: Txn, layer: str, path: str) -> Iterator[Whiteout]:
    """Iterate over the whiteouts that cover `path`: at the root, at each directory above it, at itself.

    Cost: one lookup for each.
    """
    parts = path.split("/") if path else []
    for count in range(len(parts) + 1):
        found = whiteout(txn, layer, "/".join(parts[:count]))
        if found is not None:
            yield found


def iter_whiteouts(txn: Txn, layer: str, prefix: str = "") -> Iterator[Whiteout]:
    """Iterate over the whiteouts of `layer` at the path `prefix` and below it, in order of their bytes.

    Memory: one whiteout. Nothing may be written meanwhile.
    """
    start = rows.path_bytes(prefix)
    if prefix:
        found = whiteout(txn, layer, prefix)
        if found is not None:
            yield found
        start += b"/"
    for key, row in rows.scan_whiteouts(txn, rows.whiteout_key(layer, start)):
        path = rows.path_text(rows.split_whiteout_key(key)[1])
        yield Whiteout(path, row.sequence, row.is_opaque)


def whiteouts(txn: Txn, layer: str) -> dict[str, Whiteout]:
    """Return the whiteouts of `layer` by their paths, in order of bytes. Memory: all of them."""
    return {found.path: found for found in iter_whiteouts(txn, layer)}


def require_current(txn: Txn, layer: str, name: str, expect: VersionId | None) -> None:
    """Compare-and-swap: check that the current version is still `expect`; None means "the name is free".

    Raises:
        ConflictError: It moved since the caller looked.
    """
    found = ref(txn, layer, name)
    now = None if found is None else found.current
    if now != expect:
        was, is_now = (version.short if version else "nothing" for version in (expect, now))
        raise ConflictError(
            f"cannot move '{name}' in layer '{layer}'",
            code="ref-moved",
            why=f"it moved from {was} to {is_now} since it was read",
            hint=f"run `cas log {name}`, then repeat the command",
        )


def _version(layer: str, row: VersionRow, *, is_current: bool) -> Version:
    return Version(
        layer=layer,
        record=Record.decode(row.record),
        sequence=row.sequence,
        state=row.state,
        removed_at=from_nanoseconds(row.removed_at_ns) if row.removed_at_ns else None,
        tags=tuple(row.tags),
        is_current=is_current,
    )
