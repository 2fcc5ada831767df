"""Which proxy a request goes through, by the variables that every other program reads too."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cas.remotes.settings import Settings


def proxy_for(settings: Settings, scheme: str, host: str) -> str | None:
    """The URL of the proxy for this host, or None: `https_proxy`, `http_proxy`, `all_proxy`, `no_proxy`.

    Each may be in capitals; small letters come first, as in curl.
    """
    if _is_excluded(settings.first("no_proxy", "NO_PROXY") or "", host):
        return None
    name = f"{scheme}_proxy"
    proxy = settings.first(name, name.upper(), "all_proxy", "ALL_PROXY")
    return proxy if proxy is None or "://" in proxy else f"http://{proxy}"


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
