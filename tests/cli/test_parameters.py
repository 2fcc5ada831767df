"""What is typed becomes the value that the command works with."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from cas.cli.commands.store import Conflict, Linking
from cas.repo.results import OnConflict
from cas.worktree.link import Link

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Run


def test_choices_are_those_of_the_library() -> None:
    """The command line has a copy of them, so that help does not import the library."""
    assert [one.value for one in Linking] == [one.value for one in Link]
    assert [one.value for one in Conflict] == [one.value for one in OnConflict]


@pytest.mark.usefixtures("repository")
def test_file_names_need_not_be_unicode(run: Run, here: Path) -> None:
    """A file name is bytes; they must come through the conversion as they were typed."""
    name = os.fsdecode(b"caf\xe9.txt")
    (here / name).write_text("old\n")

    assert run("commit", "odd", name).code == 0
    assert run("checkout", "odd", os.fsdecode(b"caf\xe9 copy.txt")).code == 0
    assert (here / os.fsdecode(b"caf\xe9 copy.txt")).read_text() == "old\n"


def test_a_directory_must_not_be_a_file(run: Run, here: Path) -> None:
    """Said by the command line, before anything is made."""
    (here / "notes.txt").write_text("hello\n")
    shown = run("init", "notes.txt")

    assert shown.code == 2
    assert "'notes.txt' is a file" in shown.err


@pytest.mark.usefixtures("repository")
def test_a_repeated_option_keeps_every_value(run: Run) -> None:
    """Properties and inputs add up; of other options the last one wins."""
    shown = run("id", "-p", "a=1", "-p", "b=2", "--json", "--json")

    assert shown.document["version"] == run("id", "-p", "b=2", "-p", "a=1", "-q").out.strip()


@pytest.mark.usefixtures("repository")
def test_the_later_of_two_repositories_wins(run: Run) -> None:
    """--repo before the command and after it."""
    assert run("--repo", "nowhere", "ls", "--repo", ".", "-q").out == "photos\n"


@pytest.mark.usefixtures("repository")
@pytest.mark.parametrize(
    "words", [("commit", "x", ""), ("checkout", "photos", ""), ("id", "--properties", ""), ("init", "")]
)
def test_no_text_is_no_path(run: Run, words: tuple[str, ...]) -> None:
    """An unset variable in a script must not stand for the current directory."""
    shown = run(*words)

    assert shown.code == 2
    assert "why: a path is needed\n" in shown.err
