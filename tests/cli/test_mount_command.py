"""`cas mount`: its words, its exit codes, and the line that scripts wait for."""

from __future__ import annotations

import io
import os
import pickle
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from cas.cli.render import shapes
from cas.repo import Repository
from tests.cli.conftest import environment
from tests.cli.test_unpickle import Evil
from tests.mount.mounts import is_mounted, mounted

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Run


@pytest.mark.usefixtures("repository")
@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["missing"], 3, "mkdir missing"),
        (["photos"], 4, "not empty"),
        (["photos/readme.txt"], 2, "is a file"),
        (["empty", "nothing"], 3, "cannot find 'nothing'"),
        (["empty", "photos@@"], 2, "as a tag"),
        ([], 2, "`cas mount` needs DIR"),
    ],
)
def test_mistakes_are_explained(run: Run, here: Path, words: list[str], code: int, told: str) -> None:
    """Each says what is wrong, and nothing is mounted."""
    (here / "empty").mkdir()

    shown = run("mount", *words)

    assert (code, "") == (shown.code, shown.out)
    assert told in shown.err
    assert not is_mounted(here / "empty")


@pytest.mark.usefixtures("repository")
def test_the_line_names_version_and_place(here: Path) -> None:
    """A script reads it and goes on: from then on everything is there."""
    with mounted(here, here / "m", "photos@first") as mount:
        assert mount.line.startswith("mounted photos@")
        assert mount.line.endswith(f" at {here / 'm'}\n")
        assert "Pictures.\n" == (mount.at / "readme.txt").read_text()
        assert 0 == mount.stop()
        assert "note: Ctrl-C unmounts it\n" == mount.told()


@pytest.mark.usefixtures("repository")
def test_the_view_is_what_is_mounted_without_a_version(here: Path) -> None:
    """The document is null where the version would be."""
    with mounted(here, here / "m", "--json") as mount:
        assert mount.process.stdout is not None
        assert '  "version": null\n' in [mount.process.stdout.readline() for _ in range(2)]
        assert ["photos"] == os.listdir(mount.at)


def test_the_shape_has_what_is_printed() -> None:
    """Scripts rely on the keys."""
    assert {"directory", "version"} == set(shapes.MOUNT.fields)


@pytest.mark.usefixtures("repository")
@pytest.mark.parametrize(
    ("line", "answer"), [("cas mount somewhere pho", "plain,photos"), ("cas mount some", "dir,some")]
)
def test_places_and_versions_are_completed(run: Run, line: str, answer: str) -> None:
    """Tab offers directories first, and then what can be mounted."""
    shown = run(environment={"_CAS_COMPLETE": "bash_complete", "COMP_LINE": line, "COMP_BREAKS": "@"})

    assert [answer] == [line for line in shown.out.splitlines() if line.startswith(answer)]


def test_reading_does_not_unpickle(here: Path) -> None:
    """A hostile value is a file as others are."""
    with Repository.init(here) as repository:
        repository.commit("evil", io.BytesIO(pickle.dumps(Evil(here / "executed"))), type="python")
    with mounted(here, here / "m") as mount:
        assert pickle.dumps(Evil(here / "executed")) == (mount.at / "evil").read_bytes()
        assert 0 == mount.stop()

    assert not (here / "executed").exists()


def test_other_commands_do_not_load_it(here: Path) -> None:
    """Mounting needs libraries that nothing else needs."""
    code = (
        "import sys; from cas.cli.main import main; main(['ls', '--help']); "
        "sys.exit([name for name in sys.modules if 'mount' in name or 'fuse' in name])"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, cwd=here, env=environment(), check=False
    )

    assert b"[]\n" == done.stderr
