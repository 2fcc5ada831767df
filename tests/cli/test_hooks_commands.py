"""`cas hooks`, `--no-hooks`, `--trace-hooks`: what a person sees of hooks, and how to be rid of them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from cas.cli import hooks_reference
from cas.cli.render import shapes
from tests.cli.conftest import process
from tests.cli.shapes import require
from tests.hooks.executables import shell

if TYPE_CHECKING:
    from tests.cli.conftest import Run

PAGE = Path(__file__).parents[2] / "docs" / "hooks-reference.md"


@pytest.fixture
def folder(repository: Path) -> Path:
    """Where the repository's executables are."""
    return repository / ".cas" / "hooks"


def configure(folder: Path, **hooks: object) -> None:
    """Write the section `hooks` as a user would."""
    config = folder.parent / "config.yaml"
    config.write_text(yaml.safe_dump(yaml.safe_load(config.read_text()) | {"hooks": hooks}))


def test_a_refusal_is_an_error_of_three_lines(run: Run, folder: Path) -> None:
    """What was stopped, who stopped it and why; the exit status is 1."""
    shell(folder / "pre_commit", "echo 'not on a Friday' >&2; exit 3")

    shown = run("commit", "more", "photos")

    assert (1, "") == (shown.code, shown.out)
    assert shown.err == (
        "error: cannot commit 'more'\n  why: the hook '.cas/hooks/pre_commit' refused: not on a Friday\n"
    )
    assert run("show", "more").code == 3


def test_a_refusal_of_many_lines_stays_readable(run: Run, folder: Path) -> None:
    """Lines are indented, and what would drive the terminal is escaped."""
    shell(folder / "pre_commit", "printf 'first\\n\\033[31msecond\\n' >&2; exit 1")

    shown = run("commit", "more", "photos")

    assert shown.err == (
        "error: cannot commit 'more'\n"
        "  why: the hook '.cas/hooks/pre_commit' refused:\n"
        "       first\n"
        "       \\x1b[31msecond\n"
    )


@pytest.mark.parametrize(
    ("point", "words"),
    [
        ("post_commit", ["commit", "more", "photos"]),
        ("post_checkout", ["checkout", "photos", "out"]),
        ("post_remove", ["remove", "photos@~1"]),
        ("post_gc", ["gc"]),
    ],
)
def test_what_goes_wrong_afterwards_is_a_note(run: Run, folder: Path, point: str, words: list[str]) -> None:
    """On standard error; the command has succeeded."""
    shell(folder / point, "echo 'no mail' >&2; exit 1")

    shown = run(*words)

    assert shown.code == 0
    assert f"note: the hook '.cas/hooks/{point}' failed: no mail\n" in shown.err


def test_no_hooks_gets_them_out_of_the_way(run: Run, folder: Path) -> None:
    """Before the command or after it; policies of the configuration and the audit log included."""
    shell(folder / "pre_commit", "exit 1")
    configure(folder, size_limit=0, audit_log=True)

    assert run("commit", "more", "photos").code == 1
    assert run("--no-hooks", "commit", "more", "photos").code == 0
    assert run("commit", "again", "photos", "--no-hooks").code == 0
    assert not (folder.parent / "audit.jsonl").exists()


def test_trace_hooks_tells_each_call(run: Run, folder: Path) -> None:
    """Who, how long, what came of it, what was said; the result is as without."""
    shell(folder / "pre_commit", 'echo fine; echo "$CAS_HOOK" >&2')
    shell(folder / "post_commit", "exit 5")
    plain = run("commit", "more", "photos", "-q")

    shown = run("commit", "other", "photos", "-q", "--trace-hooks")

    assert plain.out.replace("more", "other") == shown.out
    lines = shown.err.splitlines()
    assert lines[0].startswith("pre_commit: executable .cas/hooks/pre_commit agreed after ")
    assert lines[0].endswith(" ms")
    assert ["    fine", "    pre_commit"] == lines[1:3]
    assert lines[3].startswith("post_commit: executable .cas/hooks/post_commit failed after ")
    assert lines[4].endswith("failed: it ended with status 5 and said nothing")


def test_the_audit_log_says_who(run: Run, folder: Path) -> None:
    """As records do: user and machine."""
    configure(folder, audit_log=True)

    run("commit", "more", "photos", environment={"USER": "ann"})

    entry = json.loads((folder.parent / "audit.jsonl").read_text())
    assert ("post_commit", "more") == (entry["point"], entry["subject"]["name"])
    assert entry["by"].startswith("ann@")


def test_a_hook_may_use_cas_and_does_not_start_itself(folder: Path) -> None:
    """A commit from inside a hook would run the hook, which would commit, for ever."""
    home = folder.parent.parent
    again = f'"{sys.executable}" -m cas commit copy readme --on-conflict replace'
    shell(folder / "post_commit", f"echo run >>.cas/runs; exec {again}")
    (home / "readme").write_text("Read me.\n")

    done = process("--repo", str(home), "commit", "more", str(home / "photos"))

    assert (0, "") == (done.code, done.err)
    assert (folder.parent / "runs").read_text() == "run\n"
    assert process("--repo", str(home), "cat", "copy").out == "Read me.\n"


