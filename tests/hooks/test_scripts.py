"""Executables in `.cas/hooks`: real ones, each of which gets something wrong in its own way."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from cas.errors import HookRefusedError
from cas.hooks import Hooks
from cas.hooks.scripts import Scripts
from cas.hooks.wire import plain
from tests import processes
from tests.children import become_nobody
from tests.hooks.executables import python, shell
from tests.hooks.samples import POST_GC, PRE_CHECKOUT, PRE_GC


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where hooks are looked for."""
    made = tmp_path / "home" / ".cas" / "hooks"
    made.mkdir(parents=True)
    return made


def hooks(folder: Path, *, timeout_s: float = 60.0) -> Hooks:
    """The hooks of the repository that `folder` is in."""
    return Hooks(installed=False, scripts=Scripts(folder.parent, folder, timeout_s=timeout_s))


def refused(folder: Path, *, timeout_s: float = 60.0) -> HookRefusedError:
    """Fire before a collection, which must not be allowed to start."""
    with pytest.raises(HookRefusedError) as caught:
        hooks(folder, timeout_s=timeout_s).pre_gc(PRE_GC)
    assert caught.value.what == "cannot collect garbage"
    return caught.value


def test_an_executable_gets_the_event_and_knows_where_it_is(folder: Path) -> None:
    """JSON on standard input, the repository's home as directory, two variables, and the rest as ours."""
    python(
        folder / "pre_checkout",
        """
import json, os, sys
names = ("CAS_REPO", "CAS_HOOK", "PATH")
told = {"event": json.load(sys.stdin), "here": os.getcwd(), "words": sys.argv[1:]}
with open("told", "w") as file:
    json.dump(told | {name: os.environ[name] for name in names}, file)
""",
    )

    hooks(folder).pre_checkout(PRE_CHECKOUT)

    home = folder.parent.parent
    assert json.loads((home / "told").read_text()) == {
        "event": plain(PRE_CHECKOUT),
        "here": str(home),
        "words": [],
        "CAS_REPO": str(folder.parent),
        "CAS_HOOK": "pre_checkout",
        "PATH": os.environ["PATH"],
    }


def test_exit_status_zero_agrees(folder: Path) -> None:
    """Whatever it says meanwhile."""
    shell(folder / "pre_gc", "echo fine; echo really >&2")

    assert [call.said for call in hooks(folder).try_out("pre_gc", PRE_GC)] == ["fine\nreally"]
    hooks(folder).pre_gc(PRE_GC)


def test_any_other_status_refuses_with_what_was_said(folder: Path) -> None:
    """Standard error is the reason; standard output is for whoever traces."""
    shell(folder / "pre_gc", "echo noise; echo 'not on a Friday' >&2; exit 42")

    error = refused(folder)

    assert ("hook-refused", "the hook '.cas/hooks/pre_gc' refused: not on a Friday") == (
        error.code,
        error.why,
    )


def test_of_a_long_reason_the_last_lines_are_shown(folder: Path) -> None:
    """A traceback ends with what matters."""
    shell(folder / "pre_gc", "seq 1 5000 >&2; exit 1")

    why = str(refused(folder).why)

    assert why == "the hook '.cas/hooks/pre_gc' refused:\n" + "\n".join(map(str, range(4991, 5001)))


def test_a_refusal_without_a_word_gives_the_status(folder: Path) -> None:
    """At least something to look for."""
    shell(folder / "pre_gc", "exit 9")

    assert refused(folder).why == (
        "the hook '.cas/hooks/pre_gc' refused: it ended with status 9 and said nothing"
    )


def test_a_crash_is_no_answer(folder: Path) -> None:
    """A policy that crashed has not agreed."""
    shell(folder / "pre_gc", "echo help >&2; kill -SEGV $$")

    error = refused(folder)

    assert error.code == "hook-failed"
    assert error.why == "the hook '.cas/hooks/pre_gc' was ended by signal 11 (Segmentation fault): help"


def test_a_hook_that_hangs_is_killed_and_has_not_agreed(folder: Path) -> None:
    """The message says what the limit was and how to raise it."""
    shell(folder / "pre_gc", "exec sleep 600")

    error = refused(folder, timeout_s=0.25)

    assert error.code == "hook-timeout"
    assert error.why == "the hook '.cas/hooks/pre_gc' did not end within 0.25 s and was killed"
    assert "timeout" in str(error.hint)


def not_executable(path: Path) -> None:
    """As an editor leaves a new file."""
    path.write_text("#!/bin/sh\n")


def no_interpreter(path: Path) -> None:
    """As a script from another machine."""
    shell(path, "").write_text("#! /opt/nowhere/bin/python3 -u\n")


def carriage_return(path: Path) -> None:
    r"""As an editor on Windows leaves it: the kernel looks for `/bin/sh\r`."""
    shell(path, "").write_bytes(b"#!/bin/sh\r\nexit 0\r\n")


def no_first_line(path: Path) -> None:
    """As somebody who knows shells, but not kernels."""
    shell(path, "").write_text("exit 0\n")


def empty(path: Path) -> None:
    """As `touch` and `chmod` leave it."""
    shell(path, "").write_text("")


def directory(path: Path) -> None:
    """As somebody who knows `run-parts`."""
    path.mkdir()


