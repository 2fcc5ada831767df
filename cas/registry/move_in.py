"""Moving what came from the repository to where it belongs; what of somebody's own is there makes way."""

from __future__ import annotations

import logging
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from cas import fs
from cas.errors import ConflictError
from cas.registry.arrival import ArrivedFile
from cas.remotes.aside import Aside, blake3_at
from cas.remotes.displaced import displaced_notes
from cas.remotes.fetched import Displaced
from cas.remotes.stamp import renamed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cas.registry.places import Place

log = logging.getLogger(__name__)


def move_in(
    scratch: Path, place: Place, contents: Mapping[str, bytes]
) -> tuple[list[ArrivedFile], list[Displaced]]:
    """Rename everything below `scratch` to where it belongs.

    Args:
        scratch: What nobody else has touched.
        place: Where it belongs.
        contents: The content ids of its files, by path below it.

    Returns:
        The files as they are in their places, and what made way for them.

    Raises:
        ConflictError: Something else is where a file or a directory belongs.
    """
    with fs.explained(f"cannot write '{place.destination}'"):
        move = _Move(place, contents)
        try:
            if place.entry.is_directory:
                move.tree(scratch)
            else:
                move.file(scratch, "")
        except BaseException:
            for note in displaced_notes(move.displaced):  # no result will say so
                log.warning("%s: %s", place.entry.name, note)
            raise
    return move.files, move.displaced


class _Move:
    """One resource on its way into its place."""

    def __init__(self, place: Place, contents: Mapping[str, bytes]) -> None:
        before = place.arrival
        self._place = place
        self._contents = contents
        self._left = {file.path: file for file in before.files} if before is not None else {}
        self._aside = Aside(place.kept if place.entry.is_directory else place.kept.parent)
        self.files: list[ArrivedFile] = []
        self.displaced: list[Displaced] = []

    def tree(self, scratch: Path) -> None:
        """Move everything in a directory."""
        for folder, inside, names in os.walk(scratch):
            here = os.path.relpath(folder, scratch)
            links = [name for name in inside if os.path.islink(os.path.join(folder, name))]
            for name in inside:
                if name not in links:
                    self._make_folder(self._place.destination / here / name)
            for name in (*names, *links):
                self.file(Path(folder, name), os.path.normpath(os.path.join(here, name)))

    def file(self, source: Path, path: str) -> None:
        """Move a file to a path below the destination; the empty path is the destination itself."""
        target = self._place.destination / path
        folder = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            kept = self._aside.clear(
                folder,
                target.name,
                path or self._place.kept.name,
                is_ours=lambda status: self._is_ours(status, folder, path),
            )
            self._rename(source, target.name, folder, path)
        except IsADirectoryError:
            raise self._in_the_way(target) from None
        finally:
            os.close(folder)
        if kept is not None:
            self.displaced.append(Displaced(path, kept, was_edited=os.fsencode(path) in self._left))

    def _rename(self, source: Path, name: str, folder: int, path: str) -> None:
        if path not in self._contents:  # a link, that somebody has committed
            os.replace(source, name, dst_dir_fd=folder)
            return
        fd = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            stamp = renamed(fd, lambda: os.replace(source, name, dst_dir_fd=folder))
        finally:
            os.close(fd)
        self.files.append(ArrivedFile(os.fsencode(path), stamp, self._contents[path]))

    def _is_ours(self, status: os.stat_result, folder: int, path: str) -> bool:
        """Whether what is at `path` may be lost: a download left it, or it is what is to be there."""
        left = self._left.get(os.fsencode(path))
        if left is not None and left.stamp.fits(status):
            return True
        digest = blake3_at((self._place.destination / path).name, folder)
        if digest is None:
            return False
        here = bytes.fromhex(digest)
        return (left is not None and here == left.blake3) or here == self._contents.get(path)

    def _make_folder(self, folder: Path) -> None:
        try:
            folder.mkdir()
        except FileExistsError:
            if not stat.S_ISDIR(os.lstat(folder).st_mode):
                raise self._in_the_way(folder) from None

    def _in_the_way(self, path: Path) -> ConflictError:
        return ConflictError(
            f"cannot put '{self._place.entry.name}' back",
            code="download-in-the-way",
            why=f"'{path}' is in the way",
            hint="move it away",
        )
