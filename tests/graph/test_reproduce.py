"""Checking that the same version comes out with the same bytes, and storing nothing."""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING

from cas.graph.graph import Graph
from cas.graph.programs import Programs
from cas.graph.reproduce import check
from cas.graph.workshop import Manner
from cas.hooks import PostCommit, hookimpl
from cas.ids import BlobId
from cas.repo import Repository
from cas.resources.files import DirResource
from tests.graph.pipelines import PATH, build, leftovers, make, planned, read, states
from tests.repo.examples import state

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from cas.graph.module import Module
    from cas.graph.outcome import RunReport


class Witness:
    """A plug-in that remembers commits."""

    def __init__(self) -> None:
        self.names: list[str] = []

    @hookimpl
    def post_commit(self, event: PostCommit) -> None:
        """Remember it."""
        self.names.append(event.subject.name)


def checked(home: Path, *modules: Module, targets: Sequence[str] = (), jobs: int = 1) -> RunReport:
    """Check modules on the repository in `home`."""
    graph = Graph(modules)
    if targets:
        graph = graph.select(targets)
    manner = Manner(Programs(PATH), jobs=jobs)
    return check(partial(Repository.open, home), planned(home, graph), manner)


def test_what_is_made_alike_and_what_is_not(home: Path, tmp_path: Path) -> None:
    """A task that depends on anything but its inputs is found out, with both contents; nothing is stored."""
    (tmp_path / "chance").write_text("1")
    modules = [
        make("steady", "echo 1 > {outputs.steady}"),
        make("shaky", f"cp {tmp_path}/chance {{outputs.shaky}}", inputs="steady"),
        make("after", "cp {inputs.shaky} {outputs.after}", inputs="shaky"),
    ]
    build(home, *modules)
    (tmp_path / "chance").write_text("2")
    with Repository.open(home) as repository:
        before = state(repository)

        report = checked(home, *modules)

        assert state(repository) == before
    assert states(report) == {"steady": "same", "shaky": "different", "after": "same"}
    [mismatch] = next(one.mismatches for one in report.modules if one.module == "shaky")
    assert (mismatch.stored.id, mismatch.made.id) == (BlobId.of(b"1"), BlobId.of(b"2"))
    assert read(home, "shaky") == "1"
    assert leftovers(home) == []


def test_an_executable_bit_is_a_difference(home: Path, tmp_path: Path) -> None:
    """Whole directories are compared, not only the bytes of files."""
    (tmp_path / "mode").write_text("644")
    script = f"mkdir {{outputs.d}}; touch {{outputs.d}}/f; chmod $(cat {tmp_path}/mode) {{outputs.d}}/f"
    module = make("d", script, outputs=[DirResource("d")])
    build(home, module)
    assert states(checked(home, module)) == {"d": "same"}

    (tmp_path / "mode").write_text("755")

    assert states(checked(home, module)) == {"d": "different"}


def test_only_targets_that_are_stored_are_checked(home: Path) -> None:
    """There is nothing to compare with a version that was never made; a failure is a failure."""
    modules = [make("a", "touch {outputs.a}"), make("b", "touch {outputs.b}"), make("c", "touch {outputs.c}")]
    build(home, *modules, targets=["a", "c"])
    broken = make("c", "exit 1")

    report = checked(home, modules[0], modules[1], broken)
    alone = checked(home, *modules, targets=["a"])

    assert states(report) == {"a": "same", "b": "skipped", "c": "failed"}
    assert "nothing to compare with" in report.modules[1].reasons[0]
    assert states(alone) == {"a": "same"}


def test_modules_are_checked_at_the_same_time(home: Path) -> None:
    """All inputs are there, so even what needs each other can be checked together."""
    barrier = threading.Barrier(1)

    def meet(context: object) -> None:
        barrier.wait(60)
        for output in context.outputs.values():  # type: ignore[attr-defined]  # see TaskContext
            output.path().touch()

    modules = [make("a", meet), make("b", meet, inputs="a")]
    build(home, *modules)
    barrier = threading.Barrier(2)

    assert states(checked(home, *modules, jobs=2)) == {"a": "same", "b": "same"}


def test_no_hook_hears_of_a_check(home: Path) -> None:
    """Nothing is committed that anybody else could see."""
    witness = Witness()

    def opener() -> Repository:
        repository = Repository.open(home)
        repository.set_hooks(witness)
        return repository

    module = make("a", "touch {outputs.a}")
    build(home, module)

    check(opener, planned(home, Graph([module])), Manner(Programs(PATH)))

    assert witness.names == []
