"""Files of web servers, through urllib3.

Not through obstore's client for HTTP: that one shows neither `Retry-After` nor where a redirect leads, and
takes a file for one with ranges until the first range fails (`docs/decisions/0012-downloads.md`).

How a file is looked at: by asking for its first byte. Unlike HEAD this works with URLs that were signed for
GET, and the answer shows whether ranges work. Parts are asked for with `If-Range`, so that a server which has
another state of the file by now sends all of it, with another status, instead of a piece that does not fit.
"""

from __future__ import annotations

import base64
import contextlib
import os
import re
import ssl
import threading
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final, NoReturn
from urllib.parse import unquote_to_bytes, urldefrag, urljoin, urlsplit

import urllib3
from urllib3.exceptions import HTTPError, IncompleteRead, LocationValueError, NewConnectionError, SSLError
from urllib3.exceptions import TimeoutError as TimedOutError
from urllib3.util import Timeout, parse_url

from cas.errors import CasError, InvalidError
from cas.remotes import errors
from cas.remotes.errors import Answer, RemoteError
from cas.remotes.proxies import bad_proxy, proxy_for
from cas.remotes.secrets import shown
from cas.remotes.source import RemoteFile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from urllib3 import BaseHTTPResponse, PoolManager

    from cas.remotes.location import Location
    from cas.remotes.settings import Settings

_BLOCK: Final = 1 << 20
_MOST_REDIRECTS: Final = 10
_MOST_WORDS: Final = 4096
"""Bytes of an error page that are read."""
_CONNECTIONS: Final = 64
_PATIENCE: Final = Timeout(connect=10, read=60)
"""Seconds without a byte before a connection counts as broken."""

_OK: Final = 200
_PARTIAL: Final = 206
_REDIRECTS: Final = (301, 302, 303, 307, 308)
_UNSATISFIABLE: Final = 416
_FORBIDDEN: Final = 403
_REFUSED_THERE: Final = (401, 403, 404, 410)

_RANGE: Final = re.compile(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18}|\*)")
_MOST_DIGITS: Final = 18
"""Of a length; no file is longer, and Python refuses to read thousands of them."""
_NUMBER: Final = re.compile(rf"[0-9]{{1,{_MOST_DIGITS}}}")
_AGES_S: Final = 1e9
"""Whatever is asked for beyond that."""
_HINT: Final = "write the URL as https://USER:PASSWORD@HOST/…"


