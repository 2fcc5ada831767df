"""Help of commands that have two words, and `cas help`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cas.cli.app import SECTIONS

if TYPE_CHECKING:
    from tests.cli.conftest import Run

COMMANDS = [name for section in SECTIONS.values() for name in section if " " in name]
FAMILIES = sorted({name.partition(" ")[0] for name in COMMANDS})


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("words", [["{}", "--help"], ["{}", "-h"], ["help", "{}"]])
def test_help_of_a_family_lists_its_commands(run: Run, family: str, words: list[str]) -> None:
    """Whoever knows the first word finds the second, with what it does."""
    shown = run(*(word.format(family) for word in words))

    assert (0, "") == (shown.code, shown.err)
    listed = [line.strip() for line in shown.out.splitlines() if line.startswith(f"  {family} ")]
    assert [name for name in COMMANDS if name.startswith(f"{family} ")] == [
        line.partition("  ")[0] for line in listed
    ]
    assert all(line.partition("  ")[2].strip() for line in listed)
    assert max(len(line) for line in shown.out.splitlines()) <= 80


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_alone_is_wrong_usage(run: Run, family: str) -> None:
    """A script that forgets a word must not go on, and a person reads which words there are."""
    shown, document = run(family), run(family, "--json")

    assert (2, "") == (shown.code, shown.out)
    assert f"  {family} list  " in shown.err
    assert (2, "") == (document.code, document.out)
    assert document.error["hint"] == f"run `cas {family} --help`"


def test_the_second_word_is_corrected_within_its_family(run: Run) -> None:
    """`resources` is right already: what is near is near in the other word."""
    assert run("layer", "lst").err == (
        "error: there is no command 'layer lst'\n hint: did you mean `cas layer list`?\n"
    )
    assert run("resources", "foo").err == (
        "error: there is no command 'resources foo'\n hint: run `cas resources --help`\n"
    )


def test_help_is_a_command_too(run: Run) -> None:
    """`git help` and `dvc help` are; so are `cas help`, and `cas help COMMAND`."""
    assert run("help").out == run("--help").out
    assert run("help", "layer", "add").out == run("layer", "add", "--help").out
    assert run("help", "nothing").code == 2
