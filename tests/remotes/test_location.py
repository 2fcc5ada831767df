"""URLs: what is understood, what is refused, and what is never shown."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cas.errors import InvalidError
from cas.remotes.location import Location, shown

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
    assert url == str(location) == location.url == location.without_credentials


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


@pytest.mark.parametrize(
    "url",
    [
        "https://ann:s3cret@example.org/x",
        "https://s3cret@example.org/x?a=1",
        "https://example.org/x?a=1&X-Amz-Signature=s3cret&b=2",
        "https://example.org/x?sig=s3cret",
        "https://ann:s3cret@exa mple.org/x",
        "https://ann:s3cret@example.org:port/x",
        "ftp://ann@example.org/x",
    ],
)
def test_secrets_are_never_shown(url: str) -> None:
    """Neither in messages, nor in records, nor in what a debugger prints, nor in the refusal of a bad URL."""
    try:
        location = Location.parse(url)
    except InvalidError as error:
        texts = [str(error), repr(error), str(error.as_dict()), str(pickle.loads(pickle.dumps(error)))]  # noqa: S301 - ours
    else:
        texts = [str(location), repr(location), location.without_credentials, location.below("y")]

    assert [text for text in texts if "s3cret" in text] == []


def test_what_is_not_secret_stays() -> None:
    """A record names the file that it is of, by all that is needed to find it."""
    location = Location.parse("https://ann:s3cret@example.org:8443/x?version=3&token=abc#top")

    assert "https://example.org:8443/x?version=3" == location.without_credentials
    assert ("ann", "s3cret") == location.user_and_password
    assert "https://ann:***@example.org:8443/x?version=3&token=***#top" == str(location)
    assert "s3://bucket/a?token=b" == shown("s3://bucket/a?token=b")


def test_a_password_is_decoded() -> None:
    """What cannot stand in a URL is written with percent signs."""
    assert ("a@b", "c:d/e") == Location.parse("http://a%40b:c%3Ad%2Fe@host/").user_and_password
