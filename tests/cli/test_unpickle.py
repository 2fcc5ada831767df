"""Python values: `cas cat --unpickle` and `load()` run what is in them, and nothing else ever does."""

from __future__ import annotations

import io
import os
import pickle
from typing import TYPE_CHECKING, Any

import pytest
import typer

from cas.cli.app import app
from cas.cli.render.shapes import CAT
from cas.repo import Repository
from cas.resources.environment import Environment
from cas.resources.optional import OptionalResource
from cas.resources.registry import resource_type
from cas.resources.values import PythonResource
from cas.worktree.link import Link
from tests.cli import shapes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.cli.conftest import Run

PROPERTIES = {"region": "ru"}

COMMANDS = {
    "init": ["init other"],
    "commit": ["commit values/evil evil.pickle -p region=ru", "commit copy evil.pickle -i values/evil"],
    "checkout": ["checkout values/evil out", "checkout values/evil linked --link hardlink"],
    "status": ["status", "status out"],
    "ls": ["ls", "ls --versions", "ls --json", "ls --files"],
    "tree": ["tree values/evil", "tree values/evil --json"],
    "cat": ["cat values/evil", "cat values/evil --json"],
    "show": ["show values/evil", "show values/evil --json"],
    "log": ["log", "log values/evil"],
    "diff": ["diff values/evil values/evil@~1"],
    "find": ["find region=ru"],
    "id": ["id -p region=ru -i values/evil"],
    "build": ["build pipeline.yaml --dry-run", "build pipeline.yaml", "build pipeline.yaml --check"],
    "run": ["run -o sizes -i values/evil -p a=1 -- sh -c 'echo 5 > {outputs.sizes}'"],
    "why": ["why values/evil", "why values/evil values/evil@~1"],
    "lineage": [f"lineage values/evil --format {form}" for form in ("text", "json", "dot", "svg")],
    "scan": ["scan sources.yaml"],
    "resources list": ["resources list"],
    "resources download": ["resources download evil"],
    "resources check": ["resources check"],
    "layer list": ["layer list"],
    "layer add": ["layer add work"],
    "layer move": ["layer move work --below main"],
    "layer remove": ["layer remove work"],
    "which": ["which values/evil", "which values/evil --json"],
    "path": ["path values/evil", "path --writable work"],
    "hide": ["hide values/evil"],
    "unhide": ["unhide values/evil"],
    "tag": ["tag values/evil good", "tag --delete values/evil@good"],
    "remove": ["remove values/evil --force"],
    "restore": ["restore values/evil"],
    "gc": ["gc --dry-run", "gc"],
    "verify": ["verify --quick", "verify", "verify --repair"],
    "recover": ["recover"],
    "stats": ["stats"],
    "hooks list": ["hooks list"],
    "hooks run": ["hooks run post_commit"],
    "demo": ["demo"],
}
"""Command → ways to run it on a hostile value, all of which succeed; in an order in which they can be run."""

PIPELINE = """
resources: {values/evil: {type: python}}
modules:
  look: {inputs: {evil: values/evil}, outputs: seen, run: 'echo seen > {outputs.seen}', set: {n: 1}}
"""

SOURCES = """
resources: [{name: "scanned/{x}", path: "{x}.pickle"}]
"""


