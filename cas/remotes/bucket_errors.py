"""What obstore raises, in our words.

Its errors are texts, with the status and the body of the answer somewhere in them; the words that are looked
for are those of version 0.12, and what is not understood is shown as it is.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from cas.remotes import errors
from cas.remotes.errors import Answer, RemoteError

if TYPE_CHECKING:
    from cas.errors import CasError
    from cas.remotes.location import Location

_STATUS: Final = re.compile(
    r"Server returned (?:non-2xx status code|error response): (\d{3})[^:]*:? ?(.*)", re.DOTALL
)
_DEBUG: Final = "\n\nDebug source:"
_CREDENTIALS: Final = re.compile(
    r"(?i)metadata|credential|token request|oauth|\bAz CLI\b|service account|InstanceProfile"
)
_LONGEST: Final = 300
_FORBIDDEN: Final = 403
_NOT_FOUND: Final = 404

HINTS: Final = {
    "s3": "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or choose a profile with AWS_PROFILE",
    "gs": "run `gcloud auth application-default login`, or set GOOGLE_APPLICATION_CREDENTIALS",
    "az": "set AZURE_STORAGE_ACCOUNT_KEY or AZURE_STORAGE_SAS_TOKEN, or run `az login`",
}


def explained(error: Exception, location: Location, path: str, *, has_credentials: bool) -> CasError:
    """Turn what obstore raised while it fetched `path` below `location` into an error of ours."""
    url = location.below(path)
    text, _, debug = str(error).partition(_DEBUG)
    if isinstance(error, FileNotFoundError) and _STATUS.search(text) is None:
        return errors.absent(url, "there is no such object")
    answer = _STATUS.search(text)
    if answer is not None:
        found = Answer(int(answer[1]), answer[2])
        return errors.refused(url, found, has_credentials=has_credentials, hint=HINTS[location.scheme])
    if "LOCATION" in text:
        return RemoteError(
            f"cannot fetch '{url}'",
            code="remote-failed",
            why="the bucket is in another region",
            hint="set AWS_REGION to the region of the bucket",
        )
    return _broken(url, text, debug)


def unusable(error: Exception, location: Location) -> RemoteError:
    """Say that obstore does not take what is configured for a bucket: a key that is none, say."""
    return RemoteError(
        f"cannot fetch '{location}'",
        code="credentials-wrong",
        why=f"what is configured for it cannot be used: {_first_line(str(error).partition(_DEBUG)[0])}",
        hint=HINTS[location.scheme],
    )


def panicked(error: BaseException, location: Location, path: str) -> RemoteError | None:
    """Say that obstore gave up; None if that is not what happened.

    It does so when a header cannot be made, say of a token with a line break that a server handed out. The
    class is no `Exception`, is nowhere to be imported from, and must not end all other downloads.
    """
    if type(error).__name__ != "PanicException":
        return None
    return RemoteError(
        f"cannot fetch '{location.below(path)}'",
        code="remote-failed",
        why="the client for buckets gave up: what it was given, or was answered, cannot be part of a request",
        hint="look at the endpoint and the credentials",
    )


def _broken(url: str, text: str, debug: str) -> CasError:
    if "dns error" in debug or "kind: Connect" in debug:
        return errors.unreachable(url, _innermost(debug) or _first_line(text))
    if "kind: Timeout" in debug or "TimedOut" in debug:
        return errors.unreachable(url, "no answer in time")
    if _CREDENTIALS.search(text):
        return RemoteError(f"cannot fetch '{url}'", code="credentials-wrong", why=_first_line(text))
    if "HTTP error" in text or "error decoding response body" in text or "kind: Decode" in debug:
        return errors.truncated(url, f"the connection broke: {_innermost(debug) or _first_line(text)}")
    return RemoteError(f"cannot fetch '{url}'", code="remote-failed", why=_first_line(text))


def _innermost(debug: str) -> str | None:
    """The last text in what Rust shows of an error: what the operating system said."""
    found = re.findall(r'(?:message|error): "([^"]+)"', debug)
    return found[-1] if found else None


def _first_line(text: str) -> str:
    return " ".join(text.split())[:_LONGEST]
