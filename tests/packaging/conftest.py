"""The wheel, and an environment that holds nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPTS = "bin"

collect_ignore = [
    "third_party"
]  # it is installed, never imported from here; a part of it refuses to be imported


def run(*command: str | Path, cwd: Path) -> str:
    """Run a command far from the repository; what it printed."""
    environment = {key: value for key, value in os.environ.items() if key not in {"PYTHONPATH", "CAS_REPO"}}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}: {done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build a source distribution, and from that alone the wheel, as a release would."""
    out = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--outdir", out, ROOT, cwd=out)
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="session")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clean environment that holds the wheel and what it depends on."""
    folder = tmp_path_factory.mktemp("clean") / "venv"
    venv.create(folder, with_pip=True)
    run(folder / SCRIPTS / "python", "-m", "pip", "install", "--quiet", wheel, cwd=folder)
    return folder
