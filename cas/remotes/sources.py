"""Every kind of source, opened by the scheme of its location."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cas.remotes.location import BUCKETS, WEB

if TYPE_CHECKING:
    from cas.remotes.location import Location
    from cas.remotes.settings import Settings
    from cas.remotes.source import Source


def open_source(location: Location, settings: Settings) -> Source:
    """Get ready to fetch from `location`; no connection is made yet."""
    # Each client takes tens of milliseconds to import, and most commands fetch nothing.
    if location.scheme in BUCKETS:
        from cas.remotes.bucket_source import BucketSource  # noqa: PLC0415

        return BucketSource(location, settings)
    if location.scheme in WEB:
        from cas.remotes.web_source import WebSource  # noqa: PLC0415

        return WebSource(location, settings)
    from cas.remotes.file_source import FileSource  # noqa: PLC0415

    return FileSource(location)
