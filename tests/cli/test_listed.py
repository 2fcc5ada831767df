"""ls: rows of what is no version, and of what a download left; what is hidden; paths taken for names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cas.cli.render import shapes as declared
from tests.cli import shapes
from tests.registry.desk import write

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Run


@pytest.fixture
def local(run: Run, here: Path) -> Path:
    """A repository with the resources `a` and `a-b`, and files around them; its runtime directory."""
    run("init")
    for name in ("a", "a-b"):
        write(here / "data" / "stored.txt", name)
        run("commit", name, str(here / "data"))
    runtime = here / "runtime_resources"
    for path in ("a/x", "a/deep/y", "a-b.csv", "a.csv", "a0/x", "raw/1", "raw/2/3", "single"):
        write(runtime / path, "1234")
    return runtime


def rows(run: Run, *words: str) -> dict[str, tuple[str, int, int]]:
    """What is listed, by name: layer, size and the number of files; quiet has the same names."""
    document = run("ls", "--json", *words).document
    shapes.require(document, declared.LISTING.many())
    assert sorted(run("ls", "-q", *words).out.splitlines()) == sorted(one["name"] for one in document)
    return {one["name"]: (one["layer"], one["size"], one["files"]) for one in document}


@pytest.mark.usefixtures("local")
def test_a_directory_of_files_is_one_row(run: Run) -> None:
    """Whoever has a hundred thousand files in a layer sees the resources; one of a resource is below it."""
    assert {
        "a": ("main", 1, 1),
        "a-b": ("main", 3, 1),
        "a-b.csv": ("runtime", 4, 1),
        "a.csv": ("runtime", 4, 1),
        "a/": ("runtime", 8, 2),
        "a0/": ("runtime", 4, 1),
        "raw/": ("runtime", 8, 2),
        "single": ("runtime", 4, 1),
    } == rows(run)
    table = [line.split() for line in run("ls").out.splitlines()]
    assert ["raw/", "runtime", "8", "B", "2"] in table
    assert ["single", "runtime", "4", "B"] in table


@pytest.mark.parametrize(
    ("prefix", "names"),
    [
        ("raw", ["raw/"]),
        ("raw/", ["raw/1", "raw/2/"]),
        ("raw/2/", ["raw/2/3"]),
        ("a/", ["a/deep/", "a/x"]),
        ("a/d", ["a/deep/"]),
        ("nothing", []),
    ],
)
@pytest.mark.usefixtures("local")
def test_a_directory_is_listed_by_its_path(run: Run, prefix: str, names: list[str]) -> None:
    """With the slash, as other `ls` have it."""
    assert names == list(rows(run, prefix))


def test_one_layer_is_listed_in_the_same_way(run: Run, local: Path) -> None:
    """Of a directory the names of resources say nothing there."""
    document = run("ls", "--json", "--layer", "runtime").document

    assert ["a-b.csv", "a.csv", "a/", "a0/", "raw/", "single"] == [one["name"] for one in document]
    assert str(local / "raw") == document[4]["location"]


@pytest.fixture
def toys(run: Run, here: Path, tmp_path: Path) -> Path:
    """A repository with a downloaded directory; where that is."""
    for path in ("ball", "box/cube"):
        write(tmp_path / "far" / path, path)
    entry = f"- {{name: toys, dst_path: data/toys/, url: '{(tmp_path / 'far').as_uri()}/'}}\n"
    write(here / "remote.yaml", entry)
    run("init")
    assert 0 == run("resources", "download", "toys").code
    return here / "runtime_resources/data/toys"


def test_a_downloaded_directory_is_the_row_of_its_version(run: Run, toys: Path) -> None:
    """Where it is, and which version."""
    (row,) = run("ls", "--json").document

    assert ("data/toys", "runtime", str(toys), 2) == (
        row["name"],
        row["layer"],
        row["location"],
        row["files"],
    )
    assert run("show", "--json", "data/toys").document["version"] == row["current"]["version"]
    assert [row] == run("ls", "--json", "--layer", "runtime").document


def test_own_files_beside_a_download_have_their_row(run: Run, toys: Path) -> None:
    """They are no part of the version."""
    write(toys / "mine", "own")

    assert {"data/toys": ("runtime", 12, 2), "data/toys/": ("runtime", 3, 1)} == rows(run)


def test_an_edited_download_is_no_version(run: Run, toys: Path) -> None:
    """The version is that of the repository, and what lies over it are files."""
    write(toys / "ball", "flat!")

    assert {"data/toys": ("main", 12, 2), "data/toys/": ("runtime", 13, 2)} == rows(run)


def test_what_is_hidden_can_be_listed(run: Run, here: Path, local: Path) -> None:
    """With the layer that hides it, and whether all of it."""
    write(here / "low" / "b" / "c", "1")
    run("layer", "add", "low", "--directory", "low", "--bottom")
    assert run("ls", "--hidden").err == "note: nothing is hidden\n"
    run("hide", "a-b")
    run("hide", "--opaque", "b")
    run("hide", "--layer", "runtime", "b/c")

    document = run("ls", "--hidden", "--json").document

    shapes.require(document, declared.WHITEOUT.many())
    assert [("b/c", "runtime", False), ("a-b", "main", False), ("b", "main", True)] == [
        (one["path"], one["layer"], one["opaque"]) for one in document
    ]
    assert "b/c\n" == run("ls", "--hidden", "-q", "--layer", "runtime").out
    assert "a-b\n" == run("ls", "--hidden", "-q", "a").out
    assert ["a-b", "main", "all", "of", "it"] in [
        line.split() for line in run("ls", "--hidden").out.splitlines()
    ]
    assert (local / "b" / ".wh.c").exists()


def test_different_lists_are_not_mixed(run: Run, local: Path) -> None:
    """Nor is a layer asked for that is not there."""
    del local

    assert 2 == run("ls", "--hidden", "--files").code
    assert 3 == run("ls", "--hidden", "--layer", "nowhere").code


@pytest.mark.parametrize(
    ("words", "why", "hint"),
    [
        (
            ("cat", "single"),
            "it is a file of layer 'runtime'",
            'cat "$(cas path single)"; to make it one: cas',
        ),
        (("show", "raw"), "it is a directory of layer 'runtime'", "cas ls raw/"),
        (("cat", "a/stored.txt"), "it is a file of the view", "cas cat a stored.txt, cas checkout a --path"),
        (("checkout", "a/deep"), "it is a directory of layer 'runtime'", "cas tree a deep, cas checkout a"),
        (("cat", "main:single"), "nothing of that name is in layer 'main'", "run `cas ls`"),
        (("cat", "nothing"), "nothing of that name is in layer 'main'", "run `cas ls`"),
    ],
)
@pytest.mark.usefixtures("local")
def test_a_path_of_the_view_is_no_name(run: Run, words: tuple[str, ...], why: str, hint: str) -> None:
    """Who takes it for one is told what it is, and what to type."""
    shown = run(*words)

    assert 3 == shown.code
    assert f"  why: {why}" in shown.err
    assert hint in shown.err
