"""What can be mounted: one version, or the view."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from cas.mount import point
from cas.mount.server import Server
from cas.mount.version_source import VersionSource
from cas.mount.view_source import ViewSource
from cas.objects.index import Index
from cas.objects.ranges import RangeReader
from cas.objects.store import ObjectStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from cas.layout import Layout
    from cas.repo import Repository
    from cas.versions.version import Version


def mount_version(
    repository: Repository,
    version: Version,
    directory: Path,
    *,
    owner: tuple[int, int],
    on_ready: Callable[[], None],
) -> None:
    """Show one version at `directory`, read-only, until it is unmounted.

    SIGINT, SIGTERM and SIGHUP unmount it, if this is the main thread and they are not ignored; so does
    `fusermount -u`. It never changes. If the version is removed it can be read until `cas gc` takes its
    content; from then on reading what was not read before is an input/output error.

    Args:
        repository: Where the version is.
        version: What to show: what is in a directory, or a file under the last part of its name.
        directory: An empty directory.
        owner: The user and the group that the files are shown with.
        on_ready: Called once everything can be read there.

    Raises:
        NotFoundError: There is no such directory.
        InvalidError: It is none, or one that the mount itself reads.
        ConflictError: Something is in it, or mounted there.
        StorageError: libfuse, mfusepy or the device is missing or forbidden, or mounting failed.
    """
    at = point.check(directory, avoid=[repository.layout.root])
    with _store(repository.layout) as store:
        Server(VersionSource(store, version), RangeReader(store), at, owner=owner).run(on_ready)


def mount_view(
    repository: Repository,
    directory: Path,
    *,
    owner: tuple[int, int],
    now_ns: int,
    on_ready: Callable[[], None],
) -> None:
    """Show the union of all layers at `directory`, read-only, until it is unmounted.

    What is committed, hidden or put into a layer meanwhile shows at once, to whoever opens it then. A file
    that is open keeps the content that it had when it was opened, if that is stored. Of one of the host, what
    was read before may be read again though it has changed there, and what was appended may not be seen.

    Args:
        repository: Whose layers; `$(cwd)` in them is the current directory at the beginning.
        directory: An empty directory, in none of the layers.
        owner: The user and the group that the files are shown with.
        now_ns: The time that directories have which are no version's. [ns since 1970]
        on_ready: Called once everything can be read there.

    Raises as `mount_version` does.
    """
    at = point.check(directory, avoid=[repository.layout.root])
    with _store(repository.layout) as store:
        source = ViewSource(repository.view(), store, at, now_ns=now_ns)
        Server(source, RangeReader(store), at, owner=owner).run(on_ready)


@contextlib.contextmanager
def _store(layout: Layout) -> Iterator[ObjectStore]:
    """Open the objects of a repository once more, for the thread of libfuse."""
    index = Index.open(layout.index)
    store = ObjectStore(layout, index)
    try:
        yield store
    finally:
        store.close()
        index.close()
