"""Completion, asked for as the shells ask, and once by a real bash."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.cli.conftest import environment

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Run

_BREAKS = "@><=;|&(:"


def complete(run: Run, line: str) -> list[str]:
    """Give what bash is offered for a line with the cursor at its end."""
    shown = run(environment={"_CAS_COMPLETE": "bash_complete", "COMP_LINE": line, "COMP_BREAKS": _BREAKS})
    assert shown.code == 0
    assert not shown.err
    return [line.partition(",")[2] for line in shown.out.splitlines() if line.startswith("plain,")]


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("cas sh", ["show"]),
        ("cas show ph", ["photos"]),
        ("cas --repo . show ph", ["photos"]),
        ("cas show photos@fi", ["@first"]),
        ("cas show photos@be", ["@best"]),
        ("cas show main:ph", ["photos"]),
        ("cas show main:photos@be", ["@best"]),
        ("cas diff photos@first ph", ["photos"]),
        ("cas commit more . -i ph", ["photos"]),
        ("cas commit more . -i from=ph", ["photos"]),
        ("cas ls --layer m", ["main"]),
        ("cas layer mo", ["move"]),
        ("cas layer remove r", ["runtime"]),
        ("cas layer add x --above m", ["main"]),
        ("cas hide x --layer r", ["runtime"]),
        ("cas hide photos/su", ["photos/summer/"]),
        ("cas hide photos/summer/b", ["photos/summer/beach.jpg"]),
        ("cas cat photos su", ["summer/"]),
        ("cas cat photos summer/", ["summer/beach.jpg"]),
        ("cas commit x . --on-conflict re", ["replace"]),
        ("cas commit x . --on-conflict=re", ["replace"]),
        ("cas tree photos --de", ["--depth"]),
        ("cas ls --js", ["--json"]),
        ("cas show -- ph", ["photos"]),
        ('cas show "ph', ["photos"]),
        ("cas remove photos@first ph", ["photos"]),
        ("cas --no-p", ["--no-progress"]),
        ("cas nothing ph", []),
        ("cas show nothing", []),
        ("cas show nothing@", []),
    ],
)
@pytest.mark.usefixtures("repository")
def test_what_is_offered(run: Run, line: str, offered: list[str]) -> None:
    """Names, tags, layers and paths complete, in the part of the word that bash replaces."""
    assert offered == complete(run, line)


@pytest.mark.usefixtures("repository")
def test_what_is_hidden_is_offered_to_be_shown_again(run: Run) -> None:
    """The view does not show it, so nobody remembers how it was called."""
    for words in (["photos/summer"], ["photos/old", "--layer", "runtime"], ["--opaque", "models"]):
        assert run("hide", *words).code == 0

    assert {"photos/summer", "photos/old"} == set(complete(run, "cas unhide ph"))
    assert ["models"] == complete(run, "cas unhide mo")
    assert ["photos/old"] == complete(run, "cas unhide --layer runtime ph")


@pytest.mark.usefixtures("repository")
@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("cas commit x ph", "file"),
        ("cas checkout photos wo", "file"),
        ("cas id --properties p", "file"),
        ("cas init ph", "dir"),
        ("cas --repo ph", "dir"),
        ("cas ls --repo=ph", "dir"),
    ],
)
def test_files_are_left_to_the_shell(run: Run, line: str, kind: str) -> None:
    """The shell knows best how paths on disk complete."""
    shown = run(environment={"_CAS_COMPLETE": "bash_complete", "COMP_LINE": line, "COMP_BREAKS": _BREAKS})

    assert [line.partition(",")[0] for line in shown.out.splitlines()] == [kind]


def values(shell: str, told: str) -> list[tuple[str, str]]:
    """Read what zsh or fish is told, as their scripts do: pairs of kind and word."""
    if shell == "zsh":
        lines = told.splitlines()
        return [
            (kind, value.replace("\\:", ":")) for kind, value in zip(lines[::3], lines[1::3], strict=True)
        ]
    return [(line.partition(",")[0], line.partition(",")[2].partition("\t")[0]) for line in told.splitlines()]


@pytest.mark.usefixtures("repository")
@pytest.mark.parametrize("shell", ["zsh", "fish"])
@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("cas sh", [("plain", "show")]),
        ("cas show ph", [("plain", "photos")]),
        ("cas show main:ph", [("plain", "main:photos")]),
        ("cas show photos@fi", [("plain", "photos@first")]),
        ("cas diff photos@first photos@be", [("plain", "photos@best")]),
        ("cas commit more . -i from=ph", [("plain", "from=photos")]),
        ("cas commit x . --on-conflict=re", [("plain", "--on-conflict=replace")]),
        ("cas commit x ph", [("file", "ph")]),
        ("cas init ph", [("dir", "ph")]),
        ("cas ls --js", [("plain", "--json")]),
        ('cas show "ph', [("plain", "photos")]),
        ("cas show nothing", []),
    ],
)
def test_zsh_and_fish_are_told_whole_words(
    run: Run, shell: str, line: str, offered: list[tuple[str, str]]
) -> None:
    """They replace the word at the cursor as a whole, and quote it themselves."""
    shown = run(environment={"_CAS_COMPLETE": f"{shell}_complete", "COMP_LINE": line})

    assert (shown.code, shown.err) == (0, "")
    assert values(shell, shown.out) == offered


@pytest.mark.usefixtures("repository")
def test_zsh_takes_three_lines_for_each_completion(run: Run) -> None:
    """Kind, word, description; a colon in the word would start the description."""
    shown = run(environment={"_CAS_COMPLETE": "zsh_complete", "COMP_LINE": "cas show main:photos@fi"})

    kind, value, told = shown.out.splitlines()
    assert (kind, value) == ("plain", r"main\:photos@first")
    assert told.endswith("first import")


@pytest.mark.usefixtures("repository")
def test_fish_takes_the_description_after_a_tab(run: Run) -> None:
    """On the line of the word."""
    shown = run(environment={"_CAS_COMPLETE": "fish_complete", "COMP_LINE": "cas show photos@fi"})

    assert shown.out.startswith("plain,photos@first\t")
    assert shown.out.endswith("first import\n")


@pytest.mark.usefixtures("repository")
@pytest.mark.parametrize("shell", ["zsh", "fish"])
@pytest.mark.parametrize(("line", "word"), [("cas show ph", "photos"), ("cas ta", "tag")])
def test_the_scripts_ask_in_the_right_way(run: Run, tmp_path: Path, shell: str, line: str, word: str) -> None:
    """What each script runs, with the variables that it sets, is run here as it stands in the script."""
    asked = re.search(r"\((env COMP_LINE=.*?)\)", run("--show-completion", shell).out)
    assert asked is not None
    command = tmp_path / "cas"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m cas "$@"\n')
    command.chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"

    done = subprocess.run(
        ["sh", "-c", asked[1]],
        capture_output=True,
        text=True,
        env=environment(line=line, PATH=path),
        check=True,
    )

    assert values(shell, done.stdout) == [("plain", word)]


@pytest.mark.usefixtures("repository")
def test_versions_are_offered_with_their_tags(run: Run) -> None:
    """After @ come the tags and the ids, the newest version first."""
    offered = complete(run, "cas show photos@")

    assert offered[0] == "@best"
    assert offered[2] == "@first"
    assert all(len(word) == 13 for word in (offered[1], offered[3]))


@pytest.mark.usefixtures("repository")
def test_names_with_blanks_are_quoted(run: Run) -> None:
    """What is completed must be one word for the shell."""
    assert run("commit", "old photos", "photos/readme.txt").code == 0

    assert complete(run, "cas show old") == [r"old\ photos"]
    assert complete(run, r"cas show old\ ph") == [r"old\ photos"]
    assert complete(run, "cas show old\\ ") == [r"old\ photos"]
    assert complete(run, "cas show 'old ") == [r"old\ photos"]


@pytest.mark.usefixtures("here")
def test_silence_without_a_repository(run: Run) -> None:
    """A Tab in the wrong place must not spill an error over the line being typed."""
    assert complete(run, "cas --repo nowhere show ph") == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_scripts_name_the_command(run: Run, shell: str) -> None:
    """Each script defines completion for `cas`, whatever path it was started by."""
    shown = run("--show-completion", shell)

    assert shown.code == 0
    assert "_CAS_COMPLETE" in shown.out
    assert "_cas_completion" in shown.out


@pytest.mark.usefixtures("repository")
def test_a_real_bash_completes(tmp_path: Path) -> None:
    """The script works in the shell it is for, with the variables that bash sets."""
    command = tmp_path / "cas"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m cas "$@"\n')
    command.chmod(0o755)
    script = f"""
        eval "$({command} --show-completion bash)"
        COMP_LINE="cas show photos@fi" COMP_POINT=18 COMP_WORDS=(cas show photos @ fi) COMP_CWORD=4
        COMP_WORDBREAKS='{_BREAKS}'
        _cas_completion {command}
        echo "${{COMPREPLY[*]}}"
        complete -p cas
    """
    done = subprocess.run(
        ["bash", "--norc", "-c", script], capture_output=True, text=True, env=environment(), check=False
    )

    assert done.stdout.splitlines() == ["@first", "complete -o nosort -F _cas_completion cas"]
    assert not done.stderr