def dangling(path: Path) -> None:
    """As a link to a work tree that is gone."""
    path.symlink_to("nowhere")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (not_executable, "is not executable"),
        (no_interpreter, "names the interpreter '/opt/nowhere/bin/python3', which is not there"),
        (carriage_return, r"names the interpreter '/bin/sh\r', which is not there"),
        (no_first_line, "has no '#!' line and is no program"),
        (empty, "has no '#!' line and is no program"),
        (directory, "is a directory, and only a file can be run"),
        (dangling, "is a link that leads nowhere"),
    ],
)
def test_what_cannot_be_run_has_not_agreed(folder: Path, spoil: object, words: str) -> None:
    """Each mistake is named, so that nobody has to guess what the kernel means."""
    assert callable(spoil)
    spoil(folder / "pre_gc")

    error = refused(folder)

    assert error.code == "hook-not-runnable"
    assert error.why == f"the hook '.cas/hooks/pre_gc' {words}"


def test_what_is_wrong_with_a_hook_after_the_fact_is_a_note(folder: Path) -> None:
    """What is done is done."""
    shell(folder / "post_gc", "echo 'the mail server is down' >&2; exit 1")
    assert hooks(folder).post_gc(POST_GC) == (
        "the hook '.cas/hooks/post_gc' failed: the mail server is down",
    )

    (folder / "post_gc").chmod(0o644)
    assert hooks(folder).post_gc(POST_GC) == ("the hook '.cas/hooks/post_gc' is not executable",)

    shell(folder / "post_gc", "exec sleep 600")
    (note,) = hooks(folder, timeout_s=0.25).post_gc(POST_GC)
    assert "did not end within 0.25 s and was killed" in note


def test_a_link_to_a_script_is_run(folder: Path) -> None:
    """People keep their hooks under version control, and link to them."""
    script = shell(folder.parent.parent / "policies" / "gc.sh", "echo no >&2; exit 1")
    (folder / "pre_gc").symlink_to(script)

    assert refused(folder).code == "hook-refused"


def test_a_name_that_is_no_point_stops_every_command(folder: Path) -> None:
    """A misspelt policy would never run, and nobody would notice; git's spelling is the likeliest."""
    shell(folder / "pre-commit", "exit 0")

    error = refused(folder)

    assert error.code == "hook-unknown"
    assert error.why == "the executable '.cas/hooks/pre-commit' is named after no point"
    assert (
        error.hint
        == "did you mean 'pre_commit'? with a dot in its name, as in 'pre-commit.off', it is ignored"
    )


def test_names_with_a_dot_and_folders_are_left_alone(folder: Path) -> None:
    """Examples, notes and what hooks share may lie beside them."""
    (folder / "README.md").write_text("Ours.\n")
    shell(folder / "pre_gc.sample", "exit 1")
    (folder / ".gitkeep").touch()
    (folder / "lib").mkdir()
    found = hooks(folder)

    found.pre_gc(PRE_GC)

    assert found.listing() == []


def test_no_folder_is_no_hooks(folder: Path) -> None:
    """It may be deleted."""
    folder.rmdir()

    assert hooks(folder).listing() == []


def test_hooks_are_looked_for_once(folder: Path) -> None:
    """A command has the same hooks from its beginning to its end, whatever is installed meanwhile."""
    found = hooks(folder)
    found.pre_gc(PRE_GC)
    shell(folder / "post_gc", "exit 1")

    assert found.post_gc(POST_GC) == ()


def test_a_hook_that_was_deleted_meanwhile_has_not_agreed(folder: Path) -> None:
    """It was there when the command began."""
    script = shell(folder / "pre_gc", "exit 0")
    found = hooks(folder)
    assert len(found.listing()) == 1
    script.unlink()

    with pytest.raises(HookRefusedError, match="is not there any more"):
        found.pre_gc(PRE_GC)


def fire_as_nobody(folder: str) -> None:
    """Fire before a collection as a user without rights; say what comes of it."""
    become_nobody()
    try:
        hooks(Path(folder)).pre_gc(PRE_GC)
    except HookRefusedError as error:
        processes.say(error.code, error.why)


def test_a_folder_that_cannot_be_read_has_not_agreed(public: Path) -> None:
    """Nobody knows which policies are in it."""
    folder = public / ".cas" / "hooks"
    folder.mkdir(parents=True)
    (public / ".cas").chmod(0o755)
    folder.chmod(0)

    printed = processes.printed(fire_as_nobody, folder)
    folder.chmod(0o755)

    assert printed.startswith("hook-not-runnable the executable '.cas/hooks' cannot be looked into")


def test_a_listing_runs_nothing_and_says_what_is_wrong(folder: Path) -> None:
    """In the order of the points; what is meant for none comes first."""
    shell(folder / "post_gc", "touch ran")
    not_executable(folder / "pre_gc")
    shell(folder / "pre_com", "touch ran")

    listed = hooks(folder).listing()

    assert [
        (None, ".cas/hooks/pre_com", "is named after no point"),
        ("pre_gc", ".cas/hooks/pre_gc", "is not executable"),
        ("post_gc", ".cas/hooks/post_gc", ""),
    ] == [(hook.point, hook.name, hook.problem) for hook in listed]
    assert not (folder.parent.parent / "ran").exists()
