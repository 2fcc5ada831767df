"""The promises of `cas.hooks`: pre-hooks stop a command, post-hooks cannot, and everybody is named."""

from __future__ import annotations

import threading

import pytest

from cas.errors import HookRefusedError
from cas.hooks import Hooks, PostGc, PreCommit, PreGc, PreRemove, hookimpl, refusal, specs
from cas.hooks import events as event_values
from cas.hooks.calls import HookCall, Kind, Outcome
from cas.hooks.events import POINTS
from tests.hooks.samples import EVENTS, POST_GC, PRE_COMMIT, PRE_GC, REPOSITORY, SUBJECT


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
    assert points == set(POINTS)
    assert [POINTS[point] for point in POINTS] == [type(event) for event in EVENTS]


def test_every_point_reaches_its_hooks() -> None:
    """A method that fired another point would switch a policy off."""
    heard = []

    class Everything:
        """Hears all."""

    for point in POINTS:

        def implementation(event: object, point: str = point) -> None:
            heard.append((point, event))

        setattr(Everything, point, staticmethod(hookimpl(implementation, specname=point)))
    hooks = Hooks(Everything, installed=False)

    for point, event in zip(POINTS, EVENTS, strict=True):
        getattr(hooks, point)(event)

    assert list(zip(POINTS, EVENTS, strict=True)) == heard


class Leaver:
    """A plug-in that ends the program, or would like to."""

    @hookimpl
    def pre_gc(self) -> None:
        """Leave as if all were well."""
        raise SystemExit(0)

    @hookimpl
    def post_gc(self) -> None:
        """Refuse what is over."""
        raise HookRefusedError("cannot collect garbage", code="hook-refused", why="too late")


def test_a_pre_hook_that_exits_stops_the_command() -> None:
    """`sys.exit(0)` in a plug-in must not pass for success of a command that did nothing."""
    with pytest.raises(HookRefusedError) as caught:
        Hooks(Leaver(), installed=False).pre_gc(PRE_GC)

    assert ("hook-failed", "the hook pre_gc of plug-in 'Leaver' failed: SystemExit: 0") == (
        caught.value.code,
        caught.value.why,
    )


def test_a_post_hook_cannot_refuse() -> None:
    """It may try; that is a note like any other failure."""
    (note,) = Hooks(Leaver(), installed=False).post_gc(POST_GC)

    assert note.startswith("the hook post_gc of plug-in 'Leaver' failed: HookRefusedError:")


def test_after_a_refusal_no_other_hook_is_asked() -> None:
    """The command is over; what comes later might count on its having been approved."""
    recorder = Recorder()

    with pytest.raises(HookRefusedError):
        Hooks(recorder, Broken(), installed=False).pre_gc(PRE_GC)

    assert recorder.seen == []


def test_built_in_hooks_are_asked_first() -> None:
    """They are cheap and say what this repository asks for."""
    order = []

    class Named:
        """Says when it is called."""

        def __init__(self, name: str) -> None:
            self.name = name

        @hookimpl(tryfirst=True)
        def pre_gc(self) -> None:
            order.append(self.name)

    class Plain:
        """A plug-in as packages have them."""

        @hookimpl
        def pre_gc(self) -> None:
            order.append("plug-in")

    hooks = Hooks(Plain(), built_in={"policy": Named("policy")}, installed=False)
    hooks.pre_gc(PRE_GC)

    assert order == ["policy", "plug-in"]
    assert [(Kind.BUILT_IN, "policy"), (Kind.PLUGIN, "Plain")] == [
        (hook.kind, hook.name) for hook in hooks.listing()
    ]


def test_every_call_is_traced() -> None:
    """Point, hook, outcome, in the order of the calls; and the one that stopped the command, too."""
    traced: list[HookCall] = []
    hooks = Hooks(Recorder(), Refuser(), Broken(), installed=False, trace=traced.append)

    hooks.post_gc(POST_GC)
    with pytest.raises(HookRefusedError):
        hooks.pre_commit(PRE_COMMIT)

    assert [
        (
            "post_gc",
            "Broken",
            Outcome.FAILED,
            "the hook post_gc of plug-in 'Broken' failed: ZeroDivisionError: division by zero",
        ),
        ("post_gc", "Recorder", Outcome.AGREED, ""),
        ("pre_commit", "Refuser", Outcome.REFUSED, "it has no property 'source'"),
    ] == [(call.point, call.hook.name, call.outcome, call.reason) for call in traced]
    assert all(call.seconds >= 0 for call in traced)


def test_a_trial_asks_everybody() -> None:
    """Whoever tests hooks wants to hear all of them, not the first that refuses."""
    recorder = Recorder()
    hooks = Hooks(recorder, Broken(), installed=False)

    calls = hooks.try_out("pre_gc", PRE_GC)

    assert [Outcome.FAILED, Outcome.AGREED] == [call.outcome for call in calls]
    assert recorder.seen == [PRE_GC]


def test_two_plugins_of_one_class_are_told_apart() -> None:
    """Both are called, and a message says which."""
    hooks = Hooks(Recorder(), Recorder(), installed=False)

    assert ["Recorder 2", "Recorder"] == [hook.name for hook in hooks.listing() if hook.point == "pre_gc"]


def test_threads_share_hooks() -> None:
    """Modules of a graph run side by side, and the first event of each gathers the same hooks."""
    recorder = Recorder()
    hooks = Hooks(recorder)
    threads = [threading.Thread(target=hooks.pre_gc, args=(PRE_GC,)) for _ in range(8)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert recorder.seen == [PRE_GC] * 8


def test_a_subject_reads_as_a_spec() -> None:
    """What a message shows can be pasted behind `cas show`."""
    assert str(SUBJECT) == "roads@000102030405"
    assert (
        str(PreRemove(REPOSITORY, (SUBJECT, SUBJECT))) == "remove 'roads@000102030405', 'roads@000102030405'"
    )
