"""Servers that are odd, hostile or broken: each spoils its own download, in words, and no other."""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
from typing import TYPE_CHECKING

import pytest

from cas.remotes.errors import RemoteError
from cas.remotes.location import Location
from cas.remotes.settings import Settings
from cas.remotes.sources import open_source
from tests.remotes.fetching import MIB, fetch
from tests.servers.web import Answer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.servers.web import WebServer

SIZE = 64 * MIB


@pytest.mark.parametrize(
    "target",
    [
        "http://[bad/",
        "http://127.0.0.1:99999/x",
        "http://127.0.0.1:0/x",
        "http:///x",
        "http://a b/x",
        "http://ann:SECRET/y@h/x",
    ],
)
def test_a_redirect_to_what_is_no_url_is_final(tmp_path: Path, web: WebServer, target: str) -> None:
    """It is refused at the first answer, and nothing of it is shown."""
    web.always["/x"] = Answer(302, {"Location": target})

    with pytest.raises(RemoteError) as caught:
        fetch(web.url("/x"), tmp_path)

    assert ("bad-redirect", 1) == (caught.value.code, len(web.asked))
    assert "SECRET" not in str(caught.value.as_dict())


@pytest.mark.parametrize("digits", [19, 400, 5000])
def test_a_server_that_wants_ages_is_left_alone(tmp_path: Path, web: WebServer, digits: int) -> None:
    """However many digits the number of seconds has."""
    web.always["/x"] = Answer(503, {"Retry-After": "9" * digits})

    with pytest.raises(RemoteError) as caught:
        fetch(web.url("/x"), tmp_path)

    assert ("remote-failed", 1) == (caught.value.code, len(web.asked))


@pytest.mark.parametrize("digits", [30, 5000])
def test_a_file_beyond_all_sizes_is_refused(tmp_path: Path, digits: int) -> None:
    """Python would not even read a number of so many digits."""
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {'9' * digits}\r\n\r\n"
    with spoken(head.encode(), b"x") as url, pytest.raises(RemoteError) as caught:
        fetch(url, tmp_path)

    assert ("remote-failed", False) == (caught.value.code, (tmp_path / "file").exists())


@pytest.mark.parametrize("digits", [30, 5000])
def test_a_part_of_a_file_beyond_all_sizes_says_nothing(web: WebServer, digits: int) -> None:
    """Neither how large the file is, nor that it has parts."""
    web.always["/x"] = Answer(206, {"Content-Range": f"bytes 0-0/{'9' * digits}", "ETag": '"a"'}, b"x")

    file = open_source(Location.parse(web.url("/x")), Settings()).head()

    assert (None, False) == (file.size, file.is_divisible)


def test_an_error_page_is_no_resource(tmp_path: Path, web: WebServer) -> None:
    """Who asks for no part and is told that there is no such part was refused."""
    web.always["/x"] = Answer(416, body=b"sorry")

    with pytest.raises(RemoteError) as caught:
        fetch(web.url("/x"), tmp_path)

    assert ("remote-failed", True) == (caught.value.code, "416" in (caught.value.why or ""))
    assert not (tmp_path / "file").exists()


def test_a_part_is_not_taken_for_the_whole(tmp_path: Path, web: WebServer) -> None:
    """A server that answers with its first byte, whatever is asked for."""
    web.always["/x"] = Answer(206, {"Content-Range": "bytes 0-0/*"}, b"x")

    with pytest.raises(RemoteError) as caught:
        fetch(web.url("/x"), tmp_path)

    assert ("remote-failed", False) == (caught.value.code, (tmp_path / "file").exists())


def test_a_part_that_is_all_of_it_is_all_of_it(tmp_path: Path, web: WebServer) -> None:
    """Some servers say 206 to everybody, and send everything."""
    web.always["/x"] = Answer(206, {"Content-Range": "bytes 0-3/4", "ETag": '"a"'}, b"data")

    fetch(web.url("/x"), tmp_path)

    assert b"data" == (tmp_path / "file").read_bytes()


def test_the_look_at_a_file_does_not_wait_for_all_of_it() -> None:
    """Where a server sends everything instead of one byte, the connection is closed."""
    sent: list[int] = []
    head = f"HTTP/1.1 206 OK\r\nContent-Range: bytes 0-{SIZE - 1}/{SIZE}\r\nContent-Length: {SIZE}\r\n\r\n"
    with spoken(head.encode(), bytes(SIZE), sent) as url:
        file = open_source(Location.parse(url), Settings()).head()

    assert (SIZE, False, True) == (file.size, file.is_divisible, sum(sent) < SIZE)


def test_a_password_may_have_any_letter(tmp_path: Path, web: WebServer) -> None:
    """It is sent in UTF-8."""
    web.put("/x", b"data", login="ann:sécr€t")

    fetch(f"http://ann:s%C3%A9cr%E2%82%ACt@{web.host}/x", tmp_path)

    assert b"data" == (tmp_path / "file").read_bytes()


@pytest.mark.parametrize(
    ("seconds", "said"), [(250, ["trying again in 250 seconds"]), (2, ["trying again"]), (1, [])]
)
def test_a_pause_that_is_noticed_is_explained(
    tmp_path: Path, web: WebServer, caplog: pytest.LogCaptureFixture, seconds: int, said: list[str]
) -> None:
    """With what it is good for, and with its length if that is worth another coffee."""
    url = web.put("/x", b"data")
    web.instead["/x"].append(Answer(503, {"Retry-After": str(seconds)}))

    with caplog.at_level(logging.WARNING):
        fetch(url, tmp_path)

    why = f"cannot fetch '{url}': the server answered 503 Service Unavailable"
    assert [f"{why}; {words}" for words in said] == [record.getMessage() for record in caplog.records]


def test_what_many_files_wait_for_is_said_once(
    tmp_path: Path, web: WebServer, caplog: pytest.LogCaptureFixture
) -> None:
    """And at the end how often it was tried."""
    url = web.put("/x", bytes(SIZE))
    web.before = lambda asked: web.always.update({} if asked.range == "bytes=0-0" else {"/x": Answer(503)})

    with caplog.at_level(logging.WARNING), pytest.raises(RemoteError) as caught:
        fetch(url, tmp_path)

    assert ["trying again"] == [record.getMessage().rpartition("; ")[2] for record in caplog.records]
    assert str(caught.value).endswith("the server answered 503 Service Unavailable; tried 6 times")


@contextlib.contextmanager
def spoken(head: bytes, body: bytes, sent: list[int] | None = None) -> Iterator[str]:
    """A server that says this to whoever connects, and notes in `sent` how much of the body went out."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        speaker = threading.Thread(target=_speak, args=(listener, head, body, sent))
        speaker.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/x"
        finally:
            listener.shutdown(socket.SHUT_RDWR)  # ends `accept`
            speaker.join()


def _speak(listener: socket.socket, head: bytes, body: bytes, sent: list[int] | None) -> None:
    with contextlib.suppress(OSError):
        while True:
            connection, _ = listener.accept()
            with connection, contextlib.suppress(OSError):
                connection.recv(1 << 16)
                connection.sendall(head)
                for start in range(0, len(body), MIB):
                    connection.sendall(body[start : start + MIB])
                    if sent is not None:
                        sent.append(MIB)
