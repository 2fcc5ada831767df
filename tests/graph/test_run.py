"""Runs: what is built, what is skipped, what a failure stops, and two runs at once."""

from __future__ import annotations

import io
import os
import select
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cas.graph.graph import Graph
from cas.graph.lock import BuildLock
from cas.graph.module import External
from cas.graph.programs import Programs
from cas.graph.run import run
from cas.graph.workshop import Manner
from cas.hooks import PostRun, PreRun, hookimpl, refusal
from cas.layout import Layout
from cas.repo import Repository
from cas.resources.files import FileResource
from cas.resources.optional import OptionalResource
from cas.resources.values import BuildParamsResource
from tests.graph.pipelines import PATH, Witness, build, leftovers, make, names, planned, read, states
from tests.processes import say, start

if TYPE_CHECKING:
    from cas.graph.module import Module, TaskContext
    from cas.graph.outcome import ModuleResult

WRITE = 'echo "$0" > "$CAS_OUTPUT"'


def chain(tail: str = "cat {inputs.middle} > {outputs.last}") -> list[Module]:
    """Three modules, one after the other."""
    return [
        make("first", "echo 1 > {outputs.first}"),
        make("middle", "cat {inputs.first} > {outputs.middle}", inputs="first"),
        make("last", tail, inputs="middle"),
    ]


def test_everything_is_built_and_then_nothing(home: Path) -> None:
    """A second run of the same graph finds every version there."""
    first = build(home, *chain())
    second = build(home, *chain())

    assert set(states(first).values()) == {"built"}
    assert set(states(second).values()) == {"skipped"}
    assert read(home, "last") == "1\n"
    assert leftovers(home) == []


def test_a_run_that_was_cut_short_is_resumed(home: Path) -> None:
    """What was built before a failure is not built again."""
    build(home, *chain(tail="exit 1"))

    report = build(home, *chain())

    assert states(report) == {"first": "skipped", "middle": "skipped", "last": "built"}


def test_a_failure_stops_only_what_needs_it(home: Path) -> None:
    """The others go on; the report says who failed, who did not run, and because of whom."""
    report = build(
        home,
        make("bad", "echo oops; exit 3"),
        make("after", WRITE, inputs="bad"),
        make("after_that", WRITE, inputs="after"),
        make("good", WRITE),
        make("fine", WRITE, inputs="good"),
    )

    assert states(report) == {
        "bad": "failed",
        "after": "not-run",
        "after_that": "not-run",
        "good": "built",
        "fine": "built",
    }
    by_name = {one.module: one for one in report.modules}
    assert by_name["after_that"].blockers == ("bad",)
    error = by_name["bad"].error
    assert error is not None
    assert error.why is not None
    assert error.why.endswith("exited with status 3; it said:\noops")
    assert names(home) == ["fine", "good"]
    assert leftovers(home) == []


def test_independent_modules_run_together(home: Path) -> None:
    """With two jobs, two modules can meet."""
    barrier = threading.Barrier(2, timeout=60)

    def meet(context: TaskContext) -> None:
        barrier.wait()
        context.outputs[context.module].path().write_text("met")

    report = build(home, make("a", meet), make("b", meet), jobs=2)

    assert states(report) == {"a": "built", "b": "built"}


def test_modules_that_share_an_input_run_together(home: Path) -> None:
    """Each makes the same file for all, at the same moment, which must not be in the way of the others."""
    with Repository.open(home) as repository:
        repository.commit("raw", io.BytesIO(b"shared"), properties={"v": 1})
    barrier = threading.Barrier(4, timeout=60)

    def copy(context: TaskContext) -> None:
        barrier.wait()
        output = context.outputs[context.module].path()
        output.write_text(context.inputs["raw"].path().read_text())

    modules = [make(f"m{number}", copy, inputs="raw", number=number) for number in range(40)]
    report = build(home, *modules, jobs=4)

    assert set(states(report).values()) == {"built"}


def test_gc_in_the_middle_of_a_run_takes_nothing_of_it(home: Path) -> None:
    """Somebody may collect at any time: the workspace, the inputs and the lock are those of a living run."""
    with Repository.open(home) as repository:
        raw = repository.commit("raw", io.BytesIO(b"bytes"), properties={"v": 1}).version

    def collect(context: TaskContext) -> None:
        with Repository.open(home) as repository:
            repository.remove([raw.ref])
            repository.gc()
            lock = BuildLock(repository.layout, [("copy", context.outputs["copy"].version)])
            assert not lock.acquire()
        context.outputs["copy"].path().write_bytes(context.inputs["raw"].path().read_bytes())

    build(home, make("copy", collect, inputs="raw"))

    assert read(home, "copy") == "bytes"


