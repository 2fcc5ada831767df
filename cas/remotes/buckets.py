"""A bucket that was opened with the credentials that are at hand, or with none if there are none.

What is looked at, and in which order, is what the cloud's own client looks at; `aws`, `google` and `azure`
say so each for its own. obstore reads the environment of the process by itself, so whatever matters is handed
to it explicitly, and wins.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cas import fs
from cas.remotes.proxies import proxy_for

if TYPE_CHECKING:
    from obstore.store import ClientConfig, ObjectStore, RetryConfig

    from cas.remotes.location import Location
    from cas.remotes.settings import Settings

NO_RETRIES: Final[RetryConfig] = {"max_retries": 0}
_OK: Final = 200
_PROBE_S: Final = 0.5
"""How long a metadata service may take; the real ones are on the same machine. [s]"""


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket of some cloud."""

    store: ObjectStore
    has_credentials: bool
    """Whether requests are signed."""


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


def client_options(settings: Settings, endpoint: str) -> ClientConfig:
    """How to talk to `endpoint`, a URL: patience, proxy, certificates."""
    scheme, _, rest = endpoint.partition("://")
    options: ClientConfig = {
        "allow_http": scheme == "http",
        "connect_timeout": "10s",
        "read_timeout": "60s",
        "timeout": "24h",  # of a whole answer; the default of 30 s would cut large objects off
        "user_agent": "cas",
    }
    proxy = proxy_for(settings, scheme, rest.partition("/")[0])
    if proxy is not None:
        options["proxy_url"] = proxy
    certificates = settings.first("SSL_CERT_FILE")
    if certificates is not None:
        with fs.explained("cannot read the certificates that SSL_CERT_FILE names"):
            options["root_certificate"] = Path(certificates).read_bytes()
    return options


@lru_cache
def answers(method: str, url: str, header: str, value: str) -> bool:
    """Whether a metadata service is there; asked once, because where there is none this takes its time."""
    import urllib3  # noqa: PLC0415 - only where no credentials are configured
    from urllib3.exceptions import HTTPError  # noqa: PLC0415 - as above

    try:
        response = urllib3.request(method, url, headers={header: value}, retries=False, timeout=_PROBE_S)
    except HTTPError:
        return False
    return response.status == _OK
