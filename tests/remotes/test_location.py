"""URLs: what is understood, what is refused, and what is never shown."""

from __future__ import annotations

import pickle
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cas.errors import InvalidError
from cas.remotes.location import Location
from cas.remotes.secrets import hushed, shown

KEYS = st.lists(
    st.text(st.characters(exclude_characters="/", exclude_categories=("Cc", "Cs")), min_size=1).filter(
        lambda part: part not in (".", "..")
    ),
    min_size=1,
    max_size=4,
).map("/".join)


@given(st.sampled_from(["gs", "s3", "az"]), KEYS, st.booleans())
def test_a_key_is_taken_as_it_stands(scheme: str, key: str, is_directory: bool) -> None:
    """Blanks, `#`, `?` and `%` are characters of a key like any other, as in gsutil and the AWS client."""
    url = f"{scheme}://bucket/{key}{'/' if is_directory else ''}"

    location = Location.parse(url)

    assert (scheme, "bucket", is_directory) == (location.scheme, location.host, location.is_directory)
    assert key == location.path.removesuffix("/")
    assert url == str(location) == location.url == location.without_credentials == location.identity


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("file:///a/b", "/a/b"),
        ("file:/a/b", "/a/b"),
        ("file://localhost/a%20b/", "/a b/"),
        ("https://example.org", "/"),
        ("https://example.org:8443/a%20b?x=1#part", "/a%20b"),
        ("HTTP://example.org/x", "/x"),
    ],
)
def test_other_urls_have_a_path(url: str, path: str) -> None:
    """Files are decoded as file URLs are; the path of a web server is passed on as it was written."""
    assert path == Location.parse(url).path


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/a/b",
        "a/b",
        "ftp://host/x",
        "gs:bucket/x",
        "gs://",
        "gs:///x",
        "gs://user@bucket/x",
        "gs://bucket/a//b",
        "gs://bucket/a/../b",
        "gs://bucket/.",
        "s3://bucket/a\nb",
        "s3://bucket/" + "x" * 9000,
        "http:///x",
        "http://host:port/x",
        "http://[::1/x",
        "http://host/a b",
        "file:a/b",
        "file://elsewhere/x",
        "file:///a%00b",
    ],
)
def test_what_cannot_be_fetched_from_is_refused(url: str) -> None:
    """With a reason, before anything is asked."""
    with pytest.raises(InvalidError) as caught:
        Location.parse(url)

    assert ("bad-url", True) == (caught.value.code, bool(caught.value.why))


@pytest.mark.parametrize(
    ("url", "hint"), [("/a/b", "file:///a/b"), ("gcs://b/x", "gs://"), ("s3a://b/x", "s3://")]
)
def test_a_near_miss_gets_a_hint(url: str, hint: str) -> None:
    """What other programs call it is known."""
    with pytest.raises(InvalidError) as caught:
        Location.parse(url)

    assert hint in (caught.value.hint or "")


def told_of(url: str) -> list[str]:
    """Everything that is said and kept of a URL, be it one or none."""
    try:
        location = Location.parse(url)
    except InvalidError as error:
        return [str(error), repr(error), str(error.as_dict()), str(pickle.loads(pickle.dumps(error)))]  # noqa: S301 - ours
    return [
        str(location),
        repr(location),
        location.without_credentials,
        location.identity,
        location.below("y"),
        shown(url),
    ]


@pytest.mark.parametrize(
    "url",
    [
        "https://ann:s3cret@example.org/x",
        "https://s3cret@example.org/x?a=1",
        "https://s3cret:@example.org/x",
        "https://s3cret:x-oauth-basic@example.org/x",
        "https://example.org/x#access_token=s3cret",
        "https://example.org/x?password=half#s3cret",
        "https://example.org/x?a=1;sig=s3cret&b=2",
        "https://example.org/x?token=half;s3cret",
        "https://example.org/x;jsessionid=s3cret/y",
        "https://example.org/x?a%3Dtoken%3Ds3cret",
        "https://example.org/x?token%3Ds3cret=1",
        "https://example.org/x?to=https%3A%2F%2Fexample.com%2F%3Ftoken%3Ds3cret",
        "https://example.org/x?to=https://example.com/?token=s3cret",
        r"https://ann\:s3cret@example.org/x",
        "https://ann:s3cret@exa mple.org/x",
        "https://ann:s3cret@example.org:port/x",
        "https://ann:s3cret@example.org:99999/x",
        " https://ann:s3cret@example.org/x",
        "http://ann:s3cret/y@example.org/x",
        "http://ann:half#s3cret@example.org/x",
        "http://[s3cret]/x",
        "https:ann:s3cret@example.org/x",
        "//ann:s3cret@example.org/x",
        "ann:s3cret@example.org/x",
        "s3cret:x-oauth-basic@example.org/x",
        "htps://ann:s3cret@example.org/x",
        "ftp://ann:s3cret@example.org/x",
        "ftp://ann@example.org/x?token=s3cret",
        "s3://AKIA:s3cret@bucket/key",
        "s3://AKIA:half/s3cret@bucket/key",
        "s3://AKIA:+s3cret/key",
        "gs:ann:s3cret@bucket/key",
        "file://ann:s3cret@example.org/x",
        "example.org/x?token=s3cret",
    ],
)
def test_secrets_are_never_shown(url: str) -> None:
    """Neither in messages, nor in records, nor in what a debugger prints, nor in the refusal of a bad URL."""
    assert [text for text in told_of(url) if "s3cret" in text] == []


