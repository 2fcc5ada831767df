"""What can go wrong at the far side, in the words of whoever has to do something about it.

Everything is a `RemoteError` but what is plainly not there (`NotFoundError`) and what was asked for
wrongly (`InvalidError`). A `RemoteError` that `is_passing` may go away by itself, so `cas.remotes.effort`
tries again.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from cas.errors import CasError, CorruptError, NotFoundError, StorageError

_LONGEST_WORDS: Final = 300
_XML_CODE: Final = re.compile(r"<Code>\s*([^<]{1,80}?)\s*</Code>")
_XML_MESSAGE: Final = re.compile(r"<(Message|Details)>\s*([^<]*?)\s*</\1>")

_WRONG: Final = frozenset(
    {"InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "InvalidSecurity", "AuthFailure"}
    | {"AuthenticationFailed", "InvalidAuthenticationInfo", "UnrecognizedClientException", "NotSignedUp"}
    | {"AuthorizationHeaderMalformed", "InvalidClientTokenId", "MissingSecurityHeader"}
)
_EXPIRED: Final = frozenset(
    {"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "RequestExpired"}
)
_ABSENT: Final = frozenset({"NoSuchKey", "NoSuchBucket", "BlobNotFound", "ContainerNotFound", "NotFound"})
_PASSING: Final = frozenset(
    {"SlowDown", "RequestTimeout", "ServerBusy", "InternalError", "OperationTimedOut"}
)

_NO_CREDENTIALS: Final = 401
_FORBIDDEN: Final = 403
_NOT_FOUND: Final = (404, 410)
_CHANGED: Final = (412, 416)
_BUSY: Final = (408, 425, 429)
_SERVER_FAILS: Final = range(500, 600)
_NEVER: Final = (501, 505)


class RemoteError(StorageError):
    """The far side cannot be reached, refuses, or breaks off."""

    is_passing: bool = False
    """Whether the same request may well succeed a little later."""
    pause_s: float | None = None
    """How long the far side asks to be left alone. [s]"""

    def passing(self, pause_s: float | None = None) -> RemoteError:
        """Say that it may go away by itself; returns the error."""
        self.is_passing, self.pause_s = True, pause_s
        return self


@dataclass(frozen=True, slots=True)
class Answer:
    """A refusal as a server words it."""

    status: int
    """The status of HTTP."""
    text: str
    """What else it said: the body, which of object stores is XML."""
    pause_s: float | None = None
    """`Retry-After`, if it said that. [s]"""


def refused(url: str, answer: Answer, *, has_credentials: bool, hint: str | None) -> CasError:
    """Say what a server means by a status that is no success.

    Args:
        url: As it may be shown.
        answer: What it said.
        has_credentials: Whether the request had any.
        hint: How to give credentials to this kind of server.
    """
    said = next(iter(_XML_CODE.findall(answer.text)), "")
    why = _words(answer, said)
    if answer.status in _NOT_FOUND or said in _ABSENT:
        return absent(url, why)
    if answer.status in _CHANGED:
        return changed(url, why)
    about_credentials = _about_credentials(answer, said, has_credentials=has_credentials)
    if about_credentials is None:
        error = RemoteError(f"cannot fetch '{url}'", code="remote-failed", why=why)
        is_passing = answer.status in _BUSY or said in _PASSING or _is_server_failure(answer.status)
        return error.passing(answer.pause_s) if is_passing else error
    code, advice = about_credentials
    if code == "no-credentials":
        why = f"{why}, and no credentials were found"
    return RemoteError(f"cannot fetch '{url}'", code=code, why=why, hint=advice or hint)


def _about_credentials(answer: Answer, said: str, *, has_credentials: bool) -> tuple[str, str | None] | None:
    """The code of the error, and what else to do than to give credentials; None if it is none of these."""
    if said in _EXPIRED or _is_expired(said, answer.text):
        code, advice = "credentials-expired", "log in again, or get new credentials"
    elif said in _WRONG or (answer.status == _NO_CREDENTIALS and has_credentials):
        code, advice = "credentials-wrong", None
    elif answer.status == _NO_CREDENTIALS or (answer.status == _FORBIDDEN and not has_credentials):
        code, advice = "no-credentials", None
    elif answer.status == _FORBIDDEN:
        code, advice = "remote-forbidden", "ask its owner for the right to read it"
    else:
        return None
    return code, advice


def _is_server_failure(status: int) -> bool:
    return status in _SERVER_FAILS and status not in _NEVER


def _is_expired(said: str, text: str) -> bool:
    """Whether a signature in a URL, or a signed request, is from too long ago."""
    return said in ("AccessDenied", "AuthenticationFailed") and bool(
        re.search(r"(?i)\bexpired\b|not in the valid", text)
    )


def _words(answer: Answer, said: str) -> str:
    """The status, and what an object store says about it."""
    message = next((found[1] for found in _XML_MESSAGE.findall(answer.text)), "")
    words = ": ".join(" ".join(part.split()) for part in (said, message) if part)
    from http import HTTPStatus  # noqa: PLC0415 - only on the way out

    try:
        phrase = f"{answer.status} {HTTPStatus(answer.status).phrase}"
    except ValueError:
        phrase = str(answer.status)
    return f"the server answered {phrase}" + (f" ({words[:_LONGEST_WORDS]})" if words else "")


def absent(url: str, why: str) -> NotFoundError:
    """Say that there is nothing of that name."""
    return NotFoundError(f"cannot fetch '{url}'", code="remote-not-found", why=why)


def is_directory(url: str) -> NotFoundError:
    """Say that a file was asked for where there are files below that name."""
    return NotFoundError(
        f"cannot fetch '{url}' as a file",
        code="remote-is-directory",
        why="there is no file of that name, but there are files below it",
        hint="end the path with a '/' to fetch all of them; the slash alone says that it is a directory",
    )


def is_file(url: str) -> NotFoundError:
    """Say that a directory was asked for where there is a file."""
    return NotFoundError(
        f"cannot fetch '{url}' as a directory",
        code="remote-is-file",
        why="nothing is below that name, but there is a file of that name",
        hint="leave the '/' at the end away; the slash alone says that it is a directory",
    )


def unreachable(url: str, why: str) -> RemoteError:
    """Say that there was no answer at all."""
    error = RemoteError(
        f"cannot reach '{url}'", code="remote-unreachable", why=why, hint="check the network and the URL"
    )
    return error.passing()


def truncated(url: str, why: str) -> RemoteError:
    """Say that the answer ended too early."""
    return RemoteError(f"cannot fetch '{url}'", code="remote-truncated", why=why).passing()


def wrong_size(url: str, why: str) -> CorruptError:
    """Say that it does not measure what somebody declared."""
    return CorruptError(
        f"cannot trust '{url}'",
        code="remote-size-mismatch",
        why=why,
        hint="if its publisher has changed it on purpose, declare the new size",
    )


def changed(url: str, why: str) -> RemoteError:
    """Say that somebody replaced the file while it was being fetched."""
    return RemoteError(
        f"cannot fetch '{url}'",
        code="remote-changed",
        why=f"it was changed while it was being fetched: {why}",
        hint="run the same command again",
    )
