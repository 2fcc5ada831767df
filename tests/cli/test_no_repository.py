"""The view of no repository, on the command line, and what becomes of it when there is one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cas.cli.render import shapes as declared
from cas.testing.trees import File, write_tree
from tests.cli import shapes
from tests.cli.conftest import PACKAGE_PARENT, arguments, environment, process
from tests.registry.desk import write

if TYPE_CHECKING:
    from cas.testing.trees import Tree
    from tests.cli.conftest import Run


@pytest.fixture
def installed(tmp_path: Path) -> dict[str, str]:
    """An environment in which a package is installed that announces its data as the layer `app`."""
    described: Tree = {
        b"METADATA": File(b"Metadata-Version: 2.1\nName: cas-test-app\nVersion: 1.0\n"),
        b"entry_points.txt": File(b"[cas.package_layers]\napp = cas_test_app:data\n"),
    }
    package: Tree = {b"__init__.py": File(b""), b"data": {b"logo.txt": File(b"logo\n")}}
    site = tmp_path / "site"
    write_tree({b"cas_test_app": package, b"cas_test_app-1.0.dist-info": described}, site)
    return environment(PYTHONPATH=f"{PACKAGE_PARENT}:{site}")


def typed(line: str, surroundings: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a command line in a process of its own."""
    return subprocess.run(
        arguments(*line.split()), env=surroundings, capture_output=True, text=True, check=False
    )


@pytest.mark.usefixtures("here")
def test_init_tells_of_the_packages_that_its_view_lacks(installed: dict[str, str]) -> None:
    """They were there a moment ago; the line that brings them back can be pasted."""
    before = typed("path logo.txt", installed)

    made = typed("init", installed)

    assert 0 == before.returncode, before.stderr
    assert "its layers, the uppermost first: runtime ($(cwd)/runtime_resources), main\n" in made.stderr
    (line,) = [line for line in made.stderr.splitlines() if "'cas_test_app' is no layer" in line]
    assert 3 == typed("path logo.txt", installed).returncode
    added = typed(line.partition("to add it: cas ")[2], installed)
    assert 0 == added.returncode, added.stderr
    assert before.stdout == typed("path logo.txt", installed).stdout


@pytest.mark.usefixtures("here")
def test_init_is_as_terse_as_asked(installed: dict[str, str]) -> None:
    """Scripts get the path of the repository, and nothing besides."""
    made = typed("init -q", installed)

    assert (f"{Path.cwd()}/.cas\n", "") == (made.stdout, made.stderr)


def test_files_of_the_view_are_listed_without_a_repository(run: Run, here: Path) -> None:
    """The error of `cas path` says to run this: it must work where the error is met."""
    write(here / "runtime_resources" / "a" / "b.txt", "text")

    missing = run("path", "nothing")
    listed, quiet, document = (run("ls", "--files", *words) for words in ((), ("-q",), ("--json",)))

    assert "hint: `cas ls --files` lists" in missing.err
    assert listed.out == "            runtime  a/\n       4 B  runtime  a/b.txt\n"
    assert quiet.out == "a\na/b.txt\n"
    shapes.require(document.document, declared.NODE.many())


@pytest.mark.usefixtures("here")
def test_an_empty_view_is_said_to_be_empty(run: Run) -> None:
    """Silence could be a fault."""
    shown = run("ls", "--files")

    assert (0, "", "note: the view is empty\n") == (shown.code, shown.out, shown.err)


@pytest.mark.usefixtures("repository")
@pytest.mark.parametrize(
    "line",
    [
        "layer remove runtme",
        "layer move runtme --top",
        "layer move main --below runtme",
        "layer add x --above runtme",
        "hide x --layer runtme",
        "unhide x --layer runtme",
        "ls --layer runtme",
        "commit x photos --layer runtme",
    ],
)
def test_a_layer_that_is_not_there_is_told_with_all_that_are(run: Run, line: str) -> None:
    """And with the nearest, which is what was meant."""
    shown = run(*line.split())

    assert 3 == shown.code
    assert shown.err == (
        "error: cannot find layer 'runtme'\n"
        "  why: the layers are 'runtime', 'main'\n"
        " hint: did you mean 'runtime'?\n"
    )


@pytest.mark.usefixtures("repository")
def test_versions_are_in_layers_of_refs_only(run: Run) -> None:
    """The error says why a layer that is there is not among those that it lists."""
    listed, committed = run("ls", "--versions", "--layer", "runtime"), run("show", "runtime:photos")

    for shown in (listed, committed):
        assert 3 == shown.code
        assert "  why: the layers that hold versions are 'main'\n" in shown.err
    refused = run("commit", "x", "photos", "--layer", "runtime")
    assert "  why: it is of kind directory, not refs\n" in refused.err


@pytest.mark.usefixtures("repository")
def test_a_warning_is_told_as_one(run: Run) -> None:
    """What the library logs has a label like everything else, comes once, and spoils no JSON."""
    run("layer", "add", "gone", "--package", "no_such_package_here")
    told = f"layer 'gone' is empty: there is no Python package 'no_such_package_here' for {sys.executable}"

    assert process("which", "photos").err == f"warning: {told}\n"
    assert process("which", "photos", "--json").err == ""
    assert process("which", "photos", "-v").err.endswith(f"cas.view.package_layer: {told}\n")


@pytest.mark.usefixtures("repository")
def test_a_package_that_is_not_there_is_missed_in_a_python(run: Run) -> None:
    """It may well be installed, in another environment than the one that `cas` runs in."""
    added = run("layer", "add", "gone", "--package", "no_such_package_here")

    assert f"there is no Python package 'no_such_package_here' for {sys.executable}\n" in added.err
