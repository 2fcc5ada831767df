"""What web servers do wrong, each in its own words; and what is tried again."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from cas.errors import CasError, InvalidError, NotFoundError
from cas.remotes.errors import RemoteError
from cas.remotes.location import Location
from cas.remotes.settings import Settings
from cas.remotes.sources import open_source
from tests.remotes.fetching import MIB, fetch, not_at_all
from tests.servers.web import Answer, Cut

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.web import WebServer

DATA = bytes(range(256)) * 4 * 1024 * 20
"""20 MiB: more than a part."""


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "remote-failed"),
        (401, "no-credentials"),
        (403, "remote-forbidden"),
        (404, "remote-not-found"),
        (410, "remote-not-found"),
        (451, "remote-failed"),
        (501, "remote-failed"),
    ],
)
def test_some_answers_are_final(tmp_path: Path, web: WebServer, status: int, code: str) -> None:
    """They are not asked for twice."""
    web.always["/x"] = Answer(status)

    with pytest.raises(CasError) as caught:
        fetch(web.url("/x"), tmp_path)

    assert (code, 1) == (caught.value.code, len(web.asked))
    assert str(status) in (caught.value.why or "")


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_some_answers_pass(tmp_path: Path, web: WebServer, status: int) -> None:
    """After a pause that grows."""
    url = web.put("/x", b"data")
    web.instead["/x"].extend([Answer(status), Answer(status), Answer(status)])
    pauses: list[float] = []

    fetch(url, tmp_path, wait=pauses.append)

    assert b"data" == (tmp_path / "file").read_bytes()
    assert 3 == len(pauses)
    assert 0.3 < pauses[0] < pauses[1] < pauses[2] < 3


def test_patience_ends(tmp_path: Path, web: WebServer) -> None:
    """A server that is down stays down."""
    web.always["/x"] = Answer(503)

    with pytest.raises(RemoteError) as caught:
        fetch(web.url("/x"), tmp_path)

    assert ("remote-failed", 6) == (caught.value.code, len(web.asked))


@pytest.mark.parametrize(
    ("header", "pause"),
    [
        ({"Retry-After": "0"}, 0),
        ({"Retry-After": "7"}, 7),
        ({"Retry-After": "Sun, 06 Nov 1994 08:49:37 GMT", "Date": "Sun, 06 Nov 1994 08:49:07 GMT"}, 30),
    ],
)
def test_a_server_says_how_long_to_wait(
    tmp_path: Path, web: WebServer, header: dict[str, str], pause: float
) -> None:
    """In seconds, or as a time by its own clock, whatever ours says."""
    url = web.put("/x", b"data")
    web.instead["/x"].append(Answer(429, header))
    pauses: list[float] = []

    fetch(url, tmp_path, wait=pauses.append)

    assert [pause] == pauses


def test_a_server_that_wants_an_hour_is_left_alone(tmp_path: Path, web: WebServer) -> None:
    """The error says when to come back."""
    web.always["/x"] = Answer(503, {"Retry-After": "3600"})

    with pytest.raises(RemoteError) as caught:
        fetch(web.url("/x"), tmp_path)

    assert (1, True) == (len(web.asked), "3600 seconds" in (caught.value.hint or ""))


@pytest.mark.parametrize("has_ranges", [True, False])
def test_an_answer_that_breaks_off_is_completed(
    tmp_path: Path,
    web: WebServer,
    has_ranges: bool,
) -> None:
    """From where it broke, if the server has ranges."""
    url = web.put("/x", DATA, has_ranges=has_ranges)
    web.before = lambda _: (
        web.instead["/x"].append(Cut(MIB)) if len(web.asked) == 2 else None  # the first one after the look
    )

    fetch(url, tmp_path)

    assert DATA == (tmp_path / "file").read_bytes()
    starts = sorted(int((asked.range or "bytes=0-").split("=")[1].split("-")[0]) for asked in web.asked[1:])
    assert has_ranges == any(0 < start % (16 * MIB) for start in starts)


def test_an_answer_that_always_breaks_off_is_an_error(tmp_path: Path, web: WebServer) -> None:
    """And no file is left that would look whole."""
    url = web.put("/x", b"0123456789", has_ranges=False)
    web.instead["/x"].extend([Cut(10)] + [Cut(4)] * 20)

    with pytest.raises(RemoteError) as caught:
        fetch(url, tmp_path)

    assert ("remote-truncated", False) == (caught.value.code, (tmp_path / "file").exists())


def test_a_connection_that_drips_makes_headway(tmp_path: Path, web: WebServer) -> None:
    """Each attempt brings a little, so patience never ends."""
    url = web.put("/x", DATA)
    web.before = lambda asked: web.instead["/x"].append(Cut(MIB)) if asked.range != "bytes=0-0" else None

    fetch(url, tmp_path)

    assert (DATA, True) == ((tmp_path / "file").read_bytes(), len(web.asked) > 18)


def test_redirects_are_followed(tmp_path: Path, web: WebServer) -> None:
    """Relative ones too, and parts are asked for where the first look ended."""
    web.put("/end", DATA)
    web.always["/x"] = Answer(302, {"Location": "/y"})
    web.always["/y"] = Answer(307, {"Location": web.url("/end")})

    fetch(web.url("/x"), tmp_path)

    assert DATA == (tmp_path / "file").read_bytes()
    assert (1, 1, 3) == tuple(len(web.asked_for(path)) for path in ("/x", "/y", "/end"))


def test_a_place_that_closed_meanwhile_is_looked_for_again(tmp_path: Path, web: WebServer) -> None:
    """Signed addresses that a server redirects to are good for a while only."""
    web.put("/old", DATA)
    web.put("/new", DATA)
    web.instead["/x"].append(Answer(302, {"Location": "/old"}))
    web.always["/x"] = Answer(302, {"Location": "/new"})
    web.before = lambda asked: (
        web.always.update({"/old": Answer(403)}) if asked.range != "bytes=0-0" else None
    )

    fetch(web.url("/x"), tmp_path)

    assert DATA == (tmp_path / "file").read_bytes()


def test_a_circle_of_redirects_ends(tmp_path: Path, web: WebServer) -> None:
    """After ten."""
    web.always["/x"] = Answer(302, {"Location": "/x"})

    with pytest.raises(RemoteError) as caught:
        fetch(web.url("/x"), tmp_path)

    assert ("bad-redirect", 11) == (caught.value.code, len(web.asked))


def test_a_redirect_to_a_file_is_refused(tmp_path: Path, web: WebServer) -> None:
    """A server must not make us read our own disk."""
    web.always["/x"] = Answer(302, {"Location": "file:///etc/passwd"})

    with pytest.raises(RemoteError) as caught:
        fetch(web.url("/x"), tmp_path)

    assert "bad-redirect" == caught.value.code


def test_a_login_is_used_and_never_shown(tmp_path: Path, web: WebServer) -> None:
    """It stands in the URL, and goes to that server only."""
    web.put("/x", b"data", login="ann:s3cret")
    good, bad = (f"http://ann:{word}@{web.host}/x" for word in ("s3cret", "wr0ng"))

    fetch(good, tmp_path)
    with pytest.raises(RemoteError) as caught:
        fetch(bad, tmp_path)

    assert ("credentials-wrong", False) == (caught.value.code, "wr0ng" in str(caught.value.as_dict()))
    assert b"data" == (tmp_path / "file").read_bytes()
    assert not any(b"s3cret" in path.read_bytes() for path in (tmp_path / "state").iterdir())


def test_a_login_does_not_follow_a_redirect(tmp_path: Path, web: WebServer) -> None:
    """Another host, or another port, is somebody else."""
    with type(web)() as other:
        url = other.put("/y", b"data")
        web.always["/x"] = Answer(302, {"Location": url})

        fetch(f"http://ann:s3cret@{web.host}/x", tmp_path)

        assert ["authorization" in asked.headers for asked in web.asked] == [True]
        assert {"authorization" in asked.headers for asked in other.asked} == {False}


def test_nobody_listens(tmp_path: Path) -> None:
    """The host is named, and not asked for long."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    pauses: list[float] = []

    with pytest.raises(RemoteError) as caught:
        fetch(f"http://127.0.0.1:{port}/x", tmp_path, wait=pauses.append)

    assert ("remote-unreachable", "Connection refused; tried 3 times", 2) == (
        caught.value.code,
        caught.value.why,
        len(pauses),
    )


