"""A bucket that was opened, and what opening one takes in whatever cloud it is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cas import fs
from cas.errors import InvalidError
from cas.remotes.errors import RemoteError
from cas.remotes.proxies import proxy_for

if TYPE_CHECKING:
    from collections.abc import Mapping

    from obstore.store import ClientConfig, ObjectStore, RetryConfig

    from cas.remotes.location import Location
    from cas.remotes.settings import Settings

NO_RETRIES: Final[RetryConfig] = {"max_retries": 0}
_OK: Final = 200
_ENDPOINT: Final = re.compile(
    r"(?i)https?://([a-z0-9._-]+|\[[0-9a-f:.]+\])(:(?P<port>[0-9]{1,5}))?(/[a-z0-9._~%/$&'()*+,;=:!-]*)?"
)
_LAST_PORT: Final = 65535
_SECRET: Final = re.compile(r"[@?#]")
"""What stands around the secrets that a URL may hold."""
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_PROBE_S: Final = 0.5
"""How long a metadata service may take; the real ones are on the same machine. [s]"""


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket of some cloud."""

    store: ObjectStore
    has_credentials: bool
    """Whether requests are signed."""


def check_words(location: Location, words: Mapping[str, object]) -> None:
    """Refuse settings with a line break or the like in them, about which obstore would panic.

    Raises:
        RemoteError: One has; its name is said, and not what it is, for it may be a secret.
    """
    for name, value in words.items():
        if isinstance(value, str) and _CONTROL.search(value):
            raise RemoteError(
                f"cannot fetch '{location}'",
                code="credentials-wrong",
                why=f"the configured {name.replace('_', ' ')} holds a line break or a control character",
            )


def client_options(settings: Settings, endpoint: str) -> ClientConfig:
    """How to talk to `endpoint`, a URL: patience, proxy, certificates.

    Raises:
        InvalidError: It is no URL, about which obstore would panic; or the proxy is none.
    """
    found = _ENDPOINT.fullmatch(endpoint)
    if found is None or int(found["port"] or 0) > _LAST_PORT:
        raise InvalidError(
            "cannot use the endpoint that is configured for buckets",
            code="bad-endpoint",
            why="it is no URL of a server"
            if _SECRET.search(endpoint)
            else f"{endpoint!r} is no URL of a server",
            hint="write it as http://HOST:PORT or https://HOST, without user and password",
        )
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
    except (HTTPError, ValueError):
        return False
    return response.status == _OK
