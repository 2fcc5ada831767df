"""URLs without what is secret in them: for messages, and for records.

Whoever stands before an `@` is left out whole, for some services take a key there, without a password. So is
what follows a `#`: it is never sent, and may be the end of a password in which somebody forgot to escape it.
Of parameters those are secret whose names say so, in a query, or after a `;` in a path. Too many are hidden
rather than too few.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote_plus, urlsplit

_HIDDEN: Final = "***"
_SECRET: Final = re.compile(
    r"(?i)token|secret|key|sig|auth|pass|pwd|credential|session|sessid|cookie|bearer|hmac|jwt|ticket|accessid"
    r"|(?<![a-z])(?:sas|otp|code)(?![a-z])"
)
"""What the name of a parameter that opens doors has in it: those of URLs that clouds sign, and the usual."""
_HARMLESS: Final = re.compile(
    r"(?i)keywords?|keyframes?|authors?(?!i)|design|signal|assign|passages?|passenger|compass"
)
"""Words that only look like it."""
_MARK: Final = re.compile(r"([&;?#/=])")
_EQUALS: Final = re.compile(r"(?i)=|%3D")
_WEB: Final = re.compile(r"(?i)https?://")
_PLAIN: Final = re.compile(
    r"(?i)(?:gs|s3|az)://(?:[^@:/]*(?:/.*)?|[^@]*)|file:(?://(?:localhost)?)?/.*", re.DOTALL
)
"""These name what they name letter by letter: no parameter is in them."""
_AUTHORITY: Final = re.compile(r"\s*([A-Za-z][A-Za-z0-9+.-]*://)([^/?#]*)(.*)", re.DOTALL)
_SCHEME: Final = re.compile(r"(?i)\s*((?:https?|gs|s3|az|file):)")
_HOST: Final = re.compile(r"(?:[\w.-]*|\[[0-9A-Fa-f:.]*\])(?::[0-9]+)?")
_IN_TEXT: Final = re.compile(r"(?<![A-Za-z0-9+.-])[A-Za-z][A-Za-z0-9+.-]*://\S*")
_PATH: Final = re.compile(r"/[^/:;@?=&#%][^:;@?=&#%]*")


def shown(url: str) -> str:
    """Give a URL back as it may be shown: secrets become `***`, and whoever logs in there is left out."""
    if _PLAIN.fullmatch(url):
        return url
    found = _AUTHORITY.fullmatch(url)
    if found is None or not _WEB.match(url) or not _HOST.fullmatch(host := found[2].rpartition("@")[2]):
        return redacted(url)
    path, question, query = found[3].partition("#")[0].partition("?")
    path = "/".join(map(_hidden_in_path, path.split("/")))
    return f"{found[1]}{host}{path}{question}{'&'.join(map(_hidden, query.split('&')))}"


def redacted(url: str) -> str:
    """Give back what is surely no secret of a URL that was not understood: its scheme and its host.

    Where a password ends in it, nobody knows. A path of this machine is shown.
    """
    if _PATH.fullmatch(url):
        return url
    found = _AUTHORITY.fullmatch(url)
    if found is None:
        scheme = _SCHEME.match(url)
        return f"{scheme[1] if scheme else ''}…"
    start, authority, rest = found.groups()
    host = authority.rpartition("@")[2].removesuffix("…")  # what was redacted stays as it is
    is_host = "@" not in rest and _HOST.fullmatch(host) is not None
    return f"{start}{host if is_host else ''}…"


def hushed(text: str) -> str:
    """Give a message back with each URL in it as it may be shown: one may stand where none belongs."""

    def quiet(found: re.Match[str]) -> str:
        url = found[0].rstrip("',:;)")
        return shown(url) + found[0][len(url) :]

    return _IN_TEXT.sub(quiet, text)


def is_path(text: str) -> bool:
    """Whether it is no URL but an absolute path, and nothing secret can be in it."""
    return _PATH.fullmatch(text) is not None


def cleaned(url: str, host: str) -> str:
    """Leave out all that is secret in a URL of a web server, which has been understood."""
    parts = urlsplit(url)
    path = "/".join(map(_kept_in_path, parts.path.split("/")))
    query = "&".join(kept for part in parts.query.split("&") if (kept := _cut(part)[0]))
    return parts._replace(netloc=host, path=path, query=query, fragment="").geturl()


def _hidden_in_path(component: str) -> str:
    name, semicolon, parameters = component.partition(";")
    return f"{name}{semicolon}{_hidden(parameters)}"


def _hidden(parameters: str) -> str:
    kept, secret = _cut(parameters)
    between = ";" if kept and secret else ""
    return f"{kept}{between}{secret}={_HIDDEN}" if secret is not None else kept


def _kept_in_path(component: str) -> str:
    name, _, parameters = component.partition(";")
    kept = _cut(parameters)[0]
    return f"{name};{kept}" if kept else name


def _cut(parameters: str) -> tuple[str, str | None]:
    """What stands before the first secret parameter, and the name of that one; None if none is secret.

    A `;` may end its value, or be a part of it: what follows counts as secret too.
    """
    at = 0
    for piece in parameters.split(";"):
        if _is_secret(piece):
            return parameters[: max(at - 1, 0)], _EQUALS.split(piece, maxsplit=1)[0]
        at += len(piece) + 1
    return parameters, None


def _is_secret(parameter: str) -> bool:
    """Whether its name is that of a secret, or one in its value is: that may be a URL of its own."""
    pieces = _MARK.split(unquote_plus(parameter))
    names = (name for name, mark in zip(pieces[::2], pieces[1::2], strict=False) if mark == "=")
    return any(_SECRET.search(_HARMLESS.sub(" ", name)) for name in names)
