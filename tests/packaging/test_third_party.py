"""A package of somebody else, installed for real: its hook, its type and its propagator are found."""

from __future__ import annotations

import json
import shutil
import subprocess
import venv
from pathlib import Path

import pytest

from tests.packaging.conftest import SCRIPTS, run

pytestmark = pytest.mark.wheel

PACKAGE = Path(__file__).parent / "third_party"

PIPELINE = """
modules:
  both:
    inputs: [tides/oslo, tides/bergen]
    outputs: [{name: tides/both, type: tide-table}]
    properties: {use: same-station}
    run: cat {inputs.oslo} {inputs.bergen} > {outputs.both}
"""


@pytest.fixture(scope="module")
def cas(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command `cas` of a clean environment that holds the wheel and the package."""
    folder = tmp_path_factory.mktemp("third-party")
    venv.create(folder / "venv", with_pip=True)
    python = folder / "venv" / SCRIPTS / "python"
    run(python, "-m", "pip", "install", "--quiet", wheel, "setuptools>=77", cwd=folder)
    source = shutil.copytree(PACKAGE, folder / "cas-tides")  # a build leaves things beside its source
    offline = ("--no-index", "--no-deps", "--no-build-isolation")
    run(python, "-m", "pip", "install", "--quiet", *offline, source, cwd=folder)
    return folder / "venv" / SCRIPTS / "cas"


@pytest.fixture
def home(cas: Path, tmp_path: Path) -> Path:
    """A repository, and two files to commit."""
    run(cas, "init", cwd=tmp_path)
    (tmp_path / "oslo.txt").write_text("06:12 0.31\n")
    (tmp_path / "bergen.txt").write_text("05:40 1.02\n")
    return tmp_path


def test_its_hooks_are_listed_with_the_package(cas: Path, home: Path) -> None:
    """Whoever wonders where a policy comes from finds the distribution and its version."""
    listed = json.loads(run(cas, "hooks", "list", "--json", cwd=home))

    assert [
        ("pre_commit", "plug-in", "tides", "cas-tides 1.0"),
        ("post_commit", "plug-in", "tides", "cas-tides 1.0"),
    ] == [(one["point"], one["kind"], one["name"], one["origin"]) for one in listed]


def test_its_hooks_fire(cas: Path, home: Path) -> None:
    """Installing it was all it took: the policy refuses, and what goes wrong afterwards is a note."""
    refused = subprocess.run(
        [cas, "commit", "tides/oslo", "oslo.txt"], cwd=home, capture_output=True, text=True, check=False
    )
    done = subprocess.run(
        [cas, "commit", "tides/oslo", "oslo.txt", "-p", "station=Oslo"],
        cwd=home,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (1, "") == (refused.returncode, refused.stdout)
    assert refused.stderr == (
        "error: cannot commit 'tides/oslo'\n"
        "  why: tides are measured at a station\n"
        " hint: add -p station=NAME\n"
    )
    assert done.returncode == 0
    assert "failed: ConnectionError: nobody answers at the harbour" in done.stderr


def test_its_type_and_its_propagator_are_used(cas: Path, home: Path) -> None:
    """A pipeline file names both; what is built has the type, and the properties that were propagated."""
    (home / "tides.yaml").write_text(PIPELINE)
    for name in ("oslo", "bergen"):
        run(cas, "commit", "-q", f"tides/{name}", f"{name}.txt", "-p", f"station={name}", cwd=home)

    run(cas, "build", "tides.yaml", cwd=home)

    made = json.loads(run(cas, "show", "tides/both", "--json", cwd=home))
    assert ("tide-table", {"station": "bergen+oslo"}) == (made["type"], made["properties"])
    assert run(cas, "cat", "tides/both", cwd=home) == "06:12 0.31\n05:40 1.02\n"
