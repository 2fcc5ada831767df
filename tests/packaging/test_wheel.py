"""The distribution: what is built from the repository works where the repository is not.

Not part of the default run, because building and installing need a package index: `pytest -m wheel`.
"""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

import pytest

from tests.packaging.conftest import ROOT, SCRIPTS, run

pytestmark = pytest.mark.wheel

CLIENT = """
from pathlib import Path

from cas import Repository

def store(directory: Path, source: Path) -> str:
    with Repository.init(directory) as repository:
        result = repository.commit("data", source, properties={"city": "Oslo"})
        return str(result.version.content)
"""


def test_the_wheel_holds_every_module_and_nothing_else(wheel: Path) -> None:
    """A forgotten sub-package works in the tree and is missing in the wheel; a generic name hurts others."""
    expected = {
        Path(name, *path.relative_to(ROOT / folder).parts).as_posix()
        for folder, name in (("cas", "cas"), ("cli", "cas/cli"), ("hooks", "cas/hooks"))
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".pyc"
    }

    with zipfile.ZipFile(wheel) as archive:
        found = {name for name in archive.namelist() if ".dist-info/" not in name}

    assert expected == found


def test_the_licence_travels_with_the_wheel(wheel: Path) -> None:
    """Apache-2.0 asks that whoever gets the code gets the licence."""
    with zipfile.ZipFile(wheel) as archive:
        assert any(name.endswith("licenses/LICENSE") for name in archive.namelist())


def test_the_command_works_from_elsewhere(environment: Path, tmp_path: Path) -> None:
    """The whole way: the installed command stores a file and gives it back, with no repository in reach."""
    (tmp_path / "cities.csv").write_text("Oslo\nBergen\n")
    cas = environment / SCRIPTS / "cas"

    run(cas, "init", cwd=tmp_path)
    run(cas, "commit", "cities", "cities.csv", "-p", "country=no", cwd=tmp_path)
    run(cas, "checkout", "cities", "copy.csv", cwd=tmp_path)

    assert (tmp_path / "copy.csv").read_text() == "Oslo\nBergen\n"
    assert run(cas, "cat", "cities", cwd=tmp_path) == "Oslo\nBergen\n"


def test_python_dash_m_is_the_command(environment: Path, tmp_path: Path) -> None:
    """`python -m cas` is for people whose PATH does not have the environment's scripts."""
    version = run(environment / SCRIPTS / "python", "-m", "cas", "--version", cwd=tmp_path)

    assert run(environment / SCRIPTS / "cas", "--version", cwd=tmp_path) == version


def test_only_one_name_lands_in_site_packages(environment: Path, tmp_path: Path) -> None:
    """Neither `cli` nor `hooks` may be importable: sooner or later they would be somebody else's."""
    names = ("cas", "cli", "hooks", "docs", "tests")
    probe = f"import importlib.util as u; print(*[name for name in {names} if u.find_spec(name)])"

    importable = run(environment / SCRIPTS / "python", "-I", "-c", probe, cwd=tmp_path)

    assert importable.split() == ["cas"]


def test_a_client_of_the_installed_package_sees_types(environment: Path, tmp_path: Path) -> None:
    """`py.typed` is in place for the nested packages too, and the documented names are exported."""
    (tmp_path / "client.py").write_text(CLIENT)

    run(
        *(sys.executable, "-m", "mypy", "--strict", "--no-incremental"),
        *("--python-executable", environment / SCRIPTS / "python", "client.py"),
        cwd=tmp_path,
    )