class Evil:
    """Leaves a mark when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (os.fspath(self.mark),)


def store(repository: Repository, payload: bytes) -> None:
    repository.commit("values/evil", io.BytesIO(payload), type="python", properties={"region": "fi"})
    repository.commit("values/evil", io.BytesIO(payload), type="python", properties=PROPERTIES)


@pytest.fixture
def mark(here: Path) -> Path:
    """What a hostile value makes when it is unpickled; a repository here has two versions of such a value."""
    mark = here / "executed"
    payload = pickle.dumps(Evil(mark))
    (here / "evil.pickle").write_bytes(payload)
    (here / "pipeline.yaml").write_text(PIPELINE)
    (here / "sources.yaml").write_text(SOURCES)
    (here / "remote.yaml").write_text(
        f"[{{name: evil, dst_path: far.pickle, url: 'file://{here}/evil.pickle'}}]"
    )
    with Repository.init(here) as repository:
        store(repository, payload)
    return mark


def split(line: str) -> list[str]:
    head, quote, tail = line.partition("'")
    return [*head.split(), *([tail.rstrip("'")] if quote else [])]


def test_no_command_unpickles(run: Run, mark: Path) -> None:
    """Every command there is, on a value that would leave a mark; the last step shows that it does."""
    known = [*COMMANDS, "mount"]  # which goes on until it is stopped: tests/cli/test_mount_command.py
    assert sorted(known) == sorted(app.list_commands(typer.Context(app))), "say how a new command behaves"

    for lines in COMMANDS.values():
        for line in lines:
            done = run(*split(line))
            assert done.code == 0, f"{line}: {done.err}"
            assert not mark.exists(), line

    run("cat", "values/evil", "--unpickle")
    assert mark.is_dir()


def calls(repository: Repository, folder: Path) -> Iterator[Callable[[], object]]:
    """Everything of the API that reads."""
    evil = repository.resolve("values/evil")
    yield repository.names
    yield lambda: repository.versions("values/evil", include_removed=True)
    yield lambda: repository.lookup([("values/evil", evil.version)])
    yield repository.log
    yield lambda: list(repository.tree("values/evil"))
    yield lambda: repository.read("values/evil")
    yield lambda: list(repository.stream("values/evil"))
    yield lambda: repository.diff("values/evil", "values/evil@~1")
    yield lambda: repository.find(PROPERTIES)
    yield lambda: repository.checkout("values/evil", folder / "out")
    yield repository.status
    yield lambda: repository.version_id(PROPERTIES)
    yield repository.verify
    yield repository.stats
    yield evil.as_dict
    with repository.session() as session:
        yield lambda: repository.place(evil, folder / "placed", session=session, link=Link.COPY)
    yield lambda: [repository.remove(["values/evil"]), repository.restore("values/evil")]
    yield repository.gc


def test_no_call_of_the_api_unpickles_but_load(mark: Path, tmp_path: Path) -> None:
    """Making it available does not, either: that is done before a module runs that may never look at it."""
    with Repository.open(mark.parent) as repository:
        for call in calls(repository, tmp_path):
            call()
            assert not mark.exists()
        for resource in (
            resource_type("python")("values/evil"),
            OptionalResource(PythonResource("values/evil")),
        ):
            resource.register(PROPERTIES)
            resource.load_environment_settings(Environment(repository, tmp_path, lambda _: None))
            resource.ensure_available()
            pickle.dumps(repr(resource))
            assert not mark.exists()
            found: Any = resource
            found.load()
            assert mark.is_dir()
            mark.rmdir()
            resource.clean()


@pytest.fixture
def value(here: Path) -> str:
    """A repository here, with a harmless value; its name."""
    with Repository.init(here) as repository:
        data = pickle.dumps({"weights": [0.5, None], "name": "é\x1b[31m"})
        repository.commit("model", io.BytesIO(data), type="python", properties=PROPERTIES)
        repository.commit("text", io.BytesIO(b"plain"), properties=PROPERTIES)
    return "model"


def test_cat_unpickle_shows_the_value(run: Run, value: str) -> None:
    """As `repr` does; standard error says that code ran, and nothing is asked."""
    done = run("cat", value, "--unpickle")

    assert done.code == 0
    assert done.out == "{'weights': [0.5, None], 'name': 'é\\x1b[31m'}\n"
    assert done.err.startswith("note: running code from the payload of 'model@")


def test_cat_unpickle_as_json(run: Run, value: str) -> None:
    """The document of `cas cat`, with another encoding."""
    document = run("cat", value, "--unpickle", "--json").document

    shapes.require(document, CAT)
    assert (document["encoding"], document["path"]) == ("repr", None)
    assert document["data"].startswith("{'weights'")
    assert document["size"] == run("show", value, "--json").document["size"]


def test_cat_without_unpickle_gives_the_bytes(run: Run, value: str) -> None:
    """They are data like any other."""
    assert pickle.loads(run("cat", value).out.encode("utf-8", "surrogateescape"))  # noqa: S301 - made above


@pytest.mark.usefixtures("value")
def test_only_python_values_are_unpickled(run: Run) -> None:
    """A file that happens to be a pickle is not executed by a slip; the hint shows its bytes."""
    done = run("cat", "text", "--unpickle", "--json")

    assert done.code == 2
    assert done.error["code"] == "wrong-type"
    assert done.error["why"] == "it is of type 'file', and only what is of type 'python' is unpickled"
    assert done.error["hint"].startswith("cas cat text@")


def test_a_value_that_cannot_be_unpickled_is_an_error_of_three_lines(run: Run, here: Path) -> None:
    """Mostly a package is missing."""
    with Repository.init(here) as repository:
        repository.commit("model", io.BytesIO(b"cno_such_package\nthing\n."), type="python")

    done = run("cat", "model", "--unpickle")

    assert done.code == 2
    assert done.out == ""
    assert "error: cannot unpickle the value of 'model@" in done.err
    assert "  why: ModuleNotFoundError: No module named 'no_such_package'" in done.err
