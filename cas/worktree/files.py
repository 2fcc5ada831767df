"""What the threads of a checkout do: turn one job into files in their places."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from cas import fs
from cas.ids import BlobId
from cas.worktree.compare import join
from cas.worktree.directories import Directories
from cas.worktree.fetch import Large, read_share
from cas.worktree.link import Place, check_size, name_collision, write_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cas.errors import CasError
    from cas.objects.store import ObjectStore
    from cas.worktree.fetch import Job
    from cas.worktree.link import Placer
    from cas.worktree.views import Views

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

    def make(self, job: Job, wanted: Wanted) -> list[Made]:
        """Read the blobs of a job and make every file that wants one of them.

        Raises:
            CorruptError: A blob is damaged, or its size is not what its tree says.
            StorageError: The disk is full or failed.
        """
        made: list[Made] = []
        with Directories(self.root) as directories:
            if isinstance(job, Large):
                blob = BlobId(job.blob)
                self._make_blob(directories, wanted[job.blob], lambda: self.store.stream(blob), made)
                return made
            for share in job:
                for blob_id, data in read_share(self.store, share):
                    self._make_blob(directories, wanted[blob_id], functools.partial(_once, data), made)
        return made

    def link(self, blobs: Sequence[bytes], wanted: Wanted) -> tuple[list[Made], Wanted]:
        """Make the files that can link to a view; also return those that cannot, by blob."""
        made: list[Made] = []
        missing: Wanted = {}
        with Directories(self.root) as directories:
            for blob in blobs:
                for place in wanted[blob]:
                    status = self._link(directories, place)
                    if status is None:
                        missing.setdefault(blob, []).append(place)
                    else:
                        made.append(Made(place, status))
        return made, missing

    def _make_blob(
        self, directories: Directories, places: list[Place], blocks: _Blocks, made: list[Made]
    ) -> None:
        for place in places:
            status = self._link(directories, place)
            if status is None and self._may_link(place):
                check_size(place, self.views.add(place.blob, place.kind, blocks()))
                status = self._link(directories, place)
            if status is None:
                status = _make(directories, place, blocks())
            made.append(Made(place, status))

    def _may_link(self, place: Place) -> bool:
        """An empty file shares nothing worth sharing, and would be the first to run out of links."""
        return self.placer is not None and place.size != 0

    def _link(self, directories: Directories, place: Place) -> os.stat_result | None:
        if self.placer is None or not self._may_link(place):
            return None
        try:
            return self.placer.place(directories.open(place.directory), place)
        except FileExistsError as error:
            raise name_collision(place) from error
        except OSError as error:
            raise _cannot_write(place, error) from error


def _once(data: bytes) -> tuple[bytes]:
    return (data,)


def _make(directories: Directories, place: Place, blocks: Iterable[bytes]) -> os.stat_result:
    try:
        return write_file(directories.open(place.directory), place, blocks)
    except FileExistsError as error:
        raise name_collision(place) from error
    except OSError as error:
        raise _cannot_write(place, error) from error


def _cannot_write(place: Place, error: OSError) -> CasError:
    return fs.explain(error, f"cannot write '{os.fsdecode(join(place.directory, place.name))}'")
