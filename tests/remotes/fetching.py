"""What tests of downloads have in common."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from cas.remotes.fetch import CONNECTIONS, fetch_file
from cas.remotes.location import Location
from cas.remotes.settings import Settings
from cas.remotes.sources import open_source
from cas.remotes.sync import sync

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cas.remotes.digests import Digest
    from cas.remotes.fetched import Fetched, Synced

MIB = 1 << 20


def fetch(  # noqa: PLR0913 - as `fetch_file`
    url: str,
    home: Path,
    settings: Settings | None = None,
    *,
    digest: Digest | None = None,
    size: int | None = None,
    connections: int = CONNECTIONS,
    wait: Callable[[float], None] | None = None,
) -> Fetched:
    """Fetch a file to `home/file`, with the state in `home/state`."""
    with closing(open_source(Location.parse(url), settings or Settings())) as source:
        return fetch_file(
            source,
            home / "state",
            home / "file",
            digest=digest,
            size=size,
            connections=connections,
            wait=wait or not_at_all,
        )


def fetch_all(url: str, home: Path, settings: Settings | None = None) -> Synced:
    """Fetch a directory to `home/all`, with the state in `home/state`."""
    with closing(open_source(Location.parse(url), settings or Settings())) as source:
        return sync(source, home / "state", home / "all", wait=not_at_all)


def not_at_all(_: float) -> None:
    """Make no pause: the order of things is what is tested."""


def contents(home: Path) -> dict[str, bytes]:
    """All files of a directory, by relative path."""
    return {
        path.relative_to(home).as_posix(): path.read_bytes()
        for path in sorted(home.rglob("*"))
        if path.is_file() and not path.is_symlink()
    }


def left_in_state(home: Path) -> set[str]:
    """The kinds of files that are in the state folder."""
    return {path.suffix for path in (home / "state").iterdir()}
