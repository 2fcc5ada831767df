"""What differs: between two versions, and between a version and the directory it was put into."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from cas.errors import NotFoundError
from cas.ids import VersionId
from cas.repo.needed import trees_of
from cas.repo.results import CheckoutStatus, Difference, PropertyChange
from cas.versions import refs
from cas.versions.properties import canonical
from cas.worktree import compare, placements
from cas.worktree.status import local_changes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from typing import Any

    from cas.objects.index import Txn
    from cas.objects.store import ObjectStore
    from cas.progress import Progress
    from cas.versions.version import Version
    from cas.worktree.placements import Placement


def between(store: ObjectStore, a: Version, b: Version) -> Difference:
    """Compare two versions: content, properties, inputs."""
    return Difference(
        a=a,
        b=b,
        changes=tuple(
            compare.diff(trees_of(store, a), a.content, b.content, read_b=trees_of(store, b)),
        ),
        properties=_changed(a.properties, b.properties, canonical),
        inputs=_changed(a.inputs, b.inputs, str),
    )


def _changed(
    old: Mapping[str, Any], new: Mapping[str, Any], form: Callable[[Any], object]
) -> tuple[PropertyChange, ...]:
    """Compare values by their `form`, as version ids do: to Python, 1 and true are equal."""
    return tuple(
        PropertyChange(key, old.get(key), new.get(key))
        for key in sorted(old.keys() | new.keys())
        if (key in old) != (key in new) or form(old[key]) != form(new[key])
    )


def status(
    store: ObjectStore, clock_ns: Callable[[], int], destination: Path | None, progress: Progress
) -> list[CheckoutStatus]:
    """Compare the checkout at `destination`, or every one on record, with what was put there.

    Raises:
        NotFoundError: Nothing was checked out at `destination`.
    """
    with store.index.read() as txn:
        found = _recorded(txn, destination)
        versions = {one.path: refs.get(txn, one.layer, one.name, VersionId(one.version)) for one in found}
    progress.start("comparing", len(found), "checkouts")
    compared = []
    for placement in found:
        compared.append(_compare(store, placement, versions[placement.path], clock_ns))
        progress.advance(1)
    return compared


def _recorded(txn: Txn, destination: Path | None) -> list[Placement]:
    if destination is None:
        return sorted(placements.placements(txn), key=lambda one: one.path)
    found = placements.find(txn, placements.locate(destination))
    if found is None:
        raise NotFoundError(
            f"cannot compare '{destination}'",
            code="no-such-checkout",
            why="no version was checked out there",
            hint="`cas status` lists the checkouts",
        )
    return [found]


def _compare(
    store: ObjectStore, placement: Placement, version: Version | None, clock_ns: Callable[[], int]
) -> CheckoutStatus:
    put = placement.content or placement.underway
    is_missing = not os.path.lexists(placement.path)
    if is_missing or put is None:
        return CheckoutStatus(placement.destination, version, (), is_missing=is_missing)
    try:
        changes = tuple(local_changes(store, placement.path, put, clock_ns=clock_ns))
    except NotFoundError:  # gc took the content, or it was lost; the other checkouts can still be compared
        return CheckoutStatus(placement.destination, version, (), is_missing=False, is_comparable=False)
    return CheckoutStatus(placement.destination, version, changes, is_missing=False)
