"""A package of somebody else, installed for real: its hook, type, propagator and data are found."""

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


LOOKUP = """
import cas

found = cas.get_resource_path("tides/stations.csv")
print(found)
print(found.read_text().splitlines()[1])
print(cas.get_resources_writable_directory("tides"))
"""


def test_its_data_is_a_layer_outside_of_repositories(cas: Path, tmp_path: Path) -> None:
    """A built distribution holds the data, its entry point announces it, and its code is not run for it."""
    here = tmp_path.resolve()
    found, station, writable = run(cas.with_name("python"), "-c", LOOKUP, cwd=here).splitlines()

    assert found.endswith("/site-packages/cas_tides/resources/blobs/tides/stations.csv")
    assert (station, writable) == ("Oslo,59.9", str(here / "runtime_resources" / "tides"))

    (here / "runtime_resources" / "tides" / "stations.csv").write_text("NAME,LATITUDE\nBergen,60.4\n")
    assert run(cas, "path", "tides/stations.csv", cwd=here) == f"{writable}/stations.csv\n"
    which = json.loads(run(cas, "which", "tides/stations.csv", "--json", cwd=here))
    assert [("runtime", None)] == [(which["node"]["layer"], which["node"]["version"])]
    assert [("tides", found)] == [(one["layer"], one["location"]) for one in which["shadows"]]


def test_its_data_is_a_layer_of_a_repository_if_it_is_listed(cas: Path, home: Path) -> None:
    """There the configuration decides, and the package lies below what was committed."""
    run(cas, "layer", "add", "tides", "--package", "cas_tides.resources", cwd=home)

    listed = run(cas, "ls", "--files", "-q", cwd=home).splitlines()

    assert listed == ["tides", "tides/stations.csv"]
    run(cas, "commit", "tides/stations.csv", "oslo.txt", "-p", "station=Oslo", cwd=home)
    which = json.loads(run(cas, "which", "tides/stations.csv", "--json", cwd=home))
    assert which["node"]["layer"] == "main"
