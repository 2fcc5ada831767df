"""What is said of files that made way for a download: where they are now; of thousands, in one line."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cas.remotes.fetched import Displaced


def displaced_notes(displaced: Sequence[Displaced]) -> Iterator[str]:
    """Say what was in the way, and where it is kept."""
    for was_edited in (True, False):
        some = [one for one in displaced if one.was_edited is was_edited]
        if len(some) == 1:
            yield _told(some[0])
            continue
        top = os.path.commonpath([one.kept.parent for one in some]) if some else ""
        if was_edited and some:
            yield f"{len(some):,} files had been edited here; what was here is now below '{top}'"
        elif some:
            yield f"{len(some):,} other files were here; they are now below '{top}'"


def _told(one: Displaced) -> str:
    what = f"'{one.path}'" if one.path else "it"
    if one.was_edited:
        return f"{what} had been edited here; what was here is now '{one.kept}'"
    where = f"at {what}" if one.path else "here"
    return f"another file was {where}; it is now '{one.kept}'"


def gone_note(gone: Sequence[str]) -> Iterator[str]:
    """Say which files the far side has no more."""
    if len(gone) == 1:
        yield f"'{gone[0]}' is gone at the source; it stays here"
    elif gone:
        yield f"'{gone[0]}' and {len(gone) - 1:,} more are gone at the source; they stay here"