class WebSource:
    """One file of a web server. Safe for threads."""

    def __init__(self, location: Location, settings: Settings) -> None:
        self.location = location
        self._settings = settings
        self._start = _without_user(urldefrag(location.url).url)
        self._end: str | None = None
        """Where redirects led, so that all parts come from one mirror."""
        self._pools: dict[str | None, PoolManager] = {}
        self._lock = threading.Lock()
        self._reading: set[BaseHTTPResponse] = set()

    def head(self) -> RemoteFile:
        """Ask for the first byte, and take what the answer says about the whole."""
        self._end = None
        with self._get({"Range": "bytes=0-0"}) as response:
            if response.status == _UNSATISFIABLE:
                return self._described_empty(response)
            described = self._described(response)
            if _is_first_byte(response) and response.headers.get("Content-Length") == "1":
                response.drain_conn()  # so that the connection is kept; whatever else comes is not waited for
            return described

    def _described_empty(self, response: BaseHTTPResponse) -> RemoteFile:
        """An empty file has no first byte; a server that is just wrong about ranges is asked without one."""
        if response.headers.get("Content-Range", "").strip() == "bytes */0":
            return self._described(response, size=0)
        with self._get({}) as whole:
            return self._described(whole)

    def list(self) -> Iterator[RemoteFile]:
        """Refuse: HTTP has no listings."""
        raise InvalidError(
            f"cannot fetch the directory '{self.location}'",
            code="no-listing",
            why="web servers do not say in any standard way what is in a directory",
            hint="list its files one by one in the registry, or fetch it from a bucket: gs://, s3://, az://",
        )

    def read(self, file: RemoteFile, start: int, stop: int | None) -> Iterator[bytes]:
        """Read the file, or a part of it if it is divisible."""
        is_part = start > 0 or stop is not None
        headers = {}
        if is_part:
            headers["Range"] = f"bytes={start}-{'' if stop is None else stop - 1}"
            headers["If-Range"] = f'"{file.etag}"'
        with self._get(headers) as response:
            self._expect(response, file, start if is_part else None)
            yield from self._blocks(response)

    def _expect(self, response: BaseHTTPResponse, file: RemoteFile, start: int | None) -> None:
        """Raise `remote-changed` if this is not (a part of) the state of the file that was described."""
        etag, _ = _etag(response)
        if None not in (etag, file.etag) and etag != file.etag:
            raise errors.changed(self._shown(), f"its ETag was {file.etag}, and is {etag}")
        found = _range(response)
        if start is None:
            if response.status == _PARTIAL and not (found and found[1] == "0" and _is_to_the_end(found)):
                raise self._failed("the server answered with a part, and all of it was asked for")
            return
        if response.status != _PARTIAL or found is None:
            raise errors.changed(self._shown(), "the server sends all of it instead of a part")
        if int(found[1]) != start or found[3] not in ("*", str(file.size)):
            raise errors.changed(self._shown(), f"a part from {start} was asked for, and {found[0]} came")

    def _blocks(self, response: BaseHTTPResponse) -> Iterator[bytes]:
        with self._explained():
            # What a server compressed on the way is not asked for, and what it stores compressed stays so.
            yield from response.stream(_BLOCK, decode_content=False)

    def close(self) -> None:
        """Break off what is being read, and drop idle connections."""
        with self._lock:
            reading, pools = list(self._reading), list(self._pools.values())
        for response in reading:
            with contextlib.suppress(ValueError, RuntimeError, OSError, HTTPError):  # it may just have ended
                response.shutdown()
        for pool in pools:
            pool.clear()

    @contextlib.contextmanager
    def _get(self, headers: dict[str, str]) -> Iterator[BaseHTTPResponse]:
        """Send a request and follow where it leads; the answer is a success, or an empty range."""
        known = self._end
        response = self._follow(known or self._start, headers)
        if response.status in _REFUSED_THERE and known is not None:
            response.close()
            response = self._follow(self._start, headers)  # what was signed for a while has run out
        with self._lock:
            self._reading.add(response)
        try:
            # Only who asks for a part can be told that there is none; to anybody else it is a refusal.
            if response.status not in (_OK, _PARTIAL, *((_UNSATISFIABLE,) if "Range" in headers else ())):
                raise self._refused(response)
            yield response
        finally:
            with self._lock:
                self._reading.discard(response)
            response.close()

    def _follow(self, url: str, headers: dict[str, str]) -> BaseHTTPResponse:
        for _ in range(_MOST_REDIRECTS + 1):
            response = self._request(url, headers)
            target = response.headers.get("Location")
            if response.status not in _REDIRECTS or target is None:
                self._end = url
                return response
            response.close()
            url = self._redirected(url, target)
        return self._refuse_redirect(f"more than {_MOST_REDIRECTS} redirects")

    def _redirected(self, url: str, target: str) -> str:
        try:
            written = urlsplit(target)
            new = _without_user(urldefrag(urljoin(url, target)).url)
            scheme, port = urlsplit(new).scheme, urlsplit(new).port
            if scheme in ("http", "https"):
                parse_url(new)  # stricter
        except ValueError:  # its text repeats the URL, with whatever secret is in it
            self._refuse_redirect("it redirects to what is no URL")
        if scheme not in ("http", "https"):
            self._refuse_redirect(f"it redirects to '{shown(new)}'")
        if scheme == "http" and urlsplit(url).scheme == "https":
            self._refuse_redirect(
                f"it redirects from https to '{shown(new)}', which anybody can read or change"
            )
        if port == 0 or (written.scheme and not written.netloc):
            self._refuse_redirect("it redirects to a URL without a host, or to port 0")
        return new

    def _refuse_redirect(self, why: str) -> NoReturn:
        what = f"cannot fetch '{self.location}'"
        raise RemoteError(what, code="bad-redirect", why=why) from None  # the cause would repeat the URL

    def _request(self, url: str, headers: dict[str, str]) -> BaseHTTPResponse:
        pool = self._pool(url)
        with self._explained():
            return pool.request(
                "GET",
                url,
                headers={
                    "Accept-Encoding": "identity",
                    "User-Agent": "cas",
                    **self._authorization(url),
                    **headers,
                },
                preload_content=False,
                redirect=False,
            )

    def _authorization(self, url: str) -> dict[str, str]:
        """The user's name and password, for the host that they were written for and no other."""
        pair = self.location.user_and_password
        ours, theirs = urlsplit(self._start), urlsplit(url)
        if pair is None or (ours.scheme, ours.netloc) != (theirs.scheme, theirs.netloc):
            return {}
        return {"Authorization": _basic(os.fsencode(":".join(pair)))}

    def _pool(self, url: str) -> PoolManager:
        parts = urlsplit(url)
        proxy = proxy_for(self._settings, parts.scheme, parts.netloc)
        with self._lock:
            if proxy not in self._pools:
                self._pools[proxy] = self._new_pool(proxy)
            return self._pools[proxy]

    def _new_pool(self, proxy: str | None) -> PoolManager:
        options: dict[str, Any] = {
            "maxsize": _CONNECTIONS,
            "retries": False,
            "timeout": _PATIENCE,
            "ca_certs": self._settings.first("SSL_CERT_FILE"),
            "ca_cert_dir": self._settings.first("SSL_CERT_DIR"),
        }
        if proxy is None:
            return urllib3.PoolManager(**options)
        if urlsplit(proxy).scheme not in ("http", "https"):
            raise bad_proxy("only proxies of HTTP are known")
        try:
            auth = parse_url(proxy).auth
            login = {"Proxy-Authorization": _basic(unquote_to_bytes(auth))} if auth else None
            return urllib3.ProxyManager(proxy, proxy_headers=login, **options)
        except ValueError as error:  # its text repeats the URL, with the password
            raise bad_proxy("it is no URL of a proxy") from error

    def _refused(self, response: BaseHTTPResponse) -> CasError:
        with self._explained():
            text = response.read(_MOST_WORDS, decode_content=False).decode("utf-8", "replace")
        if response.status == _UNSATISFIABLE:
            return self._failed("the server answered 416 Range Not Satisfiable, and no range was asked for")
        answer = Answer(response.status, text, _retry_after(response))
        # Only a 401 asks for credentials; a 403 says that none would help.
        has_credentials = self.location.user_and_password is not None or response.status == _FORBIDDEN
        return errors.refused(self._shown(), answer, has_credentials=has_credentials, hint=_HINT)

    def _described(self, response: BaseHTTPResponse, *, size: int | None = None) -> RemoteFile:
        length = response.headers.get("Content-Length", "")
        if len(length) > _MOST_DIGITS and length.isdigit():
            raise self._failed(f"the server says that it is {length[:_MOST_DIGITS]}… bytes long")
        return _described(response, size=size)

    def _failed(self, why: str) -> RemoteError:
        return RemoteError(f"cannot fetch '{self.location}'", code="remote-failed", why=why)

    def _shown(self) -> str:
        return str(self.location)

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        """Raise what urllib3 raises as errors of ours."""
        try:
            yield
        except (SSLError, ssl.SSLError) as error:
            raise RemoteError(
                f"cannot fetch '{self.location}'", code="tls-failed", why=_cause(error)
            ) from error
        except IncompleteRead as error:
            why = f"the connection ended after {error.partial:,} bytes, {error.expected:,} early"
            raise errors.truncated(self._shown(), why) from error
        except NewConnectionError as error:
            raise errors.unreachable(self._shown(), _cause(error)) from error
        except TimedOutError as error:
            raise errors.unreachable(self._shown(), f"no answer in time: {_cause(error)}") from error
        except LocationValueError as error:  # its text repeats the URL
            raise self._failed("its host is no name of a host") from error
        except (HTTPError, OSError, ValueError) as error:
            raise errors.truncated(self._shown(), f"the connection broke: {_cause(error)}") from error


