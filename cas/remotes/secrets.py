"""URLs without what is secret in them: for messages, and for records.

Whoever stands before an `@` is left out whole, for some services take a key there, without a password. So is
what follows a `#`: it is never sent, and may be the end of a password in which somebody forgot to escape it.
Of a query, and of what follows a `;` or a `&` in a path, secret parameters are left out; of a path that has
another URL in it with somebody who logs in, all from there on.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

from cas.remotes.parameters import HOST, has_login, hides_parameters, parts_of, unsigned

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cas.remotes.parameters import Part

_HIDDEN: Final = "***"
_WEB: Final = re.compile(r"(?i)https?://")
_PLAIN: Final = re.compile(
    r"(?i)(?:gs|s3|az)://(?:[^@:/]*(?:/.*)?|[^@]*)|file:(?://(?:localhost)?)?/.*", re.DOTALL
)
"""These name what they name letter by letter: no parameter is in them."""
_AUTHORITY: Final = re.compile(r"\s*([A-Za-z][A-Za-z0-9+.-]*://)([^/?#]*)(.*)", re.DOTALL)
_SCHEME: Final = re.compile(r"(?i)\s*((?:https?|gs|s3|az|file):)")
_IN_TEXT: Final = re.compile(
    r"(?<![A-Za-z0-9+.-])[A-Za-z][A-Za-z0-9+.-]*://\S*"
    r"|(?<![^\s'\"(])/\S*(?:[?&;%{]|:/)\S*"  # a client may log what it asks for without the host
)
_PATH: Final = re.compile(r"/[^/:;@?=&#%][^:;@?=&#%]*")
_PARAMETERS: Final = re.compile(r"([;&])")


def shown(url: str) -> str:
    """Give a URL back as it may be shown: secrets become `***`, and whoever logs in there is left out."""
    if _PLAIN.fullmatch(url):
        return url
    found = _AUTHORITY.fullmatch(url)
    if found is None or not _WEB.match(url) or not HOST.fullmatch(host := found[2].rpartition("@")[2]):
        return redacted(url)
    return f"{found[1]}{host}{_shown_target(found[3])}"


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
    is_host = "@" not in rest and HOST.fullmatch(host) is not None
    return f"{start}{host if is_host else ''}…"


def hushed(text: str) -> str:
    """Give a message back with each URL in it as it may be shown, and each that begins after the host."""

    def quiet(found: re.Match[str]) -> str:
        url = found[0].rstrip("',:;)")
        end = found[0][len(url) :]
        return f"{_shown_target(url) if url.startswith('/') else shown(url)}{end}"

    return _IN_TEXT.sub(quiet, text)


def is_path(text: str) -> bool:
    """Whether it is no URL but an absolute path, and nothing secret can be in it."""
    return _PATH.fullmatch(text) is not None


def cleaned(url: str, host: str) -> str:
    """Leave out all that is secret in a URL of a web server, which has been understood."""
    parts = urlsplit(url)
    path, query = _path(parts.path, is_shown=False), ""
    if not has_login(parts.path):
        query = _joined(parts_of(parts.query), is_shown=False)
    return parts._replace(netloc=host, path=path, query=query, fragment="").geturl()


def sent(url: str, host: str) -> str:
    """Leave out what does not decide what comes: who logs in, and with what clouds sign."""
    parts = urlsplit(url)
    return parts._replace(netloc=host, query=unsigned(parts.query), fragment="").geturl()


def keys_in(url: str) -> tuple[str, ...]:
    """List the names of secret parameters that may decide what comes; without those that cannot be shown."""
    parts = urlsplit(url)
    queries = [_parameters(component)[2] for component in parts.path.split("/")] + [parts.query]
    found = (part for query in queries for part in parts_of(query) if not part.signs and part.secret)
    return tuple(dict.fromkeys(unquote(part.secret or "") for part in found))


def _shown_target(target: str) -> str:
    """What follows the host."""
    path, question, query = target.partition("#")[0].partition("?")
    if has_login(path):  # the query is that of the URL in it
        return _path(path, is_shown=True)
    return f"{_path(path, is_shown=True)}{question}{_joined(parts_of(query), is_shown=True)}"


def _path(path: str, *, is_shown: bool) -> str:
    slash, components = path[:1], path[1:].split("/")
    if has_login(path):
        start = next((at for at, one in enumerate(components) if not one or ":" in unquote(one)), 0)
        return slash + "/".join([*components[:start], _HIDDEN])
    return slash + "/".join(_component(one, is_shown=is_shown) for one in components)


def _component(component: str, *, is_shown: bool) -> str:
    name, mark, parameters = _parameters(component)
    if hides_parameters(name):
        return _HIDDEN
    parts = list(parts_of(parameters))
    if not is_shown and not any(part.kept or part.secret is None for part in parts):
        return name
    return f"{name}{mark}{_joined(parts, is_shown=is_shown)}"


def _parameters(component: str) -> tuple[str, str, str]:
    """Divide a component of a path into its name, a mark, and what may have been meant for a query."""
    name, *rest = _PARAMETERS.split(component, maxsplit=1)
    mark, parameters = rest or ("", "")
    return name, mark, parameters


def _joined(parts: Iterable[Part], *, is_shown: bool) -> str:
    if is_shown:
        return "&".join(_shown(part) for part in parts)
    return "&".join(part.kept for part in parts if part.kept or part.secret is None)


def _shown(part: Part) -> str:
    if part.secret is None:
        return part.kept
    between = ";" if part.kept else ""
    return f"{part.kept}{between}{part.secret}{'=' if part.secret else ''}{_HIDDEN}"