def test_a_run_keeps_to_the_versions_it_began_with(home: Path) -> None:
    """What is committed in the middle of a run is for the next one."""
    with Repository.open(home) as repository:
        pinned = repository.commit("raw", io.BytesIO(b"old"), properties={"v": 1}).version

    def commit_and_copy(context: TaskContext) -> None:
        with Repository.open(home) as repository:
            repository.commit("raw", io.BytesIO(b"new"), properties={"v": 2})
        context.outputs["copy"].path().write_text(context.inputs["raw"].path().read_text())

    build(
        home,
        make("copy", commit_and_copy, inputs="raw"),
        make("again", "cat {inputs.raw} > {outputs.again}", inputs=["copy", "raw"]),
    )

    assert read(home, "raw") == "new"
    assert read(home, "copy") == "old"
    assert read(home, "again") == "old"
    with Repository.open(home) as repository:
        assert repository.resolve("again").inputs["raw"] == pinned.version


def test_an_input_that_was_removed_meanwhile_is_named(home: Path) -> None:
    """The plan counted on it; the error says what happened, and the next run builds it again."""
    modules = chain()
    build(home, *modules, targets=["first"])

    def remove(context: TaskContext) -> None:
        with Repository.open(home) as repository:
            repository.remove(["first"])
        context.outputs["zero"].path().touch()

    report = build(home, make("zero", remove), make("middle", WRITE, inputs=["zero", "first"]), modules[0])

    error = next(one.error for one in report.modules if one.module == "middle")
    assert error is not None
    assert error.code == "input-gone"


def test_build_parameters_and_empty_optionals_become_versions(home: Path) -> None:
    """What has no payload is committed too, so that the lineage of what is built knows all its inputs."""
    script = '[ ! -e {inputs.extra} ]; echo {inputs.params[city]} > "$CAS_OUTPUT"'
    externals = [
        External("params", resource=BuildParamsResource("params"), properties={"city": "Oslo"}),
        External("extra", resource=OptionalResource(FileResource("extra"))),
    ]

    build(home, make("page", script, inputs=["params", "extra"]), externals=externals)

    assert read(home, "page") == "Oslo\n"
    with Repository.open(home) as repository:
        inputs = repository.resolve("page").inputs
        assert inputs["params"] == repository.resolve("params").version
        assert inputs["extra"] == repository.resolve("extra").version
        assert repository.resolve("extra").properties == {"is_empty": True}


def test_a_forced_build_puts_the_new_in_the_place_of_the_old(home: Path) -> None:
    """Only --force may do that; a target that is there and makes the same bytes changes nothing."""
    build(home, make("a", "echo 1 > {outputs.a}"))

    report = build(home, make("a", "echo 2 > {outputs.a}"), force=True)

    assert states(report) == {"a": "built"}
    assert report.modules[0].made[0].outcome == "replaced"
    assert read(home, "a") == "2\n"


@pytest.mark.parametrize("builds", [True, False])
def test_somebody_elses_build_is_waited_for(home: Path, builds: bool) -> None:
    """When the other is done the module is there; when the other gave up, it is built here."""
    layout = Layout.at(home)
    modules = [make("shared", "echo ours > {outputs.shared}"), make("other", "echo o > {outputs.other}")]
    with Repository.open(home) as repository:
        step = planned(home, Graph(modules)).steps[1]
        assert step.module.name == "shared"
        lock = BuildLock(layout, [(one.name, one.version) for one in step.outputs])
        assert lock.acquire()

        class Other(Witness):
            """Somebody who ends when `other` is built and it is known that `shared` is waited for."""

            def ended(self, result: ModuleResult) -> None:
                super().ended(result)
                if builds:
                    properties = modules[0].properties
                    repository.commit("shared", io.BytesIO(b"theirs\n"), properties=properties)

            def waiting(self, module: str) -> None:
                super().waiting(module)
                lock.release()

        witness = Other()
        report = build(home, *modules, witness=witness)

    assert witness.waited_for == ["shared"]
    assert states(report) == {"other": "built", "shared": "skipped" if builds else "built"}
    assert read(home, "shared") == ("theirs\n" if builds else "ours\n")


class Speaker(Witness):
    """Says aloud that it waits."""

    def waiting(self, module: str) -> None:
        """Tell the parent process."""
        say("waiting", module)


def slow(desk: Path) -> Module:
    """Write half of the output, tell `ready`, and go on when somebody opens `gate`."""
    script = f"""
        echo $$ >> {desk}/built
        echo half > "$CAS_OUTPUT"
        echo > {desk}/ready
        read line < {desk}/gate
        echo whole > "$CAS_OUTPUT"
    """
    return make("slow", script)


