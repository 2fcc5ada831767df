"""Whether a remote resource is here: from notes and `lstat`, without network; what was touched is read."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cas.registry.places import Place


class Here(StrEnum):
    """What is at the place of an entry."""

    YES = "yes"
    """What was downloaded, as it seems untouched."""
    NO = "no"
    """Nothing that was downloaded."""
    CHANGED = "changed"
    """Something else: it was edited, a part of it is gone, or it came here in another way."""
    STALE = "stale"
    """What was downloaded before the registry named another URL or another digest."""
    OUTDATED = "outdated"
    """What was downloaded, untouched, and the far side says that it has something else by now. Only whoever
    has asked it can tell."""
    PINNED = "pinned"
    """The same, but the registry declares the digest of what is here: a download would bring nothing else."""


def here(place: Place) -> Here:
    """Say what is at the place of an entry."""
    arrival = place.arrival
    is_there = place.status is not None
    if not is_there:
        return Here.NO
    if arrival is None or arrival.is_directory != place.entry.is_directory:
        return Here.NO if place.entry.is_directory else Here.CHANGED  # a directory may be there for others
    if not arrival.is_of(place.entry):
        return Here.STALE
    return Here.YES if arrival.renewed(place.destination) is not None else Here.CHANGED