@given(
    st.sampled_from(["http", "https", "ftp", "s3", "gs", "file", "htps", " https", "socks5"]),
    st.text(st.characters(exclude_characters="@"), max_size=8).filter(lambda text: not text[:1].isdecimal()),
    st.text(max_size=8),
)
def test_no_password_is_shown_whatever_is_in_it(scheme: str, before: str, after: str) -> None:
    """Nobody need have escaped it. Digits and a slash may be a port, though, and an `@` may end it."""
    url = f"{scheme}://ann:{before}s3cret{after}@example.org/x"

    assert [text for text in told_of(url) if "s3cret" in text] == []


@pytest.mark.parametrize(
    "name",
    [
        "X-Amz-Signature",
        "X-Amz-Credential",
        "X-Amz-Security-Token",
        "X-Goog-Signature",
        "AWSAccessKeyId",
        "GoogleAccessId",
        "sig",
        "%73ig",
        "SIGNATURE",
        "private_token",
        "access_token",
        "client_secret",
        "subscription-key",
        "rlkey",
        "apiKey",
        "auth",
        "Authorization",
        "password",
        "passphrase",
        "pwd",
        "session",
        "PHPSESSID",
        "credentials",
        "jwt",
        "code",
    ],
)
def test_parameters_are_secret_whose_names_say_so(name: str) -> None:
    """Also in names that nobody foresaw; the others are in the record."""
    url = f"https://example.org/x?a=1&{name}=s3cret&b=2"

    assert [text for text in told_of(url) if "s3cret" in text] == []
    assert "https://example.org/x?a=1&b=2" == Location.parse(url).without_credentials
    assert f"https://example.org/x?a=1&{name}=***&b=2" == shown(url)


def test_what_is_not_secret_stays() -> None:
    """A record names the file that it is of, by all that is needed to find it."""
    location = Location.parse("https://ann:s3cret@example.org:8443/x;v=2?version=3&token=abc#top")
    harmless = "https://example.org/x?author=ann&keywords=a+b&design=2&compass=n&barcode=7"

    assert "https://example.org:8443/x;v=2?version=3" == location.without_credentials
    assert ("ann", "s3cret") == location.user_and_password
    assert "https://example.org:8443/x;v=2?version=3&token=***" == str(location)
    assert {harmless} == {shown(harmless), Location.parse(harmless).identity}
    assert "s3://bucket/a?token=b" == shown("s3://bucket/a?token=b")
    assert "https://münchen.example/x" == shown("https://münchen.example/x")


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("ftp://ann:s3cret@example.org:21/x", "'ftp://example.org:21…'"),
        ("s3://bucket/a//b", "'s3://bucket…'"),
        ("http://[::1]/a b", "'http://[::1]…'"),
        ("https:ann:s3cret@example.org/x", "'https:…'"),
        ("/a/b", "'/a/b'"),
    ],
)
def test_a_refusal_names_scheme_and_host(url: str, kept: str) -> None:
    """Where a secret ends in what is no URL, nobody knows."""
    with pytest.raises(InvalidError) as caught:
        Location.parse(url)

    assert f"cannot use the URL {kept}" == caught.value.what == hushed(caught.value.what)


@given(st.text(min_size=1), st.text(min_size=1))
def test_each_secret_is_an_identity(one: str, other: str) -> None:
    """Records tell two keys apart, and nothing else shows that there are two."""
    first, second = (
        Location.parse(f"https://example.org/x?v=1&key={quote(key, safe='')}") for key in (one, other)
    )

    assert (one == other) == (first.identity == second.identity)
    assert first.without_credentials == second.without_credentials == "https://example.org/x?v=1"
    assert str(first) == str(second)


def test_a_login_is_no_part_of_the_identity() -> None:
    """A new password leads to the same file."""
    one, other = (Location.parse(f"https://{login}@example.org/x#y") for login in ("ann:a", "bob"))

    assert "https://example.org/x" == one.identity == other.identity


def test_a_password_is_decoded() -> None:
    """What cannot stand in a URL is written with percent signs."""
    assert ("a@b", "c:d/e") == Location.parse("http://a%40b:c%3Ad%2Fe@host/").user_and_password
