"""Listing a registry: what there is, how large it is at the far side, and whether it is here.

Sizes are asked for, many at a time and once each; whoever does not answer in time is not waited for.
"""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import dataclass
from queue import Empty
from typing import TYPE_CHECKING, Final, TypeAlias

from cas.errors import CasError
from cas.registry.freshness import has_moved_on
from cas.registry.getting import slash_error
from cas.registry.here import Here, here
from cas.registry.nested import Own
from cas.registry.places import Place
from cas.remotes.crew import Crew
from cas.remotes.errors import RemoteError
from cas.remotes.sources import open_source

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cas.registry.entry import RemoteEntry
    from cas.remotes.settings import Settings
    from cas.remotes.source import RemoteFile
    from cas.view.view import View

    Answer: TypeAlias = tuple[RemoteFile, ...]

LIMIT_S: Final = 10.0
"""How long the far side may take to say all the sizes. [s]"""

_AT_ONCE: Final = 16


@dataclass(frozen=True, slots=True)
class Listed:
    """One entry of a registry."""

    entry: RemoteEntry
    here: Here
    size: int | None
    """Bytes: as the registry or the far side says, or as it was downloaded; None if nobody knows."""
    problem: CasError | None = None
    """Why the far side did not say."""


def list(  # noqa: A001 - `registry.list`, as `cas resources list`
    entries: Sequence[RemoteEntry],
    *,
    view: View,
    settings: Settings | None = None,
    limit_s: float = LIMIT_S,
) -> tuple[Listed, ...]:
    """List entries in their order.

    Args:
        entries: What to list.
        view: Says where they belong.
        settings: Credentials, to ask for sizes; None asks nobody.
        limit_s: How long to wait for answers, all together. [s]
    """
    asked = [] if settings is None else [entry for entry in entries if entry.size is None]
    answers = _ask(asked, settings, limit_s) if settings is not None else {}
    return tuple(_one(Place.of(entry, view), answers.get(entry.name)) for entry in entries)


def _one(place: Place, answer: Answer | CasError | None) -> Listed:
    entry, state = place.entry, here(place)
    if isinstance(answer, CasError):
        return Listed(entry, state, None, answer)
    size = entry.size if answer is None else _size(answer)
    if size is None and state is Here.YES:
        arrival = place.arrival
        size = arrival.size if arrival is not None else None
    if answer is not None and state is Here.YES and has_moved_on(place, entry.locations[0], answer):
        state = Here.OUTDATED if entry.digest is None else Here.PINNED
    return Listed(entry, state, size)


def _size(answer: Answer) -> int | None:
    sizes = [file.size for file in answer if file.size is not None]
    return sum(sizes) if sizes or not answer else None


def _files(entry: RemoteEntry, settings: Settings) -> Answer:
    """Ask the far side which files it has.

    Raises:
        CasError: It cannot be asked, or what is there is of the other kind.
    """
    with closing(open_source(entry.locations[0], settings)) as source:
        try:
            return tuple(Own(source, entry).list()) if entry.is_directory else (source.head(),)
        except CasError as error:
            raise slash_error(entry, error) from error


def _ask(entries: Sequence[RemoteEntry], settings: Settings, limit_s: float) -> dict[str, Answer | CasError]:
    """Ask about all of them side by side; what is missing after `limit_s` is an error."""

    def ask(entry: RemoteEntry) -> tuple[str, Answer | CasError]:
        try:
            return entry.name, _files(entry, settings)
        except CasError as error:
            return entry.name, error

    crew = Crew(ask, count=_AT_ONCE)
    answers: dict[str, Answer | CasError] = {entry.name: _late(entry, limit_s) for entry in entries}
    until = time.monotonic() + limit_s
    try:
        for entry in entries:
            crew.give(entry)
        for _ in entries:
            name, answer = crew.collect(until)
            answers[name] = answer
    except Empty:
        pass  # what is missing is late
    finally:
        crew.dismiss(grace_s=0)
    return answers


def _late(entry: RemoteEntry, limit_s: float) -> CasError:
    return RemoteError(
        f"cannot tell the size of '{entry.name}'",
        code="remote-slow",
        why=f"{entry.locations[0]} did not answer within {limit_s:g} s",
    )
