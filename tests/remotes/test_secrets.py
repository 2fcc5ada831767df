"""Secrets in odd places of URLs are found, and with what clouds sign no resource becomes another."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cas.errors import InvalidError
from cas.remotes.errors import RemoteError
from cas.remotes.location import Location
from cas.remotes.secrets import hushed, shown
from cas.remotes.settings import Settings
from cas.remotes.sources import open_source
from tests.servers.web import Answer

if TYPE_CHECKING:
    from tests.servers.web import WebServer

AMAZON = {
    "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
    "X-Amz-Credential": "AKIA/20261123/eu-north-1/s3/aws4_request",
    "X-Amz-Date": "20261123T010203Z",
    "X-Amz-Expires": "3600",
    "X-Amz-SignedHeaders": "host;range",
    "X-Amz-Signature": "s3cret",
}
GOOGLE = {name.replace("Amz", "Goog"): value for name, value in AMAZON.items()}
AMAZON_2 = {"AWSAccessKeyId": "AKIA", "Signature": "s3cret", "Expires": "1795000000"}
GOOGLE_2 = {"GoogleAccessId": "ann@example.org", "Signature": "s3cret", "Expires": "1795000000"}
FRONT = {"Key-Pair-Id": "APKA", "Signature": "s3cret", "Policy": "s3cret"}
AZURE = {
    "sv": "2025-01-05",
    "sr": "b",
    "sp": "r",
    "st": "2026",
    "se": "2027",
    "spr": "https",
    "sig": "s3cret",
}
AZURE_OF_A_USER = {**AZURE, "skoid": "ann", "sktid": "s3cret", "skt": "2026", "ske": "2027", "sks": "b"}
SIGNATURES = {
    "Amazon": AMAZON,
    "Google": GOOGLE,
    "Amazon 2": AMAZON_2,
    "Google 2": GOOGLE_2,
    "CloudFront": FRONT,
    "Azure": AZURE,
    "Azure, of a user": AZURE_OF_A_USER,
}

TEXTS = st.text(max_size=8)


def url_with(parameters: dict[str, str], *, more: str = "") -> str:
    """A URL with these parameters, escaped."""
    query = "&".join(f"{name}={quote(value, safe='')}" for name, value in parameters.items())
    return f"https://example.org/x?{more}{query}"


def told_of(url: str) -> list[str]:
    """Everything that is said and kept of a URL that is one."""
    location = Location.parse(url)
    return [str(location), repr(location), location.without_credentials, location.identity, hushed(url)]


@pytest.mark.parametrize(
    "target",
    [
        "/x?url=https://ann:s3cret@example.com/y",
        "/x?url=https://s3cret@example.com/y",
        "/x?url=//ann:s3cret@example.com/y",
        "/x?login=ann:s3cret@example.com",
        "/x?url=https%3A%2F%2Fann%3As3cret%40example.com",
        "/x?url=https%253A%252F%252Fann%253As3cret%2540example.com",
        "/x?url=https%3A%2F%2Fs3cret%252F%40example.com",
        "/x?url=https://ann:half;s3cret@example.com",
        "/x?url=https://ann:half&s3cret@example.com&b=2",
        "/x?url=https://ann:half#s3cret@example.com",
        "/x?a=1;url=https://ann:half;s3cret@example.com",
        "/web/https://ann:s3cret@example.com/y",
        "/web/https:/ann:s3cret@example.com/y",
        "/web/https://ann:half?s3cret@example.com/y",
        "/web/https%3A%2F%2Fann%3As3cret%40example.com%2Fy/z",
        "/x?pw=s3cret",
        "/x?db_pw=s3cret",
        "/x?cred=s3cret",
        '/x?json={"token":"s3cret"}',
        '/x?json={"a":{"token":["s3cret"]}}',
        "/x?json=%7B%22token%22%3A%20%22s3cret%22%7D",
        r'/x?json={"body":"{\"token\":\"s3cret\"}"}',
        '/x?{"token":"s3cret"}',
        "/x?json={token:'s3cret'}",
        "/x?token[a]=s3cret",
        "/x?a[token]=s3cret",
        "/x?header=Authorization:%20Bearer%20s3cret",
        '/x/{"token":"s3cret"}/y',
        "/x&token=s3cret",
        "/x&a=1&token=s3cret/y",
        "/x%26token%3Ds3cret",
        "/x%3Ftoken=s3cret",
        "/x?" + "%25" * 10 + "token%3Ds3cret",
        "/x?a=" + quote(quote(quote("https://example.com/?token=s3cret"))),
        "/x?a=" + "%" + "25" * 12 + "s3cret",
    ],
)
def test_values_are_looked_into(target: str) -> None:
    """A login or a key may be in a URL that another has as a parameter, in JSON, or after a lost `?`."""
    assert [text for text in told_of(f"https://example.org{target}") if "s3cret" in text] == []
    assert "s3cret" not in hushed(f'"GET {target.replace(" ", "%20")} HTTP/1.1" 200')


@pytest.mark.parametrize(
    "target",
    [
        "/key=3/session=4/part.parquet",
        "/@scope/package@1.0",
        "/x?url=https://example.com/@ann/y",
        "/x?url=https%3A%2F%2Fexample.com%3A8443%2F%40ann",
        "/x?url=https://example.com&email=ann@example.org",
        "/x?at=10:30&sp=1&st=2&sv=3",
        "/x?Expires=3",
        '/x?json={"name":"ann"}',
        "/a&b/c;d=1;/e;;f?a=1&&b=2&",
        "/web/2020/https://example.com:80/y?v=1",
    ],
)
def test_what_is_not_secret_is_recorded(target: str) -> None:
    """Character by character: a record that lacks something names other files too."""
    url = f"https://example.org{target}"

    assert {url} == set(told_of(url)) - {repr(Location.parse(url))}
    assert not Location.parse(url).has_key


INNER = st.sampled_from(
    [
        "https://ann:{}s3cret{}@example.com/y",
        "https://example.com/?v=1&private_token={}s3cret{}",
        "https://example.com/x;sig={}s3cret{}",
        '{{"a": 1, "password": "{}s3cret{}"}}',
    ]
)
OUTER = st.sampled_from(["/x?url={}&b=2", "/x;url={}/y", "/x&url={}", "/fetch/{}", "/x?a=1;url={}"])


@given(INNER, OUTER, TEXTS, TEXTS, st.integers(1, 4))
def test_a_secret_is_found_however_deep_it_is(
    inner: str, outer: str, before: str, after: str, times: int
) -> None:
    """A program that fetches for others is asked with a URL in a URL, each escaped as it must be."""
    value = inner.format(quote(before, safe=""), quote(after, safe=""))
    for _ in range(times):
        value = quote(value, safe="")

    told = told_of(f"https://example.org{outer.format(value)}")

    assert [text for text in told if "s3cret" in text] == []


@given(st.text(st.sampled_from("/?&;=:@%#{}\"'.,+*-[]ax3F0 token sig pw"), max_size=40))
def test_what_is_told_holds_no_secret_to_be_found(target: str) -> None:
    """To look once more finds nothing: not in what is shown, nor in what is recorded."""
    try:
        location = Location.parse(f"https://example.org/{target}")
    except InvalidError:
        return

    told, recorded = str(location), location.without_credentials

    assert told == shown(told)
    assert recorded == Location.parse(recorded).without_credentials == str(Location.parse(recorded))


@pytest.mark.parametrize("signature", SIGNATURES.values(), ids=SIGNATURES)
def test_a_url_that_is_signed_anew_is_the_same_resource(signature: dict[str, str]) -> None:
    """With what a cloud signs nobody chooses what comes, and none of it is shown or recorded."""
    one = Location.parse(url_with(signature, more="versionId=3&"))
    other = Location.parse(
        url_with({name: f"{value}0" for name, value in reversed(signature.items())}, more="versionId=3&")
    )

    assert "https://example.org/x?versionId=3" == one.identity == other.identity == one.without_credentials
    assert not one.has_key
    assert set(signature.values()) & {part.partition("=")[2] for part in str(one).split("&")} == set()


@pytest.mark.parametrize("signature", SIGNATURES.values(), ids=SIGNATURES)
def test_a_key_beside_a_signature_still_counts(signature: dict[str, str]) -> None:
    """Only the signature does not."""
    ann, again, bob = (
        Location.parse(url_with(signature, more=f"{more}&"))
        for more in ("token=ann", "X-Amz-Date=0&token=ann", "token=bob")
    )

    assert ann.identity == again.identity != bob.identity
    assert (True, ("token",)) == (ann.has_key, ann.keys)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (
            'http://h:80 "GET /net?v=1&key=s3cret HTTP/1.1" 206 7',
            'http://h:80 "GET /net?v=1&key=*** HTTP/1.1" 206 7',
        ),
        (
            "Redirecting /a?sig=s3cret -> http://h/b?sig=s3cret",
            "Redirecting /a?sig=*** -> http://h/b?sig=***",
        ),
        (
            "Incremented Retry for (url='/x?pw=s3cret'): Retry()",
            "Incremented Retry for (url='/x?pw=***'): Retry()",
        ),
        ("Max retries exceeded with url: /a?token=s3cret (", "Max retries exceeded with url: /a?token=*** ("),
        (
            "cannot read '/home/a;b/c', /x and/or y; see /z?a=1.",
            "cannot read '/home/a;b/c', /x and/or y; see /z?a=1.",
        ),
    ],
)
def test_a_message_of_others_is_hushed(line: str, told: str) -> None:
    """Clients name what they ask for without the host; what is no secret stays to be read."""
    assert told == hushed(line)


@pytest.mark.parametrize("url", ["https://ann:s3cret/y@example.org/x", "https://ann@example.org:s3cret/x"])
def test_a_traceback_shows_no_password(web: WebServer, url: str) -> None:
    """The parser of URLs quotes what it does not understand: of a registry, or of what a server sends."""
    web.always["/net"] = Answer(302, {"Location": url})
    source = open_source(Location.parse(web.url("/net")), Settings())

    with pytest.raises(InvalidError) as parsed:
        Location.parse(url)
    with pytest.raises(RemoteError) as redirected:
        source.head()

    told = ["".join(traceback.format_exception(caught.value)) for caught in (parsed, redirected)]
    assert [text for text in told if "s3cret" in text] == []
