"""Moving what came from the repository to where it belongs; what of somebody's own is there makes way."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from cas import fs
from cas.errors import ConflictError
from cas.registry.hashing import content_of
from cas.remotes.aside import Aside, blake3_at
from cas.remotes.fetched import Displaced

if TYPE_CHECKING:
    from cas.registry.places import Place


def move_in(scratch: Path, place: Place) -> tuple[list[str], list[Displaced]]:
    """Rename everything below `scratch` to where it belongs.

    Returns:
        The paths of the files, and what made way for them.

    Raises:
        ConflictError: Something else is where a file or a directory belongs.
    """
    with fs.explained(f"cannot write '{place.destination}'"):
        move = _Move(place)
        if place.entry.is_directory:
            move.tree(scratch)
        else:
            move.file(scratch, "")
    return move.paths, move.displaced


class _Move:
    """One resource on its way into its place."""

    def __init__(self, place: Place) -> None:
        before = place.arrival
        self._place = place
        self._left = {file.path: file for file in before.files} if before is not None else {}
        self._aside = Aside(place.kept if place.entry.is_directory else place.kept.parent)
        self.paths: list[str] = []
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
                is_ours=lambda status: self._is_ours(status, folder, source, path),
            )
            os.replace(source, target.name, dst_dir_fd=folder)
        except IsADirectoryError:
            raise self._in_the_way(target) from None
        finally:
            os.close(folder)
        self.paths.append(path)
        if kept is not None:
            self.displaced.append(Displaced(path, kept, was_edited=os.fsencode(path) in self._left))

    def _is_ours(self, status: os.stat_result, folder: int, source: Path, path: str) -> bool:
        """Whether what is at `path` may be lost: a download left it, or `source` has the same bytes."""
        left = self._left.get(os.fsencode(path))
        if left is not None and left.looks_like(status):
            return True
        digest = blake3_at((self._place.destination / path).name, folder)
        if digest is None:
            return False
        here = bytes.fromhex(digest)
        return (left is not None and here == left.blake3) or here == content_of(source)

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
