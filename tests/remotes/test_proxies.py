"""Proxies, by the variables that all programs share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cas.errors import InvalidError
from cas.remotes.proxies import proxy_for
from cas.remotes.settings import Settings
from tests.remotes.fetching import fetch

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.web import WebServer

PROXY = "http://proxy:3128"


@pytest.mark.parametrize(
    ("environment", "scheme", "found"),
    [
        ({}, "https", None),
        ({"https_proxy": PROXY}, "https", PROXY),
        ({"https_proxy": PROXY}, "http", None),
        ({"HTTP_PROXY": "proxy:3128"}, "http", PROXY),
        ({"https_proxy": PROXY, "HTTPS_PROXY": "http://other"}, "https", PROXY),
        ({"ALL_PROXY": PROXY}, "https", PROXY),
        ({"all_proxy": ""}, "https", None),
    ],
)
def test_the_proxy_is_that_of_the_scheme(environment: dict[str, str], scheme: str, found: str | None) -> None:
    """Small letters before capitals, the scheme's own before that for all."""
    assert found == proxy_for(Settings(environment), scheme, "data.example.org")


@pytest.mark.parametrize(
    ("listed", "host", "is_direct"),
    [
        ("*", "data.example.org", True),
        ("example.org", "data.example.org", True),
        (".example.org", "data.example.org:8443", True),
        ("*.example.org", "data.example.org", True),
        ("other.org, example.org", "data.example.org", True),
        ("ample.org", "data.example.org", False),
        ("data.example.org:80", "data.example.org:80", True),
        ("data.example.org:80", "data.example.org:81", False),
        ("10.0.0.0/8", "10.1.2.3:9000", True),
        ("10.0.0.0/8", "11.1.2.3", False),
        ("10.0.0.0/8", "data.example.org", False),
        ("::1", "[::1]:9000", True),
        ("", "data.example.org", False),
    ],
)
def test_some_hosts_are_asked_directly(listed: str, host: str, is_direct: bool) -> None:
    """`no_proxy` lists domains, hosts with ports, addresses and networks."""
    settings = Settings({"http_proxy": PROXY, "no_proxy": listed})

    assert is_direct == (proxy_for(settings, "http", host) is None)


def test_a_request_goes_through_the_proxy(tmp_path: Path, web: WebServer) -> None:
    """With the whole URL, and with the proxy's own login."""
    web.put("http://far.invalid/x", b"through")
    settings = Settings({"http_proxy": f"http://ann:secret@{web.host}"})

    fetch("http://far.invalid/x", tmp_path, settings)

    assert b"through" == (tmp_path / "file").read_bytes()
    assert all(asked.headers["proxy-authorization"].startswith("Basic ") for asked in web.asked)


def test_a_proxy_of_another_kind_is_refused(tmp_path: Path) -> None:
    """And its password is not shown."""
    with pytest.raises(InvalidError) as caught:
        fetch("http://far.invalid/x", tmp_path, Settings({"http_proxy": "socks5://ann:secret@host"}))

    assert ("bad-proxy", False) == (caught.value.code, "secret" in str(caught.value))
