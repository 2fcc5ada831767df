"""build: wiring, wording, exit status, JSON, and what a terminal shows."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest

from cas.cli.building import Watcher
from cas.cli.commands.build import build as command
from cas.cli.console import Console
from tests.cli import shapes
from tests.cli.conftest import arguments, environment, process
from tests.cli.test_process import _on_a_terminal as on_a_terminal

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Run

PIPELINE = """
resources:
  raw: {type: file}
  params: {type: build-params, properties: {city: Oslo}}
modules:
  upper:
    inputs: [raw]
    outputs: [text/upper]
    run: tr a-z A-Z < {inputs.raw} > {outputs.upper}
  page:
    inputs: {text: text/upper, params: params}
    outputs: [text/page]
    run: (echo {inputs.params[city]}; cat {inputs.text}) > {outputs.page}
  other:
    inputs: [raw]
    outputs: [text/other]
    set: {kind: other}
    run: OTHER
"""


@pytest.fixture
def pipeline(run: Run, here: Path) -> Path:
    """A pipeline in a repository that has its input."""
    (here / "raw.txt").write_text("hello\n")
    assert run("init").code == 0
    assert run("commit", "raw", "raw.txt", "-p", "v=1").code == 0
    return write(here, "cp {inputs.raw} {outputs.other}")


def write(here: Path, other: str) -> Path:
    """Write the pipeline with this command for the module `other`."""
    path = here / "pipeline.yaml"
    path.write_text(PIPELINE.replace("OTHER", other))
    return path


def table(out: str) -> list[list[str]]:
    """The first two columns of a table."""
    return [line.split()[:2] for line in out.splitlines()[1:-1]]


@pytest.mark.usefixtures("pipeline")
def test_build_says_what_became_of_each_module(run: Run) -> None:
    """A line for each module and one for all; the second time nothing is run."""
    first = run("build", "pipeline.yaml", "--jobs", "1")
    second = run("build", "pipeline.yaml")

    assert (first.code, second.code) == (0, 0)
    assert re.match(r"MODULE +ACTION +SECONDS +SIZE\n", first.out)
    assert table(first.out) == [["other", "built"], ["upper", "built"], ["page", "built"]]
    assert first.out.endswith("\nbuilt 3\n")
    assert table(second.out) == [["other", "skipped"], ["upper", "skipped"], ["page", "skipped"]]
    assert second.out.endswith("\nskipped 3\n")
    assert not first.err
    assert run("cat", "text/page").out == "Oslo\nHELLO\n"


@pytest.mark.usefixtures("pipeline")
def test_a_target_is_a_module_or_what_it_makes(run: Run) -> None:
    """Only it and what it needs is built; a slip is answered with what it may have been."""
    assert table(run("build", "pipeline.yaml", "text/upper").out) == [["upper", "built"]]
    assert table(run("build", "pipeline.yaml", "page").out) == [["upper", "skipped"], ["page", "built"]]

    slip = run("build", "pipeline.yaml", "pgae")

    assert slip.code == 3
    assert "did you mean 'page'" in slip.err


@pytest.mark.usefixtures("pipeline")
def test_a_dry_run_says_what_and_why(run: Run) -> None:
    """Reasons stand below the module; nothing is built, nor registered."""
    run("build", "pipeline.yaml", "upper")

    shown = run("build", "pipeline.yaml", "--dry-run")

    assert shown.code == 0
    assert re.search(r"^skip   upper$", shown.out, re.MULTILINE)
    assert re.search(r"^build  page\n         text/page@[0-9a-f]{12} is not there\n", shown.out, re.MULTILINE)
    assert shown.out.endswith("would build 2 of 3 modules\n")
    assert run("ls", "-q").out == "raw\ntext/upper\n"


@pytest.mark.usefixtures("pipeline")
def test_quiet_gives_references(run: Run) -> None:
    """For scripts: what was built, or would be."""
    pattern = r"text/other@[0-9a-f]{12}\ntext/upper@[0-9a-f]{12}\ntext/page@[0-9a-f]{12}\n"

    assert re.fullmatch(pattern, run("build", "pipeline.yaml", "-q", "--dry-run").out)
    assert re.fullmatch(pattern, run("build", "pipeline.yaml", "-q").out)
    assert run("build", "pipeline.yaml", "-q").out == ""


def test_a_failure_is_an_error_and_stops_only_what_needs_it(run: Run, pipeline: Path) -> None:
    """The table has it all, the errors follow as errors do, and the exit status says it."""
    pipeline.write_text(
        PIPELINE.replace("tr a-z", "echo no; exit 7; tr").replace("OTHER", "cp {inputs.raw} {outputs.other}")
    )

    shown = run("build", "pipeline.yaml")

    assert shown.code == 1
    assert table(shown.out) == [["other", "built"], ["upper", "failed"], ["page", "not"]]
    assert "needs upper" in shown.out
    assert shown.out.endswith("\nbuilt 1, failed 1, not run 1\n")
    assert shown.err.startswith("error: module 'upper' failed\n  why: `echo no; exit 7; tr A-Z")
    assert "exited with status 7; it said:\n       no\n" in shown.err


def test_json_of_every_way(run: Run, pipeline: Path) -> None:
    """One shape for plans, runs, failures and checks; failures are in it too, and the status tells."""
    plan = run("build", "pipeline.yaml", "--dry-run", "--json")
    built = run("build", "pipeline.yaml", "--json")
    check = run("build", "pipeline.yaml", "--check", "--json")
    write(pipeline.parent, "exit 1")
    run("remove", "text/other")
    failed = run("build", "pipeline.yaml", "--json")

    for shown in (plan, built, check, failed):
        shapes.require(shown.document, command.shape)
        assert not shown.err
    assert [one["state"] for one in plan.document] == ["would-build"] * 3
    assert [one["state"] for one in built.document] == ["built"] * 3
    assert [one["state"] for one in check.document] == ["same"] * 3
    assert [one["state"] for one in failed.document] == ["failed", "skipped", "skipped"]
    assert failed.code == 1
    assert failed.document[0]["error"]["code"] == "command-failed"
    content = run("show", "text/page", "--json").document["content"]
    assert built.document[2]["outputs"][0]["content"] == content


def test_check_finds_other_bytes(run: Run, pipeline: Path) -> None:
    """Exit 4, both content ids, and nothing is stored."""
    run("build", "pipeline.yaml")
    before = run("show", "text/other", "--json").document["content"]
    write(pipeline.parent, "echo other > {outputs.other}")

    shown = run("build", "pipeline.yaml", "--check")

    assert shown.code == 4
    assert table(shown.out)[:3] == [["other", "different"], ["upper", "same"], ["page", "same"]]
    assert re.search(
        rf"text/other@\w{{12}} came out with other bytes\n  stored  {before}\n  made    [0-9a-f]{{64}}\n",
        shown.out,
    )
    assert shown.out.endswith("\nsame 2, different 1\n")
    assert run("build", "pipeline.yaml", "--check", "-q").out.startswith("text/other@")
    assert run("show", "text/other", "--json").document["content"] == before


def test_force_puts_the_new_in_its_place(run: Run, pipeline: Path) -> None:
    """What a check found can be settled by hand."""
    run("build", "pipeline.yaml")
    write(pipeline.parent, "echo other > {outputs.other}")

    shown = run("build", "pipeline.yaml", "other", "--force")

    assert shown.code == 0
    assert run("cat", "text/other").out == "other\n"


@pytest.mark.usefixtures("pipeline")
@pytest.mark.parametrize("other", ["--force", "--dry-run"])
def test_check_goes_with_neither(run: Run, other: str) -> None:
    """Each would contradict it."""
    shown = run("build", "pipeline.yaml", "--check", other)

    assert shown.code == 2
    assert other in shown.err


def test_the_files_of_modules_can_be_kept(run: Run, pipeline: Path) -> None:
    """They are in cas-work, and a note says so."""
    shown = run("build", "pipeline.yaml", "other", "--keep-work")

    assert f"note: the files of other are in {pipeline.parent}/cas-work/other\n" in shown.err
    assert (pipeline.parent / "cas-work" / "other" / "work").is_dir()


def test_verbose_shows_what_programs_say(pipeline: Path) -> None:
    """As it comes, behind the module's name, on standard error; without -v nothing is shown."""
    write(pipeline.parent, "echo loud; printf '\\033[2J'; touch {outputs.other}")

    shown = process("build", "pipeline.yaml", "other", "-v")
    again = process("build", "pipeline.yaml", "other", "--force")

    assert "other: loud\n" in shown.err
    assert "\x1b" not in shown.err
    assert "loud" not in again.err


