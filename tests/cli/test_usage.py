"""What a wrong command line gets, and what help says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import typer

from cas.cli.app import SECTIONS, app

if TYPE_CHECKING:
    from tests.cli.conftest import Run

COMMANDS = [name for section in SECTIONS.values() for name in section]


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_every_command_fits_and_has_an_example(run: Run, name: str) -> None:
    """Help is read on a terminal of 80 columns, and an example says more than a synopsis."""
    shown = run(name, "--help")

    assert shown.code == 0
    assert f"$ cas {name}" in shown.out
    assert max(len(line) for line in shown.out.splitlines()) <= 80


def test_help_lists_every_command(run: Run) -> None:
    """A command that is not listed does not exist for its users."""
    shown = run("--help")

    assert shown.code == 0
    for name in COMMANDS:
        assert f"  {name} " in shown.out


def test_no_command_is_wrong_usage(run: Run) -> None:
    """A script that forgets the command must not go on as if something had been done."""
    shown = run()

    assert shown.code == 2
    assert not shown.out
    assert "Usage: cas" in shown.err


def test_options_without_a_command_are_wrong_usage(run: Run) -> None:
    """The same, and --json holds for the error too."""
    shown = run("--json")

    assert shown.code == 2
    assert shown.error["what"] == "missing command"


def test_unknown_command_suggests_the_nearest(run: Run) -> None:
    """The error has the three-line form and the hint can be pasted."""
    shown = run("comit")

    assert shown.code == 2
    assert shown.err == "error: there is no command 'comit'\n hint: did you mean `cas commit`?\n"


def test_unknown_option_suggests_the_nearest(run: Run) -> None:
    """Options too."""
    shown = run("commit", "--tga", "x")

    assert shown.code == 2
    assert shown.err == "error: `cas commit` has no option '--tga'\n hint: did you mean --tag?\n"


def test_unknown_global_option_is_reported_as_one(run: Run) -> None:
    """A misspelled option before the command is not taken for a command."""
    shown = run("--jsno", "ls")

    assert shown.code == 2
    assert "has no option '--jsno'" in shown.err


def test_missing_argument_is_named(run: Run) -> None:
    """Whoever forgot PATH is told PATH."""
    shown = run("commit", "photos")

    assert shown.code == 2
    assert shown.err.splitlines()[0] == "error: `cas commit` needs PATH"


def test_a_bad_choice_lists_the_good_ones(run: Run) -> None:
    """The reason states the rule."""
    shown = run("commit", "a", "b", "--on-conflict", "ignore")

    assert shown.code == 2
    assert "'fail', 'keep', 'replace'" in shown.err


@pytest.mark.parametrize("typed", ["0", "-1", "x", "1.5", "", "9" * 5000])
def test_a_bad_number_says_what_would_be_good(run: Run, typed: str) -> None:
    """The reason states the rule and what was given."""
    shown = run("log", "-n", typed)

    assert shown.code == 2
    assert f"'{typed}' is not a whole number of at least 1" in shown.err


def test_a_bad_duration_says_what_one_looks_like(run: Run) -> None:
    """A gc that misreads an age would delete too much."""
    shown = run("gc", "--keep-removed", "soon")

    assert shown.code == 2
    assert "30m, 12h, 14d or 2w" in shown.err


@pytest.mark.usefixtures("here")
def test_usage_error_as_json(run: Run) -> None:
    """With --json even a usage error can be read by a program, wherever --json stands."""
    shown = run("commit", "photos", "--json")

    assert shown.code == 2
    assert not shown.out
    assert shown.error == {
        "code": "usage",
        "what": "`cas commit` needs PATH",
        "why": None,
        "hint": "run `cas commit --help`",
        "exit_code": 2,
    }


def test_version_is_printed(run: Run) -> None:
    """--version works before and after a command and needs no repository."""
    assert run("--version").out.startswith("cas ")
    assert run("ls", "--version").out.startswith("cas ")


def test_no_two_parameters_of_a_command_share_a_name() -> None:
    """A command must not give a global option a second meaning."""
    with typer.Context(app, info_name="cas") as context:
        for name in COMMANDS:
            command = app.get_command(context, name)
            assert command is not None
            flags = [
                flag for param in command.get_params(context) for flag in param.opts if flag.startswith("-")
            ]
            assert len(flags) == len(set(flags)), name
