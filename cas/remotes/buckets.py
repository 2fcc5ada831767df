"""Opening a bucket with the credentials that are at hand, or with none if there are none.

What is looked at, and in which order, is what the cloud's own client looks at; `aws`, `google` and `azure`
say so each for its own. obstore reads the environment of the process by itself, so whatever matters is handed
to it explicitly, and wins.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cas.remotes.bucket import Bucket
    from cas.remotes.location import Location
    from cas.remotes.settings import Settings


def open_bucket(location: Location, settings: Settings) -> Bucket:
    """Get ready to ask a bucket; a metadata service of the cloud may be asked for credentials first.

    Raises:
        RemoteError: The credentials that are configured cannot be used.
    """
    if location.scheme == "s3":
        from cas.remotes.aws import open_s3  # noqa: PLC0415 - each cloud has its own files and words

        return open_s3(location, settings)
    if location.scheme == "gs":
        from cas.remotes.google import open_gcs  # noqa: PLC0415 - as above

        return open_gcs(location, settings)
    from cas.remotes.azure import open_azure  # noqa: PLC0415 - as above

    return open_azure(location, settings)
