"""The reference is generated, current, and its examples work."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import typer

from cas.cli import reference
from cas.cli.app import SECTIONS, app
from cas.cli.command import Command

if TYPE_CHECKING:
    from tests.cli.conftest import Run

PAGE = Path(__file__).parents[2] / "docs" / "cli.md"
COMMANDS = [name for section in SECTIONS.values() for name in section]


def example(name: str) -> list[str]:
    """The words of a command's example, without `cas`."""
    command = app.get_command(typer.Context(app), name)
    assert isinstance(command, Command)
    return shlex.split(command.example)[1:]


def test_the_page_is_current(capsys: pytest.CaptureFixture[str]) -> None:
    """A changed option must not leave the documentation behind; CI runs the same check."""
    assert reference.main(["--check", str(PAGE)]) == 0, capsys.readouterr().err


def test_a_stale_page_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The check can fail, and says what to run."""
    page = tmp_path / "cli.md"
    page.write_text("old\n")

    assert reference.main(["--check", str(page)]) == 1
    assert "python -m cas.cli.reference" in capsys.readouterr().err
    assert reference.main([str(page)]) == 0
    assert reference.main(["--check", str(page)]) == 0


def test_the_text_does_not_depend_on_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """The page is the same wherever it is made."""
    wide = reference.render()
    monkeypatch.setenv("COLUMNS", "40")

    assert reference.render() == wide


@pytest.mark.parametrize(
    "name", [name for name in COMMANDS if name not in {"init", "demo", "restore", "commit", "mount"}]
)
@pytest.mark.usefixtures("repository")
def test_examples_work(run: Run, name: str) -> None:
    """An example that fails is worse than none."""
    run("checkout", "photos", "work")
    Path("sources.yaml").write_text("resources: [{name: notes, path: 'photos/{note}.txt'}]")
    Path("pipeline.yaml").write_text(
        "modules: {m: {outputs: [out], set: {n: 1}, run: 'touch {outputs.out}'}}"
    )
    Path("words.txt").write_text("b\na\n")
    Path("remote.yaml").write_text(
        f"[{{name: inception, dst_path: net.bin, url: '{Path('words.txt').absolute().as_uri()}'}}]"
    )
    run("commit", "words", "words.txt")
    run("hide", "models/old")

    words = example(name)
    shown = run(*words, "--force") if words == ["tag", "photos", "best"] else run(*words)

    assert shown.code == 0, shown.err


@pytest.mark.usefixtures("photos")
def test_examples_of_the_beginning_work(run: Run) -> None:
    """Both commands, as the first page of any tutorial has them."""
    assert run(*example("init")).code == 0
    assert run(*example("commit")).code == 0
