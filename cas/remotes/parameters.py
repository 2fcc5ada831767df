"""Which parameters of a URL are secret: by their names, and by what is in their values.

Too many are secret rather than too few. A value is looked into however often it is escaped, for it may be a
URL, or JSON, with a secret of its own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote_plus

if TYPE_CHECKING:
    from collections.abc import Iterator

HOST: Final = re.compile(r"(?:[\w.-]*|\[[0-9A-Fa-f:.]*\])(?::[0-9]+)?")

_SECRET: Final = re.compile(
    r"(?i)token|secret|key|sig|auth|pass|pwd|credential|session|sessid|cookie|bearer|hmac|jwt|ticket|accessid"
    r"|pw(?![a-z])|(?<![a-z])pw|(?<![a-z])(?:sas|otp|code|psw|creds?|sid)(?![a-z])"
)
"""What the name of a parameter that opens doors has in it: those of URLs that clouds sign, and the usual."""
_HARMLESS: Final = re.compile(
    r"(?i)keywords?|keyframes?|authors?(?!i)|design|signal|assign|passages?|passenger|compass"
)
"""Words that only look like it."""
_MARK: Final = re.compile(r"""([&;?#/={}\[\],:"'\\])""")
_INSIDE: Final = "[]\"'\\"
"""Marks that may belong to a name, in a query or in JSON."""
_PLAIN_NAME: Final = re.compile(r"[\w.$\[\] -]+")
_EQUALS: Final = re.compile(r"(?i)=|%(?:25)*3D")
_INNER: Final = re.compile(r"(?::/+|//+)([^/?#&]*)")
"""What should be the host of a URL inside of another."""
_BARE_LOGIN: Final = re.compile(r"^[^/:]*:(?!/)[^@]*@|:[^/@:]*@")
_IN_PATH: Final = re.compile(r"[?;&#{]")
_MOST_ESCAPED: Final = 8

_SIGNING: Final = re.compile(r"x-(?:amz|goog)-.*")
_SIGNING_TOGETHER: Final = tuple(
    (frozenset(needed.split()), frozenset(others.split()))
    for needed, others in (
        ("awsaccesskeyid signature expires", ""),
        ("googleaccessid signature expires", ""),
        ("key-pair-id signature", "expires policy"),
        (
            "sv sig",
            "sr sp st se spr sip si ss srt skoid sktid skt ske sks skv saoid suoid scid sdd ses",
        ),
    )
)
"""Names that sign where all of the first are there, and the second with them: S3 and Google before version 4,
CloudFront, Azure's SAS."""


@dataclass(frozen=True, slots=True)
class Part:
    """What stands between two `&`."""

    kept: str
    """What is not secret of it."""
    secret: str | None
    """The name of what is, empty if it has none that can be shown; None if nothing is."""
    signs: bool = False
    """Whether a cloud signs with it: then it does not decide what comes."""


def parts_of(query: str) -> Iterator[Part]:
    """Iterate over the parameters of a query; after a login that is cut in two, nothing more can be told."""
    texts = query.split("&")
    signing = _signing({_name(text) for text in texts})
    for text in texts:
        if _signs(text, signing):
            yield Part("", _shown_name(text), signs=True)
        else:
            yield _cut(text)
        if is_torn(text):
            return


def unsigned(query: str) -> str:
    """Leave out with what clouds sign."""
    texts = query.split("&")
    signing = _signing({_name(text) for text in texts})
    return "&".join(text for text in texts if not _signs(text, signing))


def has_login(text: str) -> bool:
    """Whether a URL is in `text` that says who logs in, or may."""
    return any(_logs_in(found[1]) for stage in _decoded(text) for found in _INNER.finditer(stage))


def is_torn(text: str) -> bool:
    """Whether a login begins in `text`, and does not end there."""
    return has_login(text) and not any("@" in stage for stage in _decoded(text))


def hides_parameters(component: str) -> bool:
    """Whether a component of a path has something secret in it that looks like a query, or JSON."""
    tails = (_IN_PATH.split(stage, maxsplit=1)[1:] for stage in _decoded(component))
    return _is_too_deep(component) or any(_names_a_secret(tail) for (tail,) in filter(None, tails))


def _cut(text: str) -> Part:
    """Divide a parameter at what is secret.

    A `;` may end a value, or be a part of it: what follows a secret counts as secret too.
    """
    if not _is_secret(text):
        return Part(text, None)
    at = 0
    if not _has_any_login(text):  # which may have a `;` in it
        for piece in text.split(";"):
            if _is_secret(piece):
                return Part(text[: max(at - 1, 0)], _shown_name(piece))
            at += len(piece) + 1
    return Part("", _shown_name(text))


def _is_secret(text: str) -> bool:
    return (
        _is_too_deep(text) or _has_any_login(text) or any(_names_a_secret(stage) for stage in _decoded(text))
    )


def _names_a_secret(text: str) -> bool:
    return any(_SECRET.search(_HARMLESS.sub(" ", name)) for name in _names(text))


def _names(text: str) -> Iterator[str]:
    """Iterate over what has a value, in a query, a header, or JSON."""
    pieces, name = _MARK.split(text), ""
    for piece, mark in zip(pieces[::2], pieces[1::2], strict=False):
        name += piece
        if mark in "=:":
            yield name
        if mark not in _INSIDE:
            name = ""


def _has_any_login(text: str) -> bool:
    return has_login(text) or any(_BARE_LOGIN.search(stage) for stage in _decoded(text))


def _logs_in(authority: str) -> bool:
    return "@" in authority or (":" in authority and not HOST.fullmatch(authority))


def _decoded(text: str) -> Iterator[str]:
    """Iterate over what `text` is when it is decoded once, twice and so on."""
    yield text
    for _ in range(_MOST_ESCAPED):
        before, text = text, unquote_plus(text)
        if before == text:
            return
        yield text


def _is_too_deep(text: str) -> bool:
    *_, last = _decoded(text)
    return unquote_plus(last) != last


def _signing(names: set[str]) -> set[str]:
    alone = {name for name in names if _SIGNING.fullmatch(name)}
    return alone.union(
        *(needed | others for needed, others in _SIGNING_TOGETHER if needed <= names),
    )


def _signs(text: str, signing: set[str]) -> bool:
    """Whether it is one of `signing`, and nothing else."""
    return _name(text) in signing and "=" not in text.partition("=")[2].partition(";")[2]


def _name(text: str) -> str:
    return unquote_plus(text.partition("=")[0]).lower()


def _shown_name(text: str) -> str:
    name, *value = _EQUALS.split(text, maxsplit=1)
    return name if value and _PLAIN_NAME.fullmatch(unquote_plus(name)) else ""
