"""run: wiring, wording, exit status, JSON."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from cas.cli.commands.run import run as command
from tests.cli import shapes

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Run

LINES = ("run", "-o", "count", "-i", "text=notes", "-p", "unit=lines", "--")
COUNT = ("sh", "-c", "wc -l < {inputs.text} > {outputs.count}")


@pytest.fixture(autouse=True)
def notes(run: Run, here: Path) -> Path:
    """A repository with a resource to count in."""
    (here / "notes.txt").write_text("one\ntwo\n")
    assert run("init").code == 0
    assert run("commit", "notes", "notes.txt", "-p", "v=1").code == 0
    return here / "notes.txt"


def test_a_command_is_run_once(run: Run) -> None:
    """The first time it says what it built, the second that there was nothing to do."""
    first = run(*LINES, *COUNT)
    second = run(*LINES, *COUNT)

    assert (first.code, second.code) == (0, 0)
    assert re.fullmatch(r"built count@[0-9a-f]{12}  \(\d B in \d+\.\d s\)\n", first.out)
    assert re.fullmatch(r"nothing to do: count@[0-9a-f]{12} is there\n", second.out)
    assert run("cat", "count").out.strip() == "2"
    assert not first.err


def test_the_version_is_that_of_a_commit_with_the_same_recipe(run: Run) -> None:
    """`cas id` says it before, and who committed it by hand has saved the run."""
    wanted = run("id", "-i", "text=notes", "-p", "unit=lines", "--json").document["version"]

    run(*LINES, *COUNT)

    shown = run("show", "count", "--json").document
    assert shown["version"] == wanted
    assert list(shown["inputs"]) == ["text"]
    assert shown["properties"] == {"unit": "lines"}
    assert shown["origin"].startswith("ann@")


def test_it_runs_here(run: Run, here: Path) -> None:
    """Relative paths mean what they mean on the command line."""
    (here / "local.txt").write_text("local\n")

    assert run("run", "-o", "copy", "-p", "a=b", "--", "cp", "local.txt", "{outputs.copy}").code == 0

    assert run("cat", "copy").out == "local\n"


def test_outputs_may_be_several_and_directories(run: Run) -> None:
    """Each has a role; --type is for all of them."""
    shown = run(
        *(
            "run",
            "--json",
            "-o",
            "site/pages",
            "-o",
            "log=site/log",
            "-p",
            "a=b",
            "--type",
            "directory",
            "--",
        ),
        *("sh", "-c", "mkdir {outputs.pages} {outputs.log}; touch {outputs.pages}/index"),
    )

    shapes.require(shown.document, command.shape)
    assert [one["name"] for one in shown.document["outputs"]] == ["site/pages", "site/log"]
    assert run("tree", "site/pages", "-q").out == "index\n"


def test_quiet_gives_references(run: Run) -> None:
    """Whether it ran or not, a script gets what it asked for."""
    first = run("-q", *LINES, *COUNT)
    second = run("-q", *LINES, *COUNT)

    assert re.fullmatch(r"count@[0-9a-f]{12}\n", first.out)
    assert first.out == second.out


def test_a_command_that_fails_is_an_error(run: Run) -> None:
    """Exit 1, the end of what it said, nothing stored; as JSON too."""
    shown = run(*LINES, "sh", "-c", "echo no such luck >&2; exit 5")
    as_json = run("--json", *LINES, "sh", "-c", "exit 5")

    assert shown.code == 1
    assert shown.err.startswith("error: module 'count' failed\n  why: `sh -c ")
    assert "exited with status 5; it said:\n       no such luck\n" in shown.err
    assert as_json.error["code"] == "command-failed"
    assert not as_json.out
    assert run("ls", "-q").out == "notes\n"


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["-o", "a", "-p", "b=c"], 2, "needs CMD"),
        (["--", "true"], 2, "needs --output"),
        (["-o", "a", "--", "true"], 2, "neither"),
        (["-o", "a", "-p", "b=c", "--", "cat", "{inputs.x}"], 2, "inputs.x"),
        (["-o", "a", "-i", "nothing", "--", "true"], 3, "nothing"),
        (["-o", "a", "-p", "b=c", "--type", "novel", "--", "true"], 3, "novel"),
        (["-o", "a", "-p", "b=c", "--", "true"], 1, "did not make its output 'a'"),
        (["-o", "a", "-p", "b=c", "--", "no-such-program"], 1, "on PATH"),
    ],
)
def test_wrong_usage_says_what_is_wrong(run: Run, words: list[str], code: int, told: str) -> None:
    """Before anything runs where it can be known, afterwards where it cannot."""
    shown = run("run", *words)

    assert shown.code == code, shown.err
    assert told in shown.err