def test_a_host_that_is_none(tmp_path: Path) -> None:
    """`.invalid` is no name anywhere."""
    with pytest.raises(RemoteError) as caught:
        fetch("http://no.such.host.invalid/x", tmp_path)

    assert "remote-unreachable" == caught.value.code


def test_a_server_without_tls_is_not_taken_for_one(tmp_path: Path, web: WebServer) -> None:
    """What answers https in plain text is not trusted."""
    with pytest.raises(RemoteError) as caught:
        fetch(f"https://{web.host}/x", tmp_path)

    assert "tls-failed" == caught.value.code


def test_a_web_directory_is_refused_with_what_works(web: WebServer) -> None:
    """HTTP has no listings."""
    with pytest.raises(InvalidError) as caught:
        open_source(Location.parse(web.url("/data/")), Settings()).list()

    assert ("no-listing", True, []) == (caught.value.code, "s3://" in (caught.value.hint or ""), web.asked)


def test_a_server_that_is_wrong_about_ranges_is_asked_without(tmp_path: Path, web: WebServer) -> None:
    """Some answer 416 to any range."""
    url = web.put("/x", b"data")
    web.instead["/x"].append(Answer(416))

    fetch(url, tmp_path)

    assert b"data" == (tmp_path / "file").read_bytes()


def test_what_is_stored_compressed_stays_so(tmp_path: Path, web: WebServer) -> None:
    """A `.gz` is a file like any other, whatever a server says about its encoding."""
    url = web.put("/x.gz", b"\x1f\x8b not really", headers={"Content-Encoding": "gzip"})

    fetch(url, tmp_path)

    assert b"\x1f\x8b not really" == (tmp_path / "file").read_bytes()


def test_not_found_is_a_key_error_too(tmp_path: Path, web: WebServer) -> None:
    """As everything that is not found."""
    with pytest.raises(NotFoundError):
        fetch(web.url("/nothing"), tmp_path, wait=not_at_all)


def test_a_server_without_tls_is_told_in_words(tmp_path: Path, web: WebServer) -> None:
    """What OpenSSL says, and neither in which of its files, nor its own name for it."""
    with pytest.raises(RemoteError) as caught:
        fetch(web.url("/x").replace("http:", "https:"), tmp_path, wait=lambda _: None)

    why = caught.value.why or ""
    assert "wrong version number" in why
    assert "_ssl.c" not in why
    assert "[SSL" not in why
