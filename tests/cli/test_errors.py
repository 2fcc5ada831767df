"""The boundary: which exit status and which words an error gets."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

import pytest

from cas import errors as public
from cas.cli.errors import explain
from tests.cli.conftest import process

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Run


STATUSES: list[tuple[type[public.CasError], int]] = [
    (public.NotFoundError, 3),
    (public.AlreadyExistsError, 4),
    (public.ConflictError, 4),
    (public.InvalidError, 2),
    (public.CorruptError, 5),
    (public.ReadOnlyError, 1),
    (public.StorageError, 1),
    (public.HookRefusedError, 1),
    (public.InternalError, 1),
]


@pytest.mark.parametrize(("kind", "status"), STATUSES)
def test_exit_status_by_class(kind: type[public.CasError], status: int) -> None:
    """Scripts branch on these numbers; every class of the tree has one."""
    assert status == explain(kind("cannot", code="x")).exit_code


def test_every_class_of_the_tree_is_listed_above() -> None:
    """A new category of error has to choose its exit status."""
    assert {kind for kind in public.CasError.__subclasses__() if kind.__module__ == "cas.errors"} == {
        kind for kind, _ in STATUSES
    }


def test_interrupt_is_130() -> None:
    """As every shell has it."""
    assert explain(KeyboardInterrupt()).exit_code == 130


def test_a_full_disk_is_told_as_such() -> None:
    """An OSError that nobody explained still has a reason and a hint."""
    failure = explain(OSError(errno.ENOSPC, "No space left on device", "/data"))

    assert failure.code == "disk-full"
    assert failure.exit_code == 1
    assert "/data" in (failure.why or "")


def test_a_bug_says_that_it_is_one() -> None:
    """No traceback without --traceback, but the class and the words of the error."""
    failure = explain(ZeroDivisionError("division by zero"))

    assert failure.exit_code == 1
    assert failure.why == "ZeroDivisionError: division by zero"
    assert "--traceback" in (failure.hint or "")


def test_no_repository_is_not_found(run: Run, here: Path) -> None:
    """The three lines: what failed, the observed fact, what to do."""
    shown = run("--repo", str(here), "ls")

    assert shown.code == 3
    assert not shown.out
    what, why, hint = shown.err.splitlines()
    assert what.startswith(f"error: cannot find a repository at '{here}'")
    assert why.startswith("  why: ")
    assert hint.startswith(" hint: run `cas init`")


def test_errors_as_json(run: Run, here: Path) -> None:
    """One line of JSON on standard error; standard output stays empty for the pipe behind it."""
    shown = run("--json", "--repo", str(here), "ls")

    assert shown.code == 3
    assert not shown.out
    assert set(shown.error) == {"code", "what", "why", "hint", "exit_code"}
    assert shown.error["code"] == "no-repository"


def test_traceback_only_on_request(run: Run, here: Path) -> None:
    """A user is not shown the inside of the program; a developer can ask for it."""
    assert "Traceback" not in run("--repo", str(here), "ls").err
    assert "Traceback" in run("--repo", str(here), "ls", "--traceback").err


def test_a_hostile_name_stays_on_its_line(run: Run, here: Path) -> None:
    """Escape sequences in what the user typed are shown, not obeyed."""
    shown = run("--repo", f"{here}/\x1b[31mred\nerror: fake", "ls")

    assert "\x1b" not in shown.err
    assert "\nerror: fake" not in shown.err


def test_deleted_working_directory(here: Path) -> None:
    """`rmdir` under a shell is common enough to deserve words."""
    here.rmdir()

    shown = process("ls")

    assert shown.code in {1, 3}
    assert shown.err.startswith("error: ")
    assert "Traceback" not in shown.err
