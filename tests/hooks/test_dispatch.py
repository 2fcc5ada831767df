"""The promises of `cas.hooks`: pre-hooks stop a command, post-hooks cannot, and everybody is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from cas.errors import HookRefusedError
from cas.hooks import Hooks, PostGc, PreCommit, PreGc, PreRemove, Subject, hookimpl, refusal, specs
from cas.hooks import events as event_values
from cas.ids import BlobId, Content, Kind, VersionId

REPOSITORY = Path("/somewhere/.cas")
SUBJECT = Subject("main", "roads", VersionId(bytes(32)))
PRE_COMMIT = PreCommit(
    repository=REPOSITORY,
    subject=SUBJECT,
    content=Content(Kind.FILE, BlobId.of(b"x")),
    size=1,
    file_count=1,
    properties={"city": "Oslo"},
    inputs={},
    message="",
)
PRE_GC = PreGc(REPOSITORY)
POST_GC = PostGc(REPOSITORY, objects_deleted=3, packs_deleted=1, bytes_freed=4096)


class Recorder:
    """A plug-in that remembers what it was told."""

    def __init__(self) -> None:
        self.seen: list[object] = []

    @hookimpl
    def pre_gc(self, event: PreGc) -> None:
        """Remember."""
        self.seen.append(event)

    @hookimpl
    def post_gc(self, event: PostGc) -> None:
        """Remember."""
        self.seen.append(event)


class Refuser:
    """A plug-in that allows no commit without a source."""

    @hookimpl
    def pre_commit(self, event: PreCommit) -> None:
        """Refuse."""
        if "source" not in event.properties:
            raise refusal(event, "it has no property 'source'", hint="add `-p source=URL`")


class Broken:
    """A plug-in with a bug in everything it does."""

    @hookimpl
    def pre_gc(self) -> None:
        """Fail."""
        raise ZeroDivisionError("division by zero")

    @hookimpl
    def post_gc(self) -> None:
        """Fail."""
        raise ZeroDivisionError("division by zero")


def test_a_plugin_is_told_of_the_event() -> None:
    """The event arrives as it was fired: frozen values, the same object."""
    recorder = Recorder()
    hooks = Hooks(recorder, installed=False)

    hooks.pre_gc(PRE_GC)
    notes = hooks.post_gc(POST_GC)

    assert recorder.seen == [PRE_GC, POST_GC]
    assert notes == ()


def test_a_pre_hook_refuses_with_its_reason() -> None:
    """A policy stops the command, and the user reads what it wants and what to do."""
    hooks = Hooks(Refuser(), installed=False)

    with pytest.raises(HookRefusedError) as caught:
        hooks.pre_commit(PRE_COMMIT)

    assert caught.value.as_dict() == {
        "code": "hook-refused",
        "what": "cannot commit 'roads'",
        "why": "it has no property 'source'",
        "hint": "add `-p source=URL`",
    }


def test_a_pre_hook_that_crashes_stops_the_command() -> None:
    """A policy that could not decide has not agreed; its plug-in is named."""
    hooks = Hooks(Broken(), installed=False)

    with pytest.raises(HookRefusedError) as caught:
        hooks.pre_gc(PRE_GC)

    assert caught.value.code == "hook-failed"
    assert "Broken" in str(caught.value)
    assert "ZeroDivisionError: division by zero" in str(caught.value)


def test_a_post_hook_that_crashes_is_a_note_and_hides_no_other() -> None:
    """What is done is done: the command succeeds, every other plug-in still hears of it."""
    first, last = Recorder(), Recorder()
    hooks = Hooks(first, Broken(), last, installed=False)

    notes = hooks.post_gc(POST_GC)

    assert first.seen == [POST_GC]
    assert last.seen == [POST_GC]
    assert len(notes) == 1
    assert "the hook post_gc of plug-in" in notes[0]


def test_without_plugins_nothing_happens() -> None:
    """The common case: no plug-in is installed, and every point is a no-op."""
    hooks = Hooks(installed=False)

    hooks.pre_remove(PreRemove(REPOSITORY, (SUBJECT,)))

    assert hooks.post_gc(POST_GC) == ()


def test_every_point_has_an_event_of_its_name() -> None:
    """`pre_commit` is fired with a `PreCommit`, so nobody has to look up what a point is told."""
    points = {name for name in dir(specs) if name.startswith(("pre_", "post_"))}

    expected = {name.replace("_", " ").title().replace(" ", "") for name in points}

    assert expected == {name for name in dir(event_values) if name.startswith(("Pre", "Post"))}
    assert points == {name for name in dir(Hooks) if name.startswith(("pre_", "post_"))}


def test_a_subject_reads_as_a_spec() -> None:
    """What a message shows can be pasted behind `cas show`."""
    assert str(SUBJECT) == "roads@000000000000"
    assert (
        str(PreRemove(REPOSITORY, (SUBJECT, SUBJECT))) == "remove 'roads@000000000000', 'roads@000000000000'"
    )
