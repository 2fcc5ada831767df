"""Telling damage from absence: what a version needs and the store lacks was lost, and not looked for in vain.

The store below knows ids, and an id may be unknown to it for good reasons. Here it is known who asked: a
version that is there. Only if gc collected it while it was being read is there nothing wrong.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, TypeVar

from cas.errors import CorruptError, NotFoundError
from cas.versions import refs
from cas.versions.version import State, unavailable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cas.ids import TreeId
    from cas.objects.store import ObjectStore
    from cas.objects.tree import Entry
    from cas.versions.version import Version
    from cas.worktree.compare import TreeReader

T = TypeVar("T")

_MISSING: Final = frozenset({"no-such-object", "pack-gone"})
"""What the store says of an object that it should have."""


@contextmanager
def needed(store: ObjectStore, version: Version) -> Iterator[None]:
    """Read content of `version` in the block.

    Raises:
        CorruptError: Something that the version needs is not there.
        NotFoundError: gc took it meanwhile, because the version was removed.
    """
    try:
        yield
    except NotFoundError as error:
        if error.code not in _MISSING:
            raise
        with store.index.read() as txn:
            now = refs.get(txn, version.layer, version.name, version.version)
        if now is None or now.state is State.COLLECTED:
            raise unavailable(version.ref, State.COLLECTED) from error
        raise CorruptError(
            f"cannot read '{version.ref}'",
            code="store-damaged",
            why=str(error),
            hint="run `cas verify` to see all that is missing",
        ) from error


def each(store: ObjectStore, version: Version, items: Iterable[T]) -> Iterator[T]:
    """Iterate over what is read from `version`; raises as `needed` does."""
    with needed(store, version):
        yield from items


def trees_of(store: ObjectStore, version: Version) -> TreeReader:
    """Give the reader of the directories in `version`; it raises as `needed` does."""

    def read(tree: TreeId) -> list[Entry]:
        with needed(store, version):
            return store.tree(tree)

    return read