def test_hooks_are_listed(run: Run, folder: Path) -> None:
    """Point, kind, name, and what is wrong; nothing is run."""
    shell(folder / "post_gc", "touch ran")
    shell(folder / "pre-commit", "touch ran")
    (folder / "pre_commit").write_text("#!/bin/sh\n")
    configure(folder, size_limit=10)

    shown = run("hooks", "list")

    assert [line.split() for line in shown.out.splitlines()] == [
        ["POINT", "KIND", "HOOK", "FROM", "STATUS"],
        ["any", "executable", ".cas/hooks/pre-commit", "is", "named", "after", "no", "point"],
        ["pre_commit", "built-in", "size_limit", "config.yaml", "ready"],
        ["pre_commit", "executable", ".cas/hooks/pre_commit", "is", "not", "executable"],
        ["post_gc", "executable", ".cas/hooks/post_gc", "ready"],
    ]
    document = run("hooks", "list", "--json").document
    require(document, shapes.HOOK)
    assert [None, "pre_commit", "pre_commit", "post_gc"] == [one["point"] for one in document]
    assert not (folder.parent.parent / "ran").exists()
    assert run("hooks", "list", "-q").out.splitlines()[1] == "size_limit"


@pytest.mark.usefixtures("repository")
def test_no_hooks_is_no_error(run: Run) -> None:
    """A note says so; the JSON is an empty array."""
    assert (0, "", "note: there are no hooks\n") == tuple(
        getattr(run("hooks", "list"), key) for key in ("code", "out", "err")
    )
    assert run("hooks", "list", "--json").document == []
    assert run("hooks", "run", "pre_gc").err == "note: no hook is called at pre_gc\n"


def test_a_hook_can_be_tried(run: Run, folder: Path) -> None:
    """With a made-up event or a given one; what it says is shown, and the exit status tells."""
    shell(folder / "pre_commit", "grep -q '\"city\": \"Oslo\"' && exit 0; echo 'no city' >&2; exit 1")
    given = folder.parent.parent / "event.json"
    event = json.loads(json.dumps(run_sample(run, folder)))
    event["properties"] = {"city": "Oslo"}
    given.write_text(json.dumps(event))

    refused = run("hooks", "run", "pre_commit")
    agreed = run("hooks", "run", "pre_commit", "--event", str(given))

    assert (1, 0) == (refused.code, agreed.code)
    assert refused.out.splitlines()[0].startswith(
        "pre_commit: executable .cas/hooks/pre_commit refused after "
    )
    assert refused.out.splitlines()[1:] == ["    no city"]
    assert agreed.out.startswith("pre_commit: executable .cas/hooks/pre_commit agreed after ")


def run_sample(run: Run, folder: Path) -> object:
    """The event that `cas hooks run pre_commit` makes up, as an executable sees it."""
    script = (folder / "pre_commit").read_text()
    shell(folder / "pre_commit", "cat")
    (call,) = run("hooks", "run", "pre_commit", "--json").document
    shell(folder / "pre_commit", script.partition("\n")[2])
    return json.loads(call["said"])


def test_a_trial_as_json(run: Run, folder: Path) -> None:
    """Each call with its outcome, its reason and what was said."""
    shell(folder / "pre_gc", "echo hello; echo no >&2; exit 1")

    shown = run("hooks", "run", "pre_gc", "--json")

    assert shown.code == 1
    require(shown.document, shapes.HOOK_CALL)
    (call,) = shown.document
    assert ("refused", "hello\nno") == (call["outcome"], call["said"])
    assert call["reason"] == "the hook '.cas/hooks/pre_gc' refused: no"


@pytest.mark.usefixtures("repository")
def test_a_wrong_point_and_a_wrong_event(run: Run, here: Path) -> None:
    """A typo is told from silence."""
    (here / "event.json").write_text("{}")

    assert run("hooks", "run", "pre-gc").err.endswith(" hint: did you mean 'pre_gc'?\n")
    assert run("hooks", "run", "pre-gc").code == 3
    assert "it lacks 'subjects'" in run("hooks", "run", "pre_remove", "--event", "event.json").err
    assert run("hooks", "run", "pre_remove", "--event", "event.json").code == 2


def test_half_of_a_command_is_wrong_usage(run: Run) -> None:
    """The commands that there are follow at once, and nothing stands where a result would."""
    shown = run("hooks")

    assert (2, "") == (shown.code, shown.out)
    assert "  hooks list  List what runs before and after commands\n  hooks run " in shown.err
    assert run("hooks", "lsit").err.endswith(" hint: did you mean `cas hooks list`?\n")
    assert run("hooks", "run").err.startswith("error: `cas hooks run` needs POINT\n")


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("cas ho", ["hooks"]),
        ("cas hooks ", ["list", "run"]),
        ("cas hooks r", ["run"]),
        ("cas --json hooks r", ["run"]),
        ("cas hooks run pre_co", ["pre_commit"]),
        ("cas hooks list --js", ["--json"]),
        ("cas hooks nothing ", []),
        ("cas ls --no-h", ["--no-hooks"]),
    ],
)
@pytest.mark.usefixtures("repository")
def test_commands_of_two_words_complete(run: Run, line: str, offered: list[str]) -> None:
    """A word at a time."""
    shown = run(environment={"_CAS_COMPLETE": "bash_complete", "COMP_LINE": line, "COMP_BREAKS": ":="})

    assert [f"plain,{word}" for word in offered] == shown.out.splitlines()


def test_the_reference_is_current(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A new point or field must not leave the documentation behind; CI runs the same check."""
    assert hooks_reference.main(["--check", str(PAGE)]) == 0, capsys.readouterr().err

    stale = tmp_path / "page.md"
    stale.write_text("old\n")
    assert hooks_reference.main(["--check", str(stale)]) == 1
    assert "python -m cas.cli.hooks_reference" in capsys.readouterr().err
    assert hooks_reference.main([str(stale)]) == 0
    assert hooks_reference.main(["--check", str(stale)]) == 0


def test_every_field_of_every_event_is_explained() -> None:
    """A field without a docstring would be an empty cell."""
    page = hooks_reference.render()

    assert "|  |" not in page
    assert page.count("\n## ") == 10
