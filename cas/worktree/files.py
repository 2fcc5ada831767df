"""What the threads of a checkout do: turn one job into files in their places."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from cas.errors import CasError
from cas.ids import BlobId
from cas.worktree.directories import Directories
from cas.worktree.fetch import Large, UnreadableError, read_share
from cas.worktree.link import Place, check_size, write_file
from cas.worktree.unmade import name_collision, not_read, not_written

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator, Sequence

    from cas.objects.store import ObjectStore
    from cas.worktree.fetch import Job
    from cas.worktree.link import Placer
    from cas.worktree.views import Views


class StoppedError(Exception):
    """The checkout was given up; nobody sees this."""


Wanted = dict[bytes, list[Place]]
"""The places of each blob."""


class Made(NamedTuple):
    """A file that was made, and its `lstat`."""

    place: Place
    status: os.stat_result


_Blocks = Callable[[], "Iterable[bytes]"]
"""Gives the bytes of a blob; again, each time it is called."""


@dataclass(frozen=True, slots=True)
class FileMaker:
    """Makes files below one open directory. Safe to share between threads."""

    root: int
    store: ObjectStore
    views: Views
    placer: Placer | None
    """None: every file gets bytes of its own."""
    stopped: threading.Event = field(default_factory=threading.Event)
    """Set when nobody waits for the files any more: a large one is then not finished."""

    def make(self, job: Job, wanted: Wanted) -> list[Made]:
        """Read the blobs of a job and make every file that wants one of them.

        Raises:
            UnmadeError: A blob is damaged, or its size is not what its tree says, or the system refused.
        """
        made: list[Made] = []
        with Directories(self.root) as directories:
            if isinstance(job, Large):
                self._make_blob(
                    directories, wanted[job.blob], functools.partial(self._stream, job.blob), made
                )
                return made
            try:
                for share in job:
                    for blob, data in read_share(self.store, share):
                        self._make_blob(directories, wanted[blob], functools.partial(_once, data), made)
            except UnreadableError as error:
                raise not_read(wanted[error.blob][0], error.error) from error.error
        return made

    def _stream(self, blob: bytes) -> Iterator[bytes]:
        for chunk in self.store.stream(BlobId(blob)):
            if self.stopped.is_set():
                raise StoppedError
            yield chunk

    def link(self, blobs: Sequence[bytes], wanted: Wanted) -> tuple[list[Made], Wanted]:
        """Make the files that can link to a view; also return those that cannot, by blob."""
        made: list[Made] = []
        missing: Wanted = {}
        with Directories(self.root) as directories:
            for blob in blobs:
                for place in wanted[blob]:
                    status = self._try_link(directories, place)
                    if status is None:
                        missing.setdefault(blob, []).append(place)
                    else:
                        made.append(Made(place, status))
        return made, missing

    def _make_blob(
        self, directories: Directories, places: list[Place], blocks: _Blocks, made: list[Made]
    ) -> None:
        for place in places:
            try:
                made.append(Made(place, self._make_one(directories, place, blocks)))
            except FileExistsError as error:
                raise name_collision(place.directory, place.name) from error
            except OSError as error:
                raise not_written(place, error) from error
            except CasError as error:
                raise not_read(place, error) from error

    def _make_one(self, directories: Directories, place: Place, blocks: _Blocks) -> os.stat_result:
        status = self._link(directories, place)
        if status is None and self._may_link(place):
            check_size(place, self.views.add(place.blob, place.kind, blocks()))
            status = self._link(directories, place)
        if status is None:
            status = write_file(directories.open(place.directory), place, blocks())
        return status

    def _try_link(self, directories: Directories, place: Place) -> os.stat_result | None:
        try:
            return self._link(directories, place)
        except FileExistsError as error:
            raise name_collision(place.directory, place.name) from error
        except OSError as error:
            raise not_written(place, error) from error

    def _may_link(self, place: Place) -> bool:
        """An empty file shares nothing worth sharing, and would be the first to run out of links."""
        return self.placer is not None and place.size != 0

    def _link(self, directories: Directories, place: Place) -> os.stat_result | None:
        if self.placer is None or not self._may_link(place):
            return None
        return self.placer.place(directories.open(place.directory), place)


def _once(data: bytes) -> tuple[bytes]:
    return (data,)
