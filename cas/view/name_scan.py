"""The names in one directory of a layer of refs, read in batches: no snapshot is held between two of them."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from cas.ids import VersionId
from cas.versions import rows
from cas.view.node import Named

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cas.objects.index import Txn

BATCH: Final = 1000
"""Names that are read in one snapshot."""


def has_names(txn: Txn, layer: str, prefix: str) -> bool:
    """Whether a name starts with `prefix`. Cost: one look."""
    key = rows.ref_key(layer, prefix)
    cursor: Any
    with txn.raw.cursor(db=txn.tables.refs) as cursor:
        return bool(cursor.set_range(key)) and cursor.key().startswith(key)


def steps(txn: Txn, layer: str, path: str, after: bytes) -> list[bytes]:
    """List what is in the directory `path`, as the index has it: `name`, or `name/` where names lie below.

    Args:
        txn: A snapshot.
        layer: The layer.
        path: A path of the view.
        after: The last of the batch before; b"" begins.

    Returns:
        A batch; an empty one is the end.
    """
    return list(islice(_steps(txn, rows.ref_key(layer, f"{path}/" if path else ""), _next(after)), BATCH))


def _next(after: bytes) -> bytes:
    """Give the first key that can follow a step. No name has a byte below " ", and "0" follows "/"."""
    if after.endswith(b"/"):
        return after[:-1] + b"0"
    return after + b"\1" if after else b""


def _steps(txn: Txn, prefix: bytes, start: bytes) -> Iterator[bytes]:
    cursor: Any
    with txn.raw.cursor(db=txn.tables.refs) as cursor:
        found = cursor.set_range(prefix + start)
        while found:
            key = cursor.key()
            if not key.startswith(prefix):
                return
            name, slash, _ = key[len(prefix) :].partition(b"/")
            yield name + slash
            found = cursor.set_range(prefix + name + b"0") if slash else cursor.next()


def names(txn: Txn, layer: str, prefix: str, after: bytes) -> list[tuple[bytes, Named]]:
    """List a batch of names that start with `prefix`; `after` is the key of the last of the one before."""
    head = rows.ref_key(layer, "")
    first = rows.ref_key(layer, prefix)
    found: list[tuple[bytes, bytes]] = []
    cursor: Any
    with txn.raw.cursor(db=txn.tables.refs) as cursor:
        if cursor.set_range(head + after + b"\1" if after else first):
            found = list(islice(cursor.iternext(), BATCH))
    if found and not found[-1][0].startswith(first):  # they are sorted: of most batches all do
        found = [row for row in found if row[0].startswith(first)]
    return [_named(key[len(head) :], layer, *rows.decode_ref(value)) for key, value in found]


def _named(key: bytes, layer: str, current: bytes, count: int) -> tuple[bytes, Named]:
    return key, Named(key.decode(), layer, VersionId(current), count)
