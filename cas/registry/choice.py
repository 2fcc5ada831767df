"""Which entries of a registry are meant by the ids that somebody typed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cas.errors import CasError, InvalidError
from cas.registry.registry_file import ALL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cas.registry.entry import RemoteEntry


class NoSuchResourceError(InvalidError, KeyError):
    """No entry of the registry is called so; the valid ids are in the message."""

    __str__ = CasError.__str__  # KeyError would print the repr of its argument


def choose(entries: Sequence[RemoteEntry], ids: Sequence[str]) -> list[RemoteEntry]:
    """Pick entries by their ids, each once, in the order of the registry; `ALL` is all of them.

    Raises:
        NoSuchResourceError: One of the ids is none; the nearest is suggested.
    """
    if ALL in ids:
        return list(entries)
    known = {entry.name for entry in entries}
    for wanted in ids:
        if wanted not in known:
            raise _unknown(wanted, entries)
    return [entry for entry in entries if entry.name in ids]


def _unknown(wanted: str, entries: Sequence[RemoteEntry]) -> NoSuchResourceError:
    from difflib import get_close_matches  # noqa: PLC0415 - only on the way out

    names = [entry.name for entry in entries]
    otherwise = None if names else "list it in remote.yaml, or name another registry with --file"
    # As `small` resembles `ALL` rather well, it has to be nearly that before it is taken for it.
    near = get_close_matches(wanted, names, n=1) or [ALL] * (bool(names) and wanted.upper() == ALL)
    return NoSuchResourceError(
        f"there is no remote resource '{wanted}'",
        code="no-such-resource",
        why=f"the registry lists {', '.join(names)}" if names else "the registry lists none",
        hint=f"did you mean '{near[0]}'?" if near else otherwise,
    )
