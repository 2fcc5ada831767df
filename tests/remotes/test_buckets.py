"""Object stores: the same promises as anywhere else, kept by real servers."""

from __future__ import annotations

import base64
import itertools
import random
import socket
from hashlib import md5
from http.client import HTTPConnection
from typing import TYPE_CHECKING

import pytest

from cas.errors import CasError, NotFoundError
from cas.remotes.errors import RemoteError
from cas.remotes.location import Location
from cas.remotes.partial import PART
from cas.remotes.settings import Settings
from cas.remotes.sources import open_source
from tests.remotes.fetching import MIB, contents, fetch, fetch_all
from tests.servers.seaweed import NARROW_KEY, NARROW_SECRET, SECRET
from tests.servers.web import Answer, File

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.google import GoogleStorage
    from tests.servers.seaweed import Seaweed
    from tests.servers.web import WebServer

LARGE = random.Random(2).randbytes(2 * PART + MIB)
NAMES = ["plain", "deep/er/x", "we ird/ü#?%25 +x", "x%2Fy", "'quoted'"]


def test_an_object_of_s3_comes_once(tmp_path: Path, seaweed: Seaweed) -> None:
    """In parts that are pinned to its ETag, and not again."""
    seaweed.fill("objects", {"large": LARGE, "small": b"x", "empty": b""})

    for name, data in (("large", LARGE), ("small", b"x"), ("empty", b"")):
        first = fetch(f"s3://objects/{name}", tmp_path, seaweed.settings)
        second = fetch(f"s3://objects/{name}", tmp_path, seaweed.settings)
        assert data == (tmp_path / "file").read_bytes()
        assert (False, True) == (first.is_unchanged, second.is_unchanged)
        assert first.etag
        assert first.etag == second.etag


def test_an_object_of_google_has_a_generation(tmp_path: Path, google: GoogleStorage) -> None:
    """Each state of it has another."""
    google.fill("objects", {"large": LARGE})
    first = fetch("gs://objects/large", tmp_path, google.settings)
    assert LARGE == (tmp_path / "file").read_bytes()
    assert fetch("gs://objects/large", tmp_path, google.settings).is_unchanged

    google.fill("objects", {"large": LARGE[::-1]})
    second = fetch("gs://objects/large", tmp_path, google.settings)

    assert LARGE[::-1] == (tmp_path / "file").read_bytes()
    assert int(first.generation or 0) < int(second.generation or 0)


def test_an_etag_that_looks_weak_is_only_base64(tmp_path: Path, google: GoogleStorage) -> None:
    """Of one in 4096 objects it begins with `W/`, and this server sends it without quotes when it lists."""
    numbers = (b"%d" % number for number in itertools.count())
    sums = ((one, md5(one, usedforsecurity=False).digest()) for one in numbers)
    data = next(one for one, found in sums if base64.b64encode(found).startswith(b"W/"))
    google.fill("looks", {"all/weak": data})

    fetch_all("gs://looks/all/", tmp_path, google.settings)

    assert data == (tmp_path / "all" / "weak").read_bytes()


def test_a_google_object_that_is_replaced_meanwhile(google: GoogleStorage) -> None:
    """Its old generation is gone, which is no "not found"."""
    google.fill("objects", {"moving": b"old"})
    source = open_source(Location.parse("gs://objects/moving"), google.settings)
    seen = source.head()
    google.fill("objects", {"moving": b"new"})

    with pytest.raises(RemoteError) as caught:
        list(source.read(seen, 0, None))

    assert "remote-changed" == caught.value.code


def test_an_s3_object_that_is_replaced_meanwhile(seaweed: Seaweed) -> None:
    """Its ETag does not fit any more."""
    seaweed.fill("objects", {"moving": b"old"})
    source = open_source(Location.parse("s3://objects/moving"), seaweed.settings)
    seen = source.head()
    seaweed.fill("objects", {"moving": b"new"})

    with pytest.raises(RemoteError) as caught:
        list(source.read(seen, 0, None))

    assert "remote-changed" == caught.value.code


@pytest.mark.parametrize("name", NAMES)
def test_any_key_that_can_be_a_path_is_one(tmp_path: Path, seaweed: Seaweed, name: str) -> None:
    """By itself, and in a directory."""
    seaweed.fill("names", {name: name.encode() for name in NAMES})

    fetch(f"s3://names/{name}", tmp_path, seaweed.settings)
    fetch_all("s3://names/", tmp_path, seaweed.settings)

    assert name.encode() == (tmp_path / "file").read_bytes()
    assert {name: name.encode() for name in NAMES} == contents(tmp_path / "all")