def _described(response: BaseHTTPResponse, *, size: int | None = None) -> RemoteFile:
    has_ranges = _is_first_byte(response)
    if size is None and response.status == _PARTIAL:  # its length would be that of the part
        found = _range(response)
        size = _number(found[3]) if found else None
    elif size is None:
        size = _number(response.headers.get("Content-Length"))
    etag, is_strong = _etag(response)
    modified = _date(response.headers.get("Last-Modified"))
    return RemoteFile(
        path="",
        size=size,
        etag=etag,
        modified=modified,
        token=etag or (f"{modified.isoformat()} {size}" if modified else None),
        is_divisible=has_ranges and is_strong and size is not None,
    )


def _range(response: BaseHTTPResponse) -> re.Match[str] | None:
    return _RANGE.fullmatch(response.headers.get("Content-Range", "").strip())


def _is_first_byte(response: BaseHTTPResponse) -> bool:
    """Whether the server sends the one byte that `head` asks for; some say 206 and send all."""
    found = _range(response)
    return response.status == _PARTIAL and found is not None and (found[1], found[2]) == ("0", "0")


def _is_to_the_end(found: re.Match[str]) -> bool:
    return found[3] != "*" and int(found[2]) + 1 == int(found[3])


def _etag(response: BaseHTTPResponse) -> tuple[str | None, bool]:
    """The ETag without its quotes, and whether equal ones promise equal bytes."""
    etag = response.headers.get("ETag", "").strip()
    value = etag.removeprefix("W/").strip('"')
    return value or None, bool(value) and not etag.startswith("W/")


def _number(text: str | None) -> int | None:
    return int(text) if text and _NUMBER.fullmatch(text) else None


def _date(text: str | None) -> datetime | None:
    try:
        return parsedate_to_datetime(text).astimezone(UTC) if text else None
    except (ValueError, OverflowError):
        return None


def _retry_after(response: BaseHTTPResponse) -> float | None:
    """Seconds to wait. A date is compared with the server's own clock, as the server did."""
    text = response.headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text), _AGES_S)
    until, now = _date(text), _date(response.headers.get("Date"))
    return max((until - now).total_seconds(), 0.0) if until and now else None


def _basic(login: bytes) -> str:
    """A login as it goes over the wire, in UTF-8, as RFC 7617 would have it."""
    return f"Basic {base64.b64encode(login).decode()}"


def _without_user(url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _cause(error: BaseException) -> str:
    """What went wrong at the bottom, without the names of Python objects that urllib3 puts before it."""
    while error.__cause__ is not None:
        error = error.__cause__
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    plain = re.sub(r"^<[^>]*>:\s*|^\w+\(<[^>]*>, ", "", str(reason)).strip("'\") ")
    return re.sub(
        r"^\[[^]]*\]\s*|\s*\(_ssl\.c:\d+\)?", "", plain
    )  # what OpenSSL says, without where it says so