def test_a_large_pipeline_lists_what_was_done(run: Run, here: Path) -> None:
    """Of more than fifty modules those that were skipped are only counted."""
    run("init")
    module = "  mN: {outputs: {out: oN}, set: {n: N}, run: 'touch {outputs.out}'}\n"
    modules = [module.replace("N", str(number)) for number in range(51)]
    (here / "big.yaml").write_text(f"modules:\n{''.join(modules)}")
    run("build", "big.yaml", *(f"m{number}" for number in range(50)))

    shown = run("build", "big.yaml")

    assert table(shown.out) == [["m50", "built"]]
    assert shown.out.endswith("\nbuilt 1, skipped 50\n")
    assert run("build", "big.yaml").out == "skipped 51\n"


@pytest.mark.usefixtures("pipeline")
def test_a_terminal_shows_what_begins() -> None:
    """A line for each module that runs, on a terminal only, unless it is not wanted; the table fits."""
    shown = on_a_terminal(60, "build", "pipeline.yaml", "other")
    unwanted = on_a_terminal(60, "build", "pipeline.yaml", "page", "--no-progress")

    assert "[1/1] other …" in shown
    assert "[1/" not in unwanted
    plain = re.sub(r"\x1b\[[0-9;]*m", "", shown + unwanted)
    assert all(len(line) <= 60 for line in plain.splitlines())


