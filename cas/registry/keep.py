"""What was downloaded, in the repository: each state that the far side ever had is a version, and stays.

The version id follows from where the bytes came from, what the far side calls that state, and what they are:
the same state is the same version. Which version that is, is known before anything is read or stored, so
a second download of the same thing costs one look at the index.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
from typing import TYPE_CHECKING, Final

from cas import fs
from cas.errors import StorageError
from cas.registry.arrival import below
from cas.registry.restamp import settle
from cas.remotes.stamp import Stamp
from cas.versions.identity import version_id
from cas.versions.properties import check_properties

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cas.progress import Progress
    from cas.registry.arrival import Arrival
    from cas.registry.entry import RemoteEntry
    from cas.registry.places import Place
    from cas.repo.repository import Repository
    from cas.versions.values import JSON
    from cas.versions.version import Version

_STAGE: Final = "stage"

_committing = threading.Lock()
"""Several downloads run at once, and a repository takes one writer per process at a time."""


def properties_of(entry: RemoteEntry, arrival: Arrival) -> dict[str, JSON]:
    """Give the properties of the version that a download is: of the entry, and where it came from."""
    digest = f"blake3:{arrival.content.id}"
    return check_properties({**entry.properties, "url": arrival.url, **arrival.mark, "digest": digest})


def keep(
    repository: Repository, place: Place, arrival: Arrival, *, origin: str, progress: Progress
) -> tuple[Version, bool]:
    """Commit what was downloaded; the version, and whether it is new or current again.

    Raises:
        StorageError: Somebody changed it after it was fetched; nothing is left in the repository.
        CasError: As of any commit: a hook refused, the disk is full.
    """
    properties = properties_of(place.entry, arrival)
    wanted = version_id(properties, {})
    name = place.entry.path
    there = repository.lookup([(name, wanted)]).get((name, wanted))
    layer = repository.config.layer_for_writing(None)
    if there is not None and there.is_current and there.layer == layer:
        return there, False
    if arrival.renewed(place.destination) is None:  # a version that is taken back would stay in the log
        raise _changed(place)
    is_just_that = _is_alone(place, arrival) and not _modes_changed(place, arrival)
    source = place.destination if is_just_that else _staged(place, arrival)
    try:
        with _committing:
            result = repository.commit(
                name,
                source,
                properties=properties,
                layer=layer,
                message=f"downloaded from {arrival.url}",
                origin=origin,
                progress=progress,
            )
    finally:
        if not is_just_that:
            shutil.rmtree(place.state / _STAGE, ignore_errors=True)
    if result.version.content != arrival.content:
        with _committing:
            repository.remove([f"{layer}:{name}@{result.version.version}"])
        raise _changed(place)
    if not is_just_that:
        settle(place, arrival)
    return result.version, True


def _changed(place: Place) -> StorageError:
    return StorageError(
        f"cannot keep '{place.entry.name}'",
        code="file-changing",
        why=f"'{place.destination}' was changed before it was stored",
        hint="download it again",
    )


def _is_alone(place: Place, arrival: Arrival) -> bool:
    """Whether nothing is at the destination but what was downloaded."""
    if not arrival.is_directory:
        return True
    if place.entry.inner:  # what belongs to others may come at any moment
        return False
    ours = {file.path for file in arrival.files}
    folders = {b""} | {parent for path in ours for parent in _parents(path)}
    top = os.fsencode(place.destination)
    for folder, inside, names in os.walk(top):
        here = os.path.relpath(folder, top)
        here = b"" if here == b"." else here
        if here not in folders or any(os.path.islink(os.path.join(folder, name)) for name in inside):
            return False
        if any(os.path.join(here, name) not in ours for name in names):
            return False
    return True


def _modes_changed(place: Place, arrival: Arrival) -> bool:
    """Whether a file was made executable, or is not any more; what is gone is for others to find."""
    for file in arrival.files:
        with contextlib.suppress(OSError):
            if _is_executable(below(place.destination, file.path)) != file.stamp.is_executable:
                return True
    return False


def _is_executable(path: bytes | Path) -> bool:
    return Stamp.of(os.lstat(path)).is_executable


def _parents(path: bytes) -> Iterator[bytes]:
    while path:
        path = path.rpartition(b"/")[0]
        yield path


def _staged(place: Place, arrival: Arrival) -> Path:
    """Put what was downloaded, and nothing else, together once more, by links that take no room.

    What is executable by now and was not, or the reverse, is copied: both names of a file have one mode.
    """
    stage = place.state / _STAGE
    with fs.explained(f"cannot write below '{stage}'"):
        shutil.rmtree(stage, ignore_errors=True)
        stage.mkdir()
        for file in arrival.files:
            target = stage / (os.fsdecode(file.path) or place.destination.name)
            target.parent.mkdir(parents=True, exist_ok=True)
            source = place.destination / os.fsdecode(file.path)
            if _is_executable(source) != file.stamp.is_executable:
                shutil.copyfile(source, target, follow_symlinks=False)
                target.chmod(0o755 if file.stamp.is_executable else 0o644)
                continue
            try:
                os.link(source, target, follow_symlinks=False)
            except OSError:  # a file system without hard links
                shutil.copy2(source, target, follow_symlinks=False)
    return stage if arrival.is_directory else stage / place.destination.name
