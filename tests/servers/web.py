"""A web server that behaves, or misbehaves, as a test says."""

from __future__ import annotations

import base64
import re
import threading
from collections import defaultdict, deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable

_RANGE = re.compile(r"bytes=(\d+)-(\d*)")


@dataclass
class File:
    """What is served at a path."""

    data: bytes | Path
    etag: str | None = '"one"'
    """With its quotes."""
    modified: str | None = None
    has_ranges: bool = True
    has_length: bool = True
    login: str | None = None
    """`USER:PASSWORD` that opens it."""
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Answer:
    """A whole answer instead of the file: an error, a redirect."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass
class Cut:
    """The file, but the connection breaks after so many bytes of the answer."""

    after: int


@dataclass(frozen=True)
class Asked:
    """A request that came."""

    path: str
    headers: dict[str, str]

    @property
    def range(self) -> str | None:
        """The range that was asked for."""
        return self.headers.get("range")


class WebServer:
    """A server on loopback; `with` starts and stops it."""

    def __init__(self) -> None:
        self.files: dict[str, File] = {}
        self.instead: defaultdict[str, deque[Answer | Cut]] = defaultdict(deque)
        """What the next requests for a path get; when they are used up, the file."""
        self.always: dict[str, Answer] = {}
        """What every request for a path gets."""
        self.asked: list[Asked] = []
        self.before: Callable[[Asked], None] = lambda _: None
        """Called before each answer, in the thread that answers."""
        server = self

        class Handler(_Handler):
            owner = server

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True)

    @property
    def host(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self._http.server_port}"

    def url(self, path: str) -> str:
        """The URL of a path."""
        return f"http://{self.host}{path}"

    def put(self, path: str, data: bytes | Path, **how: object) -> str:
        """Serve `data` at `path`; returns the URL."""
        self.files[path] = File(data, **how)  # type: ignore[arg-type]  # the fields of File
        return self.url(path)

    def asked_for(self, path: str) -> list[Asked]:
        """The requests for one path, in order."""
        return [asked for asked in self.asked if asked.path == path]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()


class _Handler(BaseHTTPRequestHandler):
    """One connection."""

    owner: WebServer
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # headers and body in one segment, or each answer takes 40 ms
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        asked = Asked(self.path, {name.lower(): value for name, value in self.headers.items()})
        self.owner.asked.append(asked)
        self.owner.before(asked)
        waiting = self.owner.instead[self.path]
        answer: Answer | Cut | None = waiting.popleft() if waiting else self.owner.always.get(self.path)
        file = self.owner.files.get(self.path)
        if isinstance(answer, Answer):
            self._answer(answer)
        elif file is None:
            self._answer(Answer(404, body=b"nothing here"))
        elif file.login and asked.headers.get("authorization") != _basic(file.login):
            self._answer(Answer(401, {"WWW-Authenticate": 'Basic realm="tests"'}))
        else:
            self._serve(file, asked, cut=answer.after if answer else None)

    do_PUT = do_HEAD = do_GET  # noqa: N815 - names of http.server

    def _answer(self, answer: Answer) -> None:
        self.send_response_only(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)
        self.wfile.flush()

    def _serve(self, file: File, asked: Asked, cut: int | None) -> None:
        size = file.data.stat().st_size if isinstance(file.data, Path) else len(file.data)
        start, stop, status = 0, size, 200
        found = _RANGE.fullmatch(asked.range or "")
        is_same = asked.headers.get("if-range", file.etag) == file.etag
        if file.has_ranges and found and is_same:
            start, status = int(found[1]), 206
            stop = min(int(found[2]) + 1, size) if found[2] else size
            if start >= size:
                self._answer(Answer(416, {"Content-Range": f"bytes */{size}"}))
                return
        self.send_response(status)
        if status == 206:
            self.send_header("Content-Range", f"bytes {start}-{stop - 1}/{size}")
        if file.etag:
            self.send_header("ETag", file.etag)
        if file.modified:
            self.send_header("Last-Modified", file.modified)
        for name, value in file.headers.items():
            self.send_header(name, value)
        if file.has_length:
            self.send_header("Content-Length", str(stop - start))
        else:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":  # a client would take the body for the answer to its next request
            self._send(file.data, start, stop if cut is None else min(start + cut, stop))
        if cut is not None or not file.has_length:
            self.close_connection = True

    def _send(self, data: bytes | Path, start: int, stop: int) -> None:
        self.wfile.flush()
        try:
            if isinstance(data, Path):
                with data.open("rb") as stream:
                    self.connection.sendfile(stream, start, stop - start)
            else:
                self.connection.sendall(memoryview(data)[start:stop])
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True  # a client that has seen enough

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _basic(login: str) -> str:
    return f"Basic {base64.b64encode(login.encode()).decode()}"
