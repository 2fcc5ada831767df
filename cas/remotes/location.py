"""Where bytes come from: a URL that was understood, and that never shows its secrets.

    gs://BUCKET/KEY   s3://BUCKET/KEY   az://CONTAINER/KEY   https://HOST/PATH?QUERY   file:///PATH

A bucket's key is taken as it stands, as `gsutil` and `aws s3` do: nothing in it is percent-decoded, and `#`
and `?` are characters like any other. The URL of a web server is passed on as it was written. `az://` names
the container, as adlfs and fsspec do; the account is ambient (`AZURE_STORAGE_ACCOUNT_NAME`).
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NoReturn, Self
from urllib.parse import SplitResult, unquote_to_bytes, urlsplit

from blake3 import blake3

from cas.errors import InvalidError
from cas.remotes.secrets import cleaned, is_path, keys_in, redacted, sent, shown

if TYPE_CHECKING:
    from collections.abc import Iterable

BUCKETS: Final = ("gs", "s3", "az")
WEB: Final = ("http", "https")
SCHEMES: Final = (*BUCKETS, *WEB, "file")

_SHOWN: Final = "gs://BUCKET/KEY, s3://BUCKET/KEY, az://CONTAINER/KEY, https://HOST/PATH and file:///PATH"
_BUCKET: Final = re.compile(r"[A-Za-z0-9$][A-Za-z0-9._:-]*")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_LONGEST: Final = 8192
_FINGERPRINT: Final = 4
"""Bytes that tell two secrets apart, and are too few to say which of many guesses is right."""


@dataclass(frozen=True, slots=True, repr=False)
class Location:
    """A place that can be fetched from. `str()` gives the URL back without what is secret in it."""

    scheme: str
    """One of `SCHEMES`."""
    host: str
    """The bucket, the container, or the host of a web server with its port; empty for `file`."""
    path: str
    """The key in the bucket (no slash in front), the path on the web server, or that of a file."""
    url: str
    """The URL as it was given, passwords and all: to fetch from, never to show or to keep."""

    @classmethod
    def parse(cls, url: str) -> Self:
        """Understand `url`.

        Raises:
            InvalidError: It is none that can be fetched from; the rule is stated.

        >>> Location.parse("gs://toys/data/").is_directory
        True
        >>> str(Location.parse("https://ann:secret@example.org/x?sig=abc"))
        'https://example.org/x?sig=***'
        """
        if _CONTROL.search(url):
            _refuse(url, "it holds control characters")
        if len(url) > _LONGEST:
            _refuse(url, f"it is longer than {_LONGEST:,} characters")
        scheme = url.partition(":")[0].lower()
        if ":" not in url or scheme not in SCHEMES:
            _refuse(url, f"these can be fetched from: {_SHOWN}", _hint_at(scheme, url))
        if scheme in BUCKETS:
            host, path = _bucket_and_key(url)
        elif scheme in WEB:
            host, path = _host_and_path(url)
        else:
            host, path = "", _file_path(url)
        return cls(scheme, host, path, url)

    @property
    def is_directory(self) -> bool:
        """Whether it names everything below a prefix: the slash at the end says so (or a bare bucket)."""
        return self.path.endswith("/") or (not self.path and self.scheme in BUCKETS)

    @property
    def user_and_password(self) -> tuple[str, str] | None:
        """What the URL of a web server says before its `@`, decoded; None if it says nothing."""
        if self.scheme not in WEB:
            return None
        parts = urlsplit(self.url)
        if parts.username is None:
            return None
        return _decoded(parts.username), _decoded(parts.password or "")

    @property
    def without_credentials(self) -> str:
        """The URL for records: no user, no password, no signature, whoever fetches it."""
        return cleaned(self.url, self.host) if self.scheme in WEB else self.url

    @property
    def identity(self) -> str:
        """What tells it from other places, for records that stay on this machine.

        That is `without_credentials`, and a short hash if that lacks a part of the path or the query: a key
        may decide which file comes. Who logs in is no part of it, nor is with what a cloud signs: a URL that
        is signed anew leads to the same file.
        """
        public = self.without_credentials
        if self.scheme not in WEB or (decides := sent(self.url, self.host)) == public:
            return public
        told = blake3(decides.encode("utf-8", "surrogateescape")).hexdigest(length=_FINGERPRINT)
        return f"{public}#{told}"

    @property
    def has_key(self) -> bool:
        """Whether something secret in it may decide what comes, so that no record for others names it."""
        return self.identity != self.without_credentials

    @property
    def keys(self) -> tuple[str, ...]:
        """The names of the parameters that are such keys; none if what is secret has no name."""
        return keys_in(self.url) if self.scheme in WEB else ()

    def below(self, name: str) -> str:
        """Name what lies at `name` below it, for a message."""
        return f"{str(self).removesuffix('/')}/{name}" if name else str(self)

    def __str__(self) -> str:
        return shown(self.url)

    def __repr__(self) -> str:
        return f"Location({str(self)!r})"


def _bucket_and_key(url: str) -> tuple[str, str]:
    scheme, _, rest = url.partition(":")
    if not rest.startswith("//"):
        _refuse(url, f"'{scheme}:' is followed by '//' and the name of a bucket")
    bucket, _, key = rest[2:].partition("/")
    if not bucket:
        _refuse(url, "it names no bucket", f"write it like this: {scheme.lower()}://BUCKET/KEY")
    if "@" in bucket or (":" in bucket and "@" in key):  # a secret key may hold a slash
        _refuse(url, "before the key stands the name of a bucket, and nothing else", _AMBIENT)
    if not _BUCKET.fullmatch(bucket):
        _refuse(url, "what stands before its key is no name of a bucket")
    _check_components(url, key.removesuffix("/").split("/") if key else ())
    return bucket, key


def _check_components(url: str, components: Iterable[str]) -> None:
    """Refuse what a client would shorten on the way, and so would fetch from somewhere else."""
    for component in components:
        if component in ("", ".", ".."):
            _refuse(url, "its key has an empty component, '.' or '..'")


def _host_and_path(url: str) -> tuple[str, str]:
    parts = _split(url)
    if not parts.hostname:
        _refuse(url, "it names no host")
    if parts.netloc.endswith(":"):  # a password may begin with a slash
        _refuse(url, "after the ':' there is no port")
    if " " in url:
        _refuse(url, "it holds a blank", "write it as %20")
    return parts.netloc.rpartition("@")[2], parts.path or "/"


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - it is parsed only when it is asked for
    except ValueError:  # its text repeats what it does not understand, which may be a password
        _refuse(url, "its host or its port is none")
    return parts


def _file_path(url: str) -> str:
    rest = url.partition(":")[2]
    if rest.startswith("//"):
        host, slash, path = rest[2:].partition("/")
        if host not in ("", "localhost"):
            why = "files are on this machine, and it names another host"
            _refuse(url, why, "before the path of a file there are three slashes: file:///home/ann/data.csv")
        rest = slash + path
    path = _decoded(rest)
    if not path.startswith("/"):
        _refuse(url, "its path is not absolute", "write it like this: file:///home/ann/data.csv")
    if "\0" in path:
        _refuse(url, "its path holds a NUL")
    return path


def _decoded(text: str) -> str:
    return os.fsdecode(unquote_to_bytes(text.encode("utf-8", "surrogateescape")))


_AMBIENT: Final = "credentials of clouds come from the environment, never from a URL"


def _hint_at(scheme: str, url: str) -> str | None:
    if is_path(url):
        return f"did you mean file://{url}?"
    near = {"gcs": "gs", "s3a": "s3", "s3n": "s3", "azure": "az", "abfs": "az", "abfss": "az", "wasbs": "az"}
    return f"did you mean {near[scheme]}://…?" if scheme in near else None


def _refuse(url: str, why: str, hint: str | None = None) -> NoReturn:
    # What could not be parsed may be a password, and a traceback would show the error of the parser, with it.
    raise InvalidError(f"cannot use the URL '{redacted(url)}'", code="bad-url", why=why, hint=hint) from None