def test_an_object_is_no_directory_and_a_prefix_no_file(
    tmp_path: Path, seaweed: Seaweed, google: GoogleStorage
) -> None:
    """Each says what it is, so that a slash too many or too few can be explained."""
    for scheme, server in (("s3", seaweed), ("gs", google)):
        server.fill("slashes", {"a/b": b"x", "file": b"x"})
        found = {}
        for url in ("slashes/a", "slashes/nothing", "slashes/file/", "slashes/nothing/"):
            with pytest.raises(NotFoundError) as caught:
                (fetch_all if url.endswith("/") else fetch)(f"{scheme}://{url}", tmp_path, server.settings)
            found[url] = caught.value.code
        assert {
            "slashes/a": "remote-is-directory",
            "slashes/nothing": "remote-not-found",
            "slashes/file/": "remote-is-file",
            "slashes/nothing/": "remote-not-found",
        } == found


def test_everybody_may_read_a_public_bucket(tmp_path: Path, seaweed: Seaweed) -> None:
    """Without credentials, requests are not signed."""
    seaweed.fill("public", {"x": b"data"})

    fetch("s3://public/x", tmp_path, Settings(seaweed.anonymous))

    assert b"data" == (tmp_path / "file").read_bytes()


@pytest.mark.parametrize(
    ("environment", "code", "word"),
    [
        ({"AWS_ACCESS_KEY_ID": ""}, "no-credentials", "no credentials were found"),
        ({"AWS_ACCESS_KEY_ID": "AKnobody"}, "credentials-wrong", "InvalidAccessKeyId"),
        ({"AWS_SECRET_ACCESS_KEY": "wrong"}, "credentials-wrong", "SignatureDoesNotMatch"),
        (
            {"AWS_ACCESS_KEY_ID": NARROW_KEY, "AWS_SECRET_ACCESS_KEY": NARROW_SECRET},
            "remote-forbidden",
            "AccessDenied",
        ),
    ],
)
@pytest.mark.parametrize("url", ["s3://private/x", "s3://private/"])
def test_missing_wrong_and_narrow_credentials_are_told_apart(  # noqa: PLR0913, PLR0917 - a table
    tmp_path: Path, seaweed: Seaweed, url: str, environment: dict[str, str], code: str, word: str
) -> None:
    """With what the server said, and no secret."""
    seaweed.fill("private", {"x": b"data"})
    settings = Settings({**seaweed.environment, **environment})

    with pytest.raises(RemoteError) as caught:
        (fetch_all if url.endswith("/") else fetch)(url, tmp_path, settings)

    assert (code, True) == (caught.value.code, word in (caught.value.why or ""))
    assert not any(text in str(caught.value.as_dict()) for text in (SECRET, NARROW_SECRET))


def test_a_bucket_that_is_not_there(tmp_path: Path, seaweed: Seaweed) -> None:
    """The server's word for it is passed on."""
    with pytest.raises(NotFoundError) as caught:
        fetch("s3://no-such-bucket/x", tmp_path, seaweed.settings)

    assert "NoSuchBucket" in str(caught.value)


