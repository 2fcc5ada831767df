"""Getting the bytes of one entry into their place: from its URL, or from a mirror when that fails."""

from __future__ import annotations

import os
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from cas.errors import CasError, CorruptError, InvalidError
from cas.registry.arrival import Arrival, ArrivedFile
from cas.registry.nested import Own, left_notes
from cas.registry.registry_file import SLASH_RULE
from cas.remotes.displaced import displaced_notes, gone_note
from cas.remotes.fetch import fetch_file
from cas.remotes.sources import open_source
from cas.remotes.sync import sync

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from cas.progress import Progress
    from cas.registry.entry import RemoteEntry
    from cas.registry.places import Place
    from cas.remotes.location import Location
    from cas.remotes.settings import Settings
    from cas.remotes.source import RemoteFile, Source

_HERE: Final = frozenset(
    {
        "across-file-systems",
        "disk-full",
        "io-error",
        "no-such-path",
        "not-a-directory",
        "path-too-long",
        "permission-denied",
        "read-only-file-system",
    }
)
"""Codes of what fails on this machine: no mirror would help."""

_NO_LISTING: Final = "no-listing"

_WRONG_SLASH: Final = frozenset({"remote-is-directory", "remote-is-file"})


@dataclass(frozen=True, slots=True)
class Got:
    """What is in its place now."""

    arrival: Arrival
    is_unchanged: bool
    """Whether it was there already, so that nothing was fetched."""
    notes: tuple[str, ...]
    """What else there is to say."""


def get(place: Place, settings: Settings, progress: Progress, *, make: Callable[[], object]) -> Got:
    """Bring what the far side has to where it belongs.

    Args:
        place: Where that is.
        settings: Credentials.
        progress: Told about bytes.
        make: Makes the directory that it goes into, once there is something.

    Raises:
        CasError: No source gave it; what was there before is there still.
    """
    entry = place.entry
    failures: list[tuple[Location, CasError]] = []
    for location in entry.locations:
        try:
            with closing(open_source(location, settings)) as source:
                got = _get_from(place, source, progress, make)
        except CasError as error:
            if error.code in _HERE and (location.scheme != "file" or error.code == "disk-full"):
                raise
            failures.append((location, error))
        else:
            return replace(got, notes=(*_told(failures), *got.notes))
    if len(failures) == 1:
        raise failures[0][1]
    raise CasError(
        f"cannot download '{entry.name}' from any of its {len(failures)} sources",
        code="all-sources-failed",
        why="\n".join(_told(failures)),
        # Of bytes that nobody promised, that is the thing to do. Of all else, what came last time may serve.
        hint=next((error.hint for _, error in failures if isinstance(error, CorruptError)), None),
    )


def _told(failures: list[tuple[Location, CasError]]) -> Iterator[str]:
    for location, error in failures:
        what = str(error)
        yield what if str(location) in what else f"{location}: {what}"


def _get_from(place: Place, source: Source, progress: Progress, make: Callable[[], object]) -> Got:
    try:
        return (_directory if place.entry.is_directory else _file)(place, source, progress, make)
    except CasError as error:
        raise slash_error(place.entry, error) from error


def slash_error(entry: RemoteEntry, error: CasError) -> CasError:
    """Turn "it is of the other kind" into the rule about the slash; other errors stay what they are."""
    if error.code == _NO_LISTING:
        hint = f"if it is a file, write '{entry.path}' as its dst_path: {SLASH_RULE}; if not, {error.hint}"
        return InvalidError(error.what, code=error.code, why=error.why, hint=hint)
    if error.code not in _WRONG_SLASH:
        return error
    is_file = error.code == "remote-is-file"
    fix = f"write '{entry.path}'" if is_file else f"write '{entry.path}/'"
    return InvalidError(
        f"cannot download '{entry.name}'",
        code="trailing-slash",
        why=f"its dst_path is '{entry.dst_path}', but the source is a {'file' if is_file else 'directory'}; "
        f"{SLASH_RULE}",
        hint=f"{fix}, if that is meant",
    )


def _file(place: Place, source: Source, progress: Progress, make: Callable[[], object]) -> Got:
    entry = place.entry
    fetched = fetch_file(
        source,
        place.state,
        place.destination,
        digest=entry.digest,
        size=entry.size,
        kept=place.kept,
        make=make,
        progress=progress,
    )
    url = source.location.without_credentials
    file = ArrivedFile(b"", fetched.stamp, bytes.fromhex(fetched.blake3))
    notes = tuple(displaced_notes([fetched.displaced] if fetched.displaced else []))
    arrival = Arrival.of(entry, url, _mark(fetched.generation, fetched.etag), (file,))
    return Got(arrival, fetched.is_unchanged, notes)


def _mark(generation: str | None, etag: str | None) -> dict[str, str]:
    if generation:
        return {"generation": generation}
    return {"etag": etag} if etag else {}


def _directory(place: Place, source: Source, progress: Progress, make: Callable[[], object]) -> Got:
    entry, before, own = place.entry, place.arrival, Own(source, place.entry)
    known = {os.fsdecode(file.path): file.blake3.hex() for file in before.files} if before is not None else {}
    synced = sync(
        own,
        place.state,
        place.destination,
        kept=place.kept,
        known=known,
        approve=lambda files: require_size(entry, files),
        make=make,
        progress=progress,
    )
    files = tuple(
        ArrivedFile(path, hashed.stamp, bytes.fromhex(hashed.blake3))
        for path, hashed in sorted((os.fsencode(path), hashed) for path, hashed in synced.hashed.items())
    )
    gone = [path for path in synced.gone if entry.owner_of(path) is None]
    notes = (*displaced_notes(synced.displaced), *gone_note(gone), *left_notes(own.left))
    arrival = Arrival.of(entry, source.location.without_credentials, {}, files)
    return Got(arrival, not synced.fetched, notes)


def require_size(entry: RemoteEntry, files: Sequence[RemoteFile]) -> None:
    """Compare what a directory measures with what the entry says, if it says anything.

    Raises:
        CorruptError: They differ.
    """
    found = sum(file.size or 0 for file in files)
    if entry.size is not None and found != entry.size:
        raise CorruptError(
            f"cannot download '{entry.name}'",
            code="remote-size-mismatch",
            why=f"the registry says {entry.size:,} bytes, and the source has {found:,}",
            hint="correct the size in the registry, if the source is right",
        )
