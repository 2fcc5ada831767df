"""Buckets of Google Cloud Storage, with the credentials that Google's own clients would use.

In this order: the emulator at STORAGE_EMULATOR_HOST, which needs none; the file that
GOOGLE_APPLICATION_CREDENTIALS names; what `gcloud auth application-default login` left; the metadata service
of the machine, if one answers; none, which is enough for public buckets.
"""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from obstore.store import GCSStore

from cas.remotes.bucket import NO_RETRIES, Bucket, answers, client_options
from cas.remotes.errors import RemoteError

if TYPE_CHECKING:
    from cas.remotes.location import Location
    from cas.remotes.settings import Settings

_ENDPOINT: Final = "https://storage.googleapis.com"
_METADATA: Final = "169.254.169.254"
_KNOWN: Final = ("service_account", "authorized_user")
"""Kinds of credentials that obstore takes."""


def open_gcs(location: Location, settings: Settings) -> Bucket:
    """Open the bucket of `location`."""
    emulator = settings.first("STORAGE_EMULATOR_HOST")
    if emulator is not None:
        endpoint = (emulator if "://" in emulator else f"http://{emulator}").rstrip("/")
        credentials = None
    else:
        endpoint = _ENDPOINT
        credentials = _credentials(settings, location)
    store = GCSStore(
        location.host,
        base_url=endpoint,
        client_options=client_options(settings, endpoint),
        retry_config=NO_RETRIES,
        **(credentials or {"skip_signature": True}),
    )
    return Bucket(store, has_credentials=credentials is not None)


def _credentials(settings: Settings, location: Location) -> dict[str, Any] | None:
    """Arguments of GCSStore that give it credentials, or None."""
    named = settings.first("GOOGLE_APPLICATION_CREDENTIALS")
    path = Path(named) if named else _left_by_gcloud(settings)
    if path is not None:
        return _from_file(path, location)
    if (settings.first("NO_GCE_CHECK") or "").lower() == "true":
        return None
    metadata = settings.first("GCE_METADATA_HOST", "GCE_METADATA_IP") or _METADATA
    flavor = ("Metadata-Flavor", "Google")
    return (
        {"skip_signature": False}
        if answers("GET", f"http://{metadata}/computeMetadata/v1/", *flavor)
        else None
    )


def _left_by_gcloud(settings: Settings) -> Path | None:
    name = "application_default_credentials.json"
    folder = settings.first("CLOUDSDK_CONFIG")
    if folder is not None:
        path = Path(folder, name)
        return path if path.is_file() else None
    return settings.file_in_home(".config", "gcloud", name)


def _from_file(path: Path, location: Location) -> dict[str, Any]:
    try:
        kind = json.loads(path.read_bytes())["type"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        why = f"'{path}' cannot be used as credentials: {str(error) or type(error).__name__}"
        raise RemoteError(f"cannot fetch '{location}'", code="credentials-wrong", why=why) from error
    if kind in _KNOWN:
        return {"application_credentials": str(path)}
    if find_spec("google") is not None and find_spec("google.auth") is not None:
        from obstore.auth.google import GoogleCredentialProvider  # noqa: PLC0415 - imports google.auth

        return {"credential_provider": GoogleCredentialProvider()}
    raise RemoteError(
        f"cannot fetch '{location}'",
        code="no-credentials",
        why=f"'{path}' has credentials of the kind '{kind}'",
        hint="run `pip install google-auth requests`, which know these",
    )
