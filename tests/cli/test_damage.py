"""A store that is not in order, on the command line: damage is exit status 5, and each error leads on."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Run


@pytest.mark.parametrize(
    "words",
    [
        ("cat", "photos", "readme.txt"),
        ("tree", "photos"),
        ("checkout", "photos", "out"),
        ("diff", "photos@first", "photos"),
        ("verify",),
        ("verify", "--quick"),
    ],
)
def test_lost_packs_are_damage(run: Run, repository: Path, words: tuple[str, ...]) -> None:
    """The version exists: status 3 would tell a script to build it."""
    shutil.rmtree(repository / ".cas" / "packs")

    shown = run(*words)

    assert shown.code == 5
    assert "cas verify" in shown.err


@pytest.mark.parametrize("words", [("ls",), ("show", "photos"), ("log",), ("find", "camera=x100")])
def test_what_needs_no_packs_still_works(run: Run, repository: Path, words: tuple[str, ...]) -> None:
    """To see what was lost."""
    shutil.rmtree(repository / ".cas" / "packs")

    shown = run(*words)

    assert shown.code == 0
    assert "photos" in shown.out


@pytest.mark.parametrize("spec", ["nothing", "photos@nothing", "photos@~9"])
def test_what_is_not_there_is_not_found(run: Run, repository: Path, spec: str) -> None:
    """Damage or not."""
    shutil.rmtree(repository / ".cas" / "packs")

    assert run("cat", spec).code == 3


def test_a_lost_configuration_leads_to_recover(run: Run, repository: Path) -> None:
    """Which writes one, says what that cannot know, and leaves a repository that works."""
    (repository / ".cas" / "config.yaml").unlink()

    lost = run("ls")
    recovered = run("recover")
    after = run("ls")

    assert (lost.code, recovered.code, after.code) == (5, 5, 0)
    assert "hint: put a copy of it back, or run `cas recover`" in lost.err
    assert "lost  config.yaml: a default one was written" in recovered.out
    assert "photos" in after.out
    assert run("recover").code == 0


def test_a_broken_configuration_names_the_line(run: Run, repository: Path) -> None:
    """As its author sees it in an editor, and no name of a Python exception."""
    config = repository / ".cas" / "config.yaml"
    text = config.read_text()
    config.write_text(text.replace("kind: refs", "kind: view"))
    line = config.read_text().splitlines().index("  kind: view") + 1

    shown = run("ls")

    assert shown.code == 2
    assert (
        f"line {line}: 'layers[1].kind' is 'view', and must be one of refs, directory, package" in shown.err
    )


@pytest.mark.parametrize("where", [".cas", ".cas/sub"])
def test_init_inside_a_repository_is_refused(run: Run, repository: Path, where: str) -> None:
    """What is in there belongs to `cas`."""
    shown = run("init", where)

    assert shown.code == 2
    assert "it is part of the repository" in shown.err
    assert not (repository / where / ".cas").exists()