def test_waiting_for_another_run_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    """Or it would look as if nothing happened."""
    Watcher(Console(), 2).waiting("slow")

    assert capsys.readouterr().err == "note: another run is building slow; waiting for it\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_programs_and_leaves_nothing(pipeline: Path, number: signal.Signals) -> None:
    """Exit 130; the children are gone, and so is what they wrote."""
    here = pipeline.parent
    os.mkfifo(here / "ready")
    write(here, "echo $$ > ready; while :; do :; done")
    with subprocess.Popen(
        arguments("build", "pipeline.yaml", "--jobs", "3"), stderr=subprocess.PIPE, env=environment()
    ) as running:
        child = int((here / "ready").read_text())
        running.send_signal(number)
        assert running.stderr is not None
        told = running.stderr.read().decode()
        assert running.wait() == 130

    assert told == "error: interrupted\n"
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)
    assert list((here / ".cas" / "tmp").iterdir()) == []
    assert list((here / ".cas" / "sessions").iterdir()) == []


def test_a_killed_build_is_completed_by_the_same_command(run: Run, pipeline: Path) -> None:
    """SIGKILL in the middle of a module: nothing half-stored is visible, and the next run does the rest."""
    here = pipeline.parent
    os.mkfifo(here / "ready")
    half = "echo half > {outputs.other}; echo $$ > ready; while :; do :; done"
    write(here, f"test -e again || {{ {half}; }}; echo whole > {{outputs.other}}")
    with subprocess.Popen(arguments("build", "pipeline.yaml", "-j1"), env=environment()) as running:
        child = int((here / "ready").read_text())
        running.kill()
        running.wait()
    os.killpg(child, signal.SIGKILL)
    assert run("ls", "-q").out == "params\nraw\n"
    assert run("verify").code == 0

    (here / "again").touch()
    done = process("build", "pipeline.yaml")

    assert done.code == 0
    assert done.out.endswith("\nbuilt 3\n")
    assert run("cat", "text/other").out == "whole\n"
    assert run("gc").code == 0
    assert list((here / ".cas" / "tmp").iterdir()) == []
    assert list((here / ".cas" / "sessions").iterdir()) == []
