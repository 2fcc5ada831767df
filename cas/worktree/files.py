"""What the threads of a checkout do: turn one job into files in their places."""

from __future__ import annotations

import contextlib
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from cas.errors import CasError, StorageError
from cas.ids import BlobId
from cas.worktree.ahead import read_ahead
from cas.worktree.directories import Directories
from cas.worktree.fetch import Large, UnreadableError, read_share
from cas.worktree.link import check_size, write_file
from cas.worktree.unmade import name_collision, not_read, not_written

if TYPE_CHECKING:
    import os
    from collections.abc import Generator, Iterable, Sequence

    from cas.objects.store import ObjectStore
    from cas.worktree.fetch import Job
    from cas.worktree.link import Placer
    from cas.worktree.views import Views
    from cas.worktree.wanted import Place, Wanted


class StoppedError(Exception):
    """The checkout was given up; nobody sees this."""


class Made(NamedTuple):
    """A file that was made, and its `lstat`."""

    place: Place
    status: os.stat_result


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
                for place in wanted[job.blob]:
                    with contextlib.closing(self._stream(job.blob)) as chunks:
                        made.append(self._make_one(directories, place, chunks))
                return made
            try:
                for share in job:
                    for blob, data in read_share(self.store, share):
                        made += [self._make_one(directories, place, (data,)) for place in wanted[blob]]
            except UnreadableError as error:
                raise not_read(wanted[error.blob][0], error.error) from error.error
        return made

    def _stream(self, blob: bytes) -> Generator[bytes, None, None]:
        with contextlib.closing(read_ahead(self.store.stream(BlobId(blob)))) as chunks:
            for chunk in chunks:
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
                    try:
                        status = self._link(directories, place)
                    except FileExistsError as error:
                        raise name_collision(place.directory, place.name) from error
                    except OSError as error:
                        raise not_written(place, error) from error
                    if status is None:
                        missing.setdefault(blob, []).append(place)
                    else:
                        made.append(Made(place, status))
        return made, missing

    def _make_one(self, directories: Directories, place: Place, blocks: Iterable[bytes]) -> Made:
        try:
            if not self._may_link(place):
                return Made(place, write_file(directories.open(place.directory), place, blocks))
            status = self._link(directories, place)
            if status is None:
                check_size(place, self.views.add(place.blob, place.kind, blocks))
                status = self._link(directories, place)
            if status is None:
                raise vanished(place)
            return Made(place, status)
        except FileExistsError as error:
            raise name_collision(place.directory, place.name) from error
        except OSError as error:
            raise not_written(place, error) from error
        except CasError as error:
            raise not_read(place, error) from error

    def _may_link(self, place: Place) -> bool:
        """An empty file shares nothing worth sharing, and would be the first to run out of links."""
        return self.placer is not None and place.size != 0

    def _link(self, directories: Directories, place: Place) -> os.stat_result | None:
        if self.placer is None or not self._may_link(place):
            return None
        return self.placer.place(directories.open(place.directory), place)


def vanished(place: Place) -> StorageError:
    """Explain why a view that was just made is not there."""
    return StorageError(
        f"cannot link to the file of '{place.blob.hex()}'",
        code="view-vanished",
        why="somebody deletes what is under '.cas/views' while it is being made",
        hint="run the same command again",
    )