def test_a_store_that_nobody_listens_at(tmp_path: Path) -> None:
    """The operating system's word for it is passed on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{listener.getsockname()[1]}"
    pauses: list[float] = []

    with pytest.raises(RemoteError) as caught:
        fetch("s3://bucket/x", tmp_path, made_up(endpoint), wait=pauses.append)

    assert ("remote-unreachable", "Connection refused; tried 3 times", 2) == (
        caught.value.code,
        caught.value.why,
        len(pauses),
    )


def made_up(endpoint: str) -> Settings:
    """Of a server that takes any credentials."""
    return Settings(
        {
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "AK",
            "AWS_SECRET_ACCESS_KEY": "SK",
        }
    )


def failure(code: str, message: str = "") -> bytes:
    """What S3 says when it refuses."""
    return f"<Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (Answer(400, body=failure("ExpiredToken", "The provided token has expired.")), "credentials-expired"),
        (Answer(403, body=failure("AccessDenied", "Request has expired")), "credentials-expired"),
        (Answer(403, body=failure("InvalidToken")), "credentials-wrong"),
        (Answer(403, body=failure("AccessDenied")), "remote-forbidden"),
        (Answer(503, body=failure("SlowDown")), "remote-failed"),
        (Answer(500), "remote-failed"),
    ],
)
def test_what_s3_says_is_understood(tmp_path: Path, web: WebServer, answer: Answer, code: str) -> None:
    """Credentials that have expired are not wrong ones; a server that is busy is asked again."""
    web.put("/bucket/x", b"data", modified="Sun, 06 Nov 1994 08:49:37 GMT")
    web.before = lambda asked: web.always.update(
        {} if asked.headers.get("if-match") is None else {"/bucket/x": answer}
    )

    with pytest.raises(CasError) as caught:
        fetch("s3://bucket/x", tmp_path, made_up(f"http://{web.host}"))

    assert code == caught.value.code


def test_a_busy_store_is_asked_again(tmp_path: Path, web: WebServer) -> None:
    """After pauses of ours: obstore does not show `Retry-After`."""
    web.put("/bucket/x", b"data", modified="Sun, 06 Nov 1994 08:49:37 GMT")
    web.instead["/bucket/x"].extend([Answer(503), Answer(429), Answer(500)])
    pauses: list[float] = []

    fetch("s3://bucket/x", tmp_path, made_up(f"http://{web.host}"), wait=pauses.append)

    assert (b"data", 3) == ((tmp_path / "file").read_bytes(), len(pauses))


def test_an_answer_to_head_is_no_answer_to_the_next_request(web: WebServer) -> None:
    """The server of these tests once sent a body with it, and a store was asked again for no reason."""
    web.put("/x", b"data")
    connection = HTTPConnection(web.host)

    bodies = []
    for method in ("HEAD", "GET"):
        connection.request(method, "/x")
        bodies.append(connection.getresponse().read())
    connection.close()

    assert [b"", b"data"] == bodies


def listing(*keys: str) -> bytes:
    """What S3 answers when it is asked for a list."""
    objects = "".join(
        f"<Contents><Key>{key}</Key><Size>4</Size><ETag>&quot;x&quot;</ETag>"
        "<LastModified>2026-01-01T00:00:00.000Z</LastModified></Contents>"
        for key in keys
    )
    return f"<ListBucketResult><IsTruncated>false</IsTruncated>{objects}</ListBucketResult>".encode()


def test_a_directory_of_which_nothing_comes_is_not_made(tmp_path: Path, web: WebServer) -> None:
    """It can be listed, and not read: an empty directory would only be in the way of others."""
    web.always["/bucket?list-type=2"] = Answer(200, body=listing("a", "deep/b"))
    web.always["/bucket/a"] = web.always["/bucket/deep/b"] = Answer(403, body=failure("AccessDenied"))

    with pytest.raises(RemoteError):
        fetch_all("s3://bucket/", tmp_path, made_up(f"http://{web.host}"))

    assert ["state"] == [path.name for path in tmp_path.iterdir()]


@pytest.mark.parametrize("key", ["../evil", "a/../../evil", "a//b", "./a", "a/..", "/a/../b"])
def test_a_hostile_key_is_refused(tmp_path: Path, web: WebServer, key: str) -> None:
    """No object store keeps people from choosing such names."""
    web.always["/bucket?list-type=2"] = Answer(200, body=listing("good", key))
    web.files["/bucket/good"] = File(b"data")

    with pytest.raises(CasError) as caught:
        fetch_all("s3://bucket/", tmp_path, made_up(f"http://{web.host}"))

    assert "bad-remote-name" == caught.value.code
    assert {} == contents(tmp_path / "all")
    assert not (tmp_path / "evil").exists()


def test_azure_speaks_the_same_words(tmp_path: Path, web: WebServer) -> None:
    """The account comes from the environment, and the requests are signed with its key."""
    modified = "Sun, 06 Nov 1994 08:49:37 GMT"
    web.put("/account/container/x", b"data", modified=modified)
    listed = (
        "<EnumerationResults><Blobs><Blob><Name>dir/y</Name><Properties>"
        f"<Last-Modified>{modified}</Last-Modified><Content-Length>4</Content-Length>"
        "<Content-Type>text/plain</Content-Type><Etag>0x1</Etag>"
        "</Properties></Blob></Blobs><NextMarker/></EnumerationResults>"
    )
    web.always["/account/container?restype=container&comp=list&prefix=dir%2F"] = Answer(
        200, body=listed.encode()
    )
    web.put("/account/container/dir/y", b"more", etag='"0x1"', modified=modified)
    settings = Settings(
        {
            "AZURE_STORAGE_ACCOUNT_NAME": "account",
            "AZURE_STORAGE_ACCOUNT_KEY": "a2V5",
            "AZURE_STORAGE_ENDPOINT": f"http://{web.host}/account",
        }
    )

    fetch("az://container/x", tmp_path, settings)
    fetch_all("az://container/dir/", tmp_path, settings)

    assert b"data" == (tmp_path / "file").read_bytes()
    assert {"y": b"more"} == contents(tmp_path / "all")
    assert all(asked.headers["authorization"].startswith("SharedKey account:") for asked in web.asked)