def build_slowly(home: str, desk: str) -> None:
    """Build in a process of its own."""
    report = build(Path(home), make("quick", WRITE), slow(Path(desk)), witness=Speaker())
    say(*states(report).values())


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """Room for what processes tell each other."""
    folder = tmp_path / "desk"
    folder.mkdir()
    for name in ("ready", "gate"):
        os.mkfifo(folder / name)
    return folder


def end(process: int) -> None:
    """Kill a process that is no child of ours, and wait until it is dead."""
    handle = os.pidfd_open(process)
    signal.pidfd_send_signal(handle, signal.SIGKILL)
    select.select([handle], [], [])
    os.close(handle)


def test_two_runs_at_once_build_each_output_once(home: Path, desk: Path) -> None:
    """The second waits for the first, finds what it made, and builds nothing."""
    with start(build_slowly, home, desk) as first:
        (desk / "ready").read_text()
        with start(build_slowly, home, desk) as second:
            assert first.stdout is not None
            assert second.stdout is not None
            assert second.stdout.readline() == "waiting slow\n"
            (desk / "gate").write_text("go\n")

            assert first.stdout.read() == "built built\n"
            assert second.stdout.read() == "skipped skipped\n"

    assert len((desk / "built").read_text().splitlines()) == 1
    assert read(home, "slow") == "whole\n"


def test_a_run_that_is_killed_is_taken_over_at_once(home: Path, desk: Path) -> None:
    """After SIGKILL in a module nothing half-made is visible, and the run that waited builds it."""
    with start(build_slowly, home, desk) as first:
        (desk / "ready").read_text()
        with start(build_slowly, home, desk) as second:
            assert second.stdout is not None
            assert second.stdout.readline() == "waiting slow\n"
            orphan = int((desk / "built").read_text())
            first.kill()
            first.wait()
            end(orphan)
            assert names(home) == ["quick"]

            (desk / "ready").read_text()
            (desk / "gate").write_text("go\n")
            assert second.stdout.read() == "skipped built\n"

    assert read(home, "slow") == "whole\n"
    with Repository.open(home) as repository:
        assert repository.verify().problems == ()
        repository.gc()
    assert leftovers(home) == []


def test_an_interrupt_stops_programs_and_clears_up(home: Path) -> None:
    """Whoever presses Ctrl-C wants nothing to go on; what was built stays, nothing else does."""

    class Impatient(Witness):
        """Interrupts the main thread once a module is built."""

        def ended(self, result: ModuleResult) -> None:
            super().ended(result)
            if result.state == "built":
                os.kill(os.getpid(), signal.SIGINT)

    witness = Impatient()
    modules = [
        make("a", WRITE),
        make("b", "while :; do :; done", inputs="a"),
        make("c", "while :; do :; done"),
    ]

    with pytest.raises(KeyboardInterrupt):
        build(home, *modules, jobs=2, witness=witness)

    assert {one.module: one.error and one.error.code for one in witness.results if one.module != "b"} == {
        "a": None,
        "c": "command-stopped",
    }
    assert names(home) == ["a"]
    assert leftovers(home) == []


class Guard:
    """A plug-in that remembers runs, and refuses one."""

    def __init__(self) -> None:
        self.before: list[PreRun] = []
        self.after: list[PostRun] = []

    @hookimpl
    def pre_run(self, event: PreRun) -> None:
        """Refuse `forbidden`."""
        self.before.append(event)
        if event.module == "forbidden":
            raise refusal(event, "nobody may")

    @hookimpl
    def post_run(self, event: PostRun) -> None:
        """Remember, and fail."""
        self.after.append(event)
        raise ValueError(event.module)


def test_hooks_are_told_about_runs(home: Path) -> None:
    """They may refuse a module, which stops what needs it; afterwards they can only complain."""
    guard = Guard()

    def opener() -> Repository:
        repository = Repository.open(home)
        repository.set_hooks(guard)
        return repository

    modules = [make("forbidden", WRITE), make("needs_it", WRITE, inputs="forbidden"), make("free", WRITE)]
    modules.append(make("broken", "exit 1"))
    report = run(opener, planned(home, Graph(modules)), Manner(Programs(PATH)))

    by_name = {one.module: one for one in report.modules}
    assert states(report) == {
        "broken": "failed",
        "forbidden": "failed",
        "free": "built",
        "needs_it": "not-run",
    }
    assert str(by_name["forbidden"].error) == "cannot run 'forbidden': nobody may"
    assert [event.module for event in guard.before] == ["broken", "forbidden", "free"]
    assert [(event.module, event.built) for event in guard.after] == [("broken", False), ("free", True)]
    assert [str(subject) for subject in guard.after[1].outputs] == [by_name["free"].outputs[0].ref]
    assert len(by_name["free"].notes) == 1
    assert "ValueError: free" in by_name["free"].notes[0]
