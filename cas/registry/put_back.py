"""Bringing back, without the network, what was downloaded before: the repository has each version of it."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from cas import fs
from cas.errors import ConflictError
from cas.ids import BlobId
from cas.registry.arrival import Arrival, arrived, arrived_file
from cas.registry.hashing import hashes_to
from cas.worktree.link import Link

if TYPE_CHECKING:
    from cas.progress import Progress
    from cas.registry.entry import RemoteEntry
    from cas.registry.places import Place
    from cas.repo.repository import Repository
    from cas.versions.version import Version


def put_back(repository: Repository, place: Place, progress: Progress) -> tuple[Arrival, Version] | None:
    """Bring back the newest version that came from one of the entry's URLs; None if there is none.

    Files of others, in a directory, are left alone.

    Raises:
        ConflictError: Something is in the way.
        CasError: As of any checkout: its bytes are damaged, the disk is full.
    """
    entry = place.entry
    for version in _candidates(repository, entry):
        with repository.session() as session:
            scratch = place.state / "back"
            _clear(scratch)
            repository.place(version, scratch, session=session, link=Link.COPY, progress=progress)
        try:
            if entry.digest is None or hashes_to(scratch, entry.digest):
                paths = _moved(scratch, place)
                return _arrival_of(place, version, paths), version
        finally:
            _clear(scratch)
    return None


def _candidates(repository: Repository, entry: RemoteEntry) -> list[Version]:
    urls = {location.without_credentials for location in entry.locations}
    return [
        version
        for version in repository.versions(entry.path)
        if version.properties.get("url") in urls and version.content.is_directory == entry.is_directory
    ]


def _clear(scratch: Path) -> None:
    if scratch.is_dir() and not scratch.is_symlink():
        shutil.rmtree(scratch)
    else:
        scratch.unlink(missing_ok=True)


def _moved(scratch: Path, place: Place) -> list[str]:
    """Rename everything below `scratch` to where it belongs; the paths of the files.

    Raises:
        ConflictError: Something else is where a file or a directory belongs.
    """
    with fs.explained(f"cannot write '{place.destination}'"):
        if not place.entry.is_directory:
            _replace(scratch, place.destination, place)
            return [""]
        paths = []
        for folder, inside, names in os.walk(scratch):
            here = os.path.relpath(folder, scratch)
            for name in inside:
                if not os.path.islink(os.path.join(folder, name)):
                    _make_folder(place.destination / here / name, place)
            links = [name for name in inside if os.path.islink(os.path.join(folder, name))]
            for name in (*names, *links):
                _replace(Path(folder, name), place.destination / here / name, place)
                paths.append(os.path.normpath(os.path.join(here, name)))
        return paths


def _replace(source: Path, target: Path, place: Place) -> None:
    if target.is_dir() and not target.is_symlink():
        raise _in_the_way(target, place)
    os.replace(source, target)


def _make_folder(folder: Path, place: Place) -> None:
    try:
        folder.mkdir()
    except FileExistsError:
        if not stat.S_ISDIR(os.lstat(folder).st_mode):
            raise _in_the_way(folder, place) from None


def _in_the_way(path: Path, place: Place) -> ConflictError:
    return ConflictError(
        f"cannot put '{place.entry.name}' back",
        code="download-in-the-way",
        why=f"'{path}' is in the way",
        hint="move it away",
    )


def _arrival_of(place: Place, version: Version, paths: list[str]) -> Arrival:
    entry = place.entry
    if entry.is_directory:
        files = arrived(place.destination, paths, {})
    else:
        assert isinstance(version.content.id, BlobId)
        files = (arrived_file(place.destination, version.content.id.raw),)
    marks: dict[str, str] = {
        key: str(version.properties[key]) for key in ("generation", "etag") if key in version.properties
    }
    return Arrival.of(entry, str(version.properties["url"]), marks, files)
