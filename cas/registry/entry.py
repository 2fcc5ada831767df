"""One remote resource, as `remote.yaml` lists it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cas.remotes.location import Location

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cas.remotes.digests import Digest
    from cas.versions.values import JSON


@dataclass(frozen=True, slots=True)
class RemoteEntry:
    """A resource that lives elsewhere, and where it belongs here.

    `registry_file.load` makes and checks them.
    """

    name: str
    """What the user calls it; unique in its registry."""
    dst_path: str
    """Where it belongs in the view; a `/` at the end says that it is a directory."""
    url: str = field(repr=False)
    """Where it is; it may hold a password."""
    mirrors: tuple[str, ...] = field(default=(), repr=False)
    """Where else it is; tried in this order once `url` has failed for good."""
    digest: Digest | None = None
    """What its bytes must hash to; only files have one."""
    size: int | None = None
    """What it must measure; of a directory, all files together. [bytes]"""
    properties: Mapping[str, JSON] = field(default_factory=dict)
    """What each version of it is to be known by, besides where it came from."""
    line: int = 0
    """Where in the file it stands; 0 is in none."""
    inner: Mapping[str, RemoteEntry] = field(default_factory=dict, repr=False)
    """The other entries of its registry that belong below it, by their paths relative to its own."""

    @property
    def is_directory(self) -> bool:
        """Whether it is a directory: the slash says so, and nothing else does."""
        return self.dst_path.endswith("/")

    @property
    def path(self) -> str:
        """Its path in the view, and the name of its versions."""
        return self.dst_path.removesuffix("/")

    def owner_of(self, path: str) -> str | None:
        """Name the innermost other entry to which a path relative to this directory belongs; None: to this.

        What lies below an inner *file* is this one's: both cannot be there, and a download says so.
        """
        inner = self.inner.get(path)
        while inner is None and "/" in path and self.inner:
            path = path.rpartition("/")[0]
            above = self.inner.get(path)
            inner = above if above is not None and above.is_directory else None
        return inner.name if inner is not None else None

    @property
    def public_url(self) -> str:
        """The URL for records, without what is secret in it."""
        return self.locations[0].without_credentials

    @property
    def locations(self) -> tuple[Location, ...]:
        """Where to fetch it from, best first; of a directory, each ends in a slash."""
        return tuple(
            Location.parse(f"{url}/" if self.is_directory and not url.endswith("/") else url)
            for url in (self.url, *self.mirrors)
        )
