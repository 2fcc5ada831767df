"""What holds for tide tables in every repository of whoever installs this."""

from __future__ import annotations

from cas.hooks import PostCommit, PreCommit, hookimpl, refusal


@hookimpl
def pre_commit(event: PreCommit) -> None:
    """Refuse a table of tides that does not say where they were measured."""
    if event.subject.name.startswith("tides/") and "station" not in event.properties:
        raise refusal(event, "tides are measured at a station", hint="add -p station=NAME")


@hookimpl
def post_commit(event: PostCommit) -> None:
    """Tell the harbour master, who is not in."""
    if event.subject.name.startswith("tides/"):
        raise ConnectionError("nobody answers at the harbour")
