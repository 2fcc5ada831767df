"""Which proxy a request goes through, by the variables that every other program reads too."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from cas.errors import InvalidError

if TYPE_CHECKING:
    from cas.remotes.settings import Settings


_UNFIT: Final = re.compile(r"[\x00-\x20\x7f\\]")


def proxy_for(settings: Settings, scheme: str, host: str) -> str | None:
    """The URL of the proxy for this host, or None: `https_proxy`, `http_proxy`, `all_proxy`, `no_proxy`.

    Each may be in capitals; small letters come first, as in curl.

    Raises:
        InvalidError: What the variable names is no proxy. It is not shown: there may be a password in it.
    """
    if _is_excluded(settings.first("no_proxy", "NO_PROXY") or "", host):
        return None
    name = f"{scheme}_proxy"
    proxy = settings.first(name, name.upper(), "all_proxy", "ALL_PROXY")
    if proxy is None:
        return None
    url = proxy if "://" in proxy else f"http://{proxy}"
    _check(url)
    return url


def bad_proxy(why: str) -> InvalidError:
    """Say that the proxy cannot be used, without showing it."""
    return InvalidError(
        "cannot use the proxy that the environment names",
        code="bad-proxy",
        why=why,
        hint="look at http_proxy, https_proxy and all_proxy: http://HOST:PORT",
    )


def _check(url: str) -> None:
    try:
        parts = urlsplit(url)
        is_whole = bool(parts.hostname) and parts.port != 0
    except ValueError as error:  # a port or an address that is none
        raise bad_proxy("it is no URL of a proxy") from error
    if not is_whole or _UNFIT.search(url):
        raise bad_proxy("it is no URL of a proxy")


def _is_excluded(listed: str, host: str) -> bool:
    name, _, port = (
        host.lower().rpartition(":") if host.rpartition(":")[2].isdigit() else (host.lower(), "", "")
    )
    name = name.strip("[]")
    return any(_fits(entry.strip().lower(), name, port) for entry in listed.split(","))


def _fits(entry: str, name: str, port: str) -> bool:
    if not entry:
        return False
    if entry == "*":
        return True
    if "/" in entry:
        return _is_in_network(entry, name)
    wanted, colon, wanted_port = entry.rpartition(":")
    if colon and wanted_port.isdigit() and "]" not in wanted_port and wanted.count(":") == 0:
        if wanted_port != port:
            return False
        entry = wanted
    entry = entry.removeprefix("*").removeprefix(".").strip("[]")
    return name == entry or name.endswith(f".{entry}")


def _is_in_network(network: str, name: str) -> bool:
    try:
        return ipaddress.ip_address(name) in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False
