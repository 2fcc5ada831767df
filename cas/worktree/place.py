"""Writing content to a scratch place: no plan, no staging, no record; whoever owns the place deletes it."""

from __future__ import annotations

import os
from contextlib import nullcontext
from typing import TYPE_CHECKING

from cas import fs
from cas.errors import ConflictError
from cas.worktree import leases, room
from cas.worktree.build import Builder
from cas.worktree.compare import as_entry
from cas.worktree.directories import open_directory
from cas.worktree.files import FileMaker
from cas.worktree.link import placer_for
from cas.worktree.unmade import UnmadeError
from cas.worktree.views import Views

if TYPE_CHECKING:
    from pathlib import Path

    from cas.ids import Content
    from cas.objects.session import Session
    from cas.objects.store import ObjectStore
    from cas.progress import Progress
    from cas.worktree.link import Link


def place(  # noqa: PLR0913 - each is a decision of the caller
    store: ObjectStore,
    content: Content,
    destination: Path,
    *,
    session: Session,
    link: Link,
    progress: Progress,
) -> None:
    """Make `destination` hold `content`; its parent exists, it does not.

    Raises:
        ConflictError: Something is there already.
        CorruptError: Stored bytes are damaged; a part may have been written.
        StorageError: The disk is full, or does not know this kind of link.
    """
    if os.path.lexists(destination):
        raise ConflictError(
            f"cannot write '{destination}'",
            code="destination-exists",
            why="something is there already",
            hint="choose another path",
        )
    views = Views(store.layout, session.tmp)
    placer = placer_for(link, views)
    with fs.explained(f"cannot write '{destination}'"):
        parent = open_directory(os.fsencode(destination.parent))
        builder = Builder(FileMaker(parent, store, views, placer), None, progress)
        try:
            if placer is not None:
                placer.probe(parent, os.fsencode(session.probe()))
            with leases.building(store.layout) if placer is not None else nullcontext():
                builder.add(os.fsencode(destination.name), as_entry(content))
                builder.finish()
            room.note(store.layout, views.added)
        except UnmadeError as error:
            raise error.explain(
                os.fsdecode(os.path.join(os.fsencode(destination.parent), error.path))
            ) from error
        finally:
            builder.close()
            os.close(parent)
