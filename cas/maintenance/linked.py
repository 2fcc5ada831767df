"""Checkouts made of symlinks: gc keeps what they lead to, because those files are in no other place.

A copy is the user's own, and a hard link keeps its bytes without us. A symlink into `views/` dangles once gc
has taken what it was made from. So the content of a checkout is a root of gc as long as a link in it leads
into `views/`. Only checkouts of what would go otherwise are looked through, up to the first such link: how a
directory was checked out last does not tell, because files that were right already stayed what they were.
A destination that cannot be looked at counts as what it is on record for: its disk may come back.

What cannot be known: copies of such a directory, a checkout that is still running, and checkouts from before
the index was lost.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from cas.worktree import symlinks

if TYPE_CHECKING:
    from cas.layout import Layout
    from cas.worktree.placements import Placement


def leads_to_views(layout: Layout, placement: Placement) -> bool:
    """Whether the files of a checkout need the repository's views. Cost: looks at each of them at worst."""
    views = os.path.realpath(os.fsencode(layout.views))
    try:
        return any(os.path.realpath(link).startswith(views + b"/") for link in symlinks.links(placement.path))
    except OSError:
        return symlinks.may_come_back(placement)
