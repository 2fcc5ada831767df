"""What is said of an entry that could not be downloaded: which one it was, and what to type next."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from cas.errors import CasError
    from cas.registry.entry import RemoteEntry

_NOT_THERE: Final = "remote-not-found"
_UNHELPFUL: Final = frozenset({"remote-unreachable"})
"""Codes whose hint is worth less than what was downloaded before."""
_PASSING: Final = frozenset({"remote-failed", "remote-truncated"})
"""Codes of failures that may go away by themselves, and that have no hint of their own."""
_FAR: Final = frozenset(
    {
        _NOT_THERE,
        "all-sources-failed",
        "remote-unreachable",
        "remote-failed",
        "remote-truncated",
        "remote-changed",
        "remote-forbidden",
        "tls-failed",
        "bad-redirect",
    }
)
"""Codes of failures that what was downloaded before does not have."""


def unrecorded(
    entry: RemoteEntry, error: CasError, *, where: Path, what: str, notes: Sequence[str]
) -> CasError:
    """Give an error of the same kind that says that the download is here, and only a record of it failed.

    Args:
        entry: What was asked for.
        error: Why it failed.
        where: Where the download is.
        what: What is missing.
        notes: What else there is to say: what made way for it, foremost.
    """
    hint = error.hint or f"to try again: cas resources download {shlex.quote(entry.name)}"
    why = "; ".join((f"'{where}' was downloaded, and only {what} is missing: {error}", *notes))
    named = type(error)(f"cannot record '{entry.name}'", code=error.code, why=why, hint=hint)
    named.__cause__ = error
    return named


def told(entry: RemoteEntry, error: CasError, *, is_known: bool) -> CasError:
    """Give an error of the same kind that names the entry.

    Args:
        entry: What was asked for.
        error: Why it did not come.
        is_known: Whether `--offline` would bring what was downloaded before.
    """
    hint = error.hint
    if is_known and error.code in _FAR and (hint is None or error.code in _UNHELPFUL):
        hint = f"for what came last time: cas resources download {shlex.quote(entry.name)} --offline"
    elif hint is None and error.code == _NOT_THERE:
        where = f", line {entry.line}" if entry.line else ""
        hint = f"correct its URL in the registry{where}; `cas resources check` tells when it is right"
    elif hint is None and error.code in _PASSING:
        hint = f"try again later: cas resources download {shlex.quote(entry.name)}"
    what, why = error.what, error.why
    if f"'{entry.name}'" not in what:
        what, why = f"cannot download '{entry.name}'", str(error)
    named = type(error)(what, code=error.code, why=why, hint=hint)
    named.__cause__ = error
    return named
