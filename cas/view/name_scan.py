"""The names in one directory of a layer of refs, read in batches: no snapshot is held between two of them."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from cas.ids import VersionId
from cas.versions import rows
from cas.view.layer import Mark
from cas.view.node import Named

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cas.objects.index import Txn

BATCH: Final = 1000
"""Names that are read in one snapshot."""


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


def names(txn: Txn, layer: str, prefix: str, after: bytes) -> list[Mark]:
    """List a batch of names that start with `prefix`; `after` is the key of the last of the one before."""
    head = rows.ref_key(layer, "")
    first = rows.ref_key(layer, prefix)
    found = []
    cursor: Any
    with txn.raw.cursor(db=txn.tables.refs) as cursor:
        if cursor.set_range(head + after + b"\1" if after else first):
            for key, value in islice(cursor.iternext(), BATCH):
                if not key.startswith(first):
                    break
                row = rows.decode_ref(value)
                path = key[len(head) :]
                named = Named(path.decode(), layer, VersionId(row.current), row.version_count)
                found.append(Mark(path, named))
    return found
