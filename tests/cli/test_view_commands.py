"""which, path, and what `cas ls` shows of layers: wiring, wording, exit status, JSON."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cas.cli.render import shapes as declared
from tests.cli import shapes
from tests.cli.test_completion import complete

if TYPE_CHECKING:
    from tests.cli.conftest import Run

LOCAL = Path("runtime_resources/photos")


@pytest.fixture
def layered(repository: Path) -> Path:
    """A repository with `photos`, of which the upper layer has another `readme.txt` and a file of its own."""
    (repository / LOCAL).mkdir(parents=True)
    (repository / LOCAL / "readme.txt").write_text("Mine.\n")
    (repository / LOCAL / "own.txt").write_text("own\n")
    return repository


@pytest.mark.usefixtures("layered")
def test_path_is_one_line(run: Run) -> None:
    """For `$(cas path …)`: nothing else on standard output."""
    upper, lower = run("path", "photos/readme.txt"), run("path", "/photos/sort.sh")

    assert upper.out == f"{Path.cwd() / LOCAL / 'readme.txt'}\n"
    assert Path(lower.out.strip()).read_text() == "#!/bin/sh\n"
    assert lower.out.endswith("/sort.sh\n")


@pytest.mark.usefixtures("layered")
def test_path_of_a_name_that_is_no_utf_8(run: Run) -> None:
    """A script gets the bytes as they are."""
    Path(os.fsdecode(os.fsencode(LOCAL) + b"/caf\xe9")).write_text("1")

    assert run("path", "photos/caf\udce9").out.endswith("caf\udce9\n")


@pytest.mark.usefixtures("here")
def test_a_writable_directory_needs_no_repository(run: Run) -> None:
    """The two layers of every program are enough."""
    shown = run("path", "--writable", "a/b")

    assert shown.out == f"{Path.cwd()}/runtime_resources/a/b\n"
    assert Path("runtime_resources/a/b").is_dir()
    assert run("which", "a/b").code == 0


@pytest.mark.usefixtures("layered")
@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("path", "nothing/here"), 3, 'error: cannot find "nothing/here"\n'),
        (("which", "nothing/here"), 3, "why: no layer has it\n"),
        (("path", "../out"), 2, "why: '..' is not allowed"),
        (("path", "--writable", "photos/own.txt"), 4, "own.txt' is a file\n"),
        (("ls", "--files", "photos/own.txt"), 2, "why: it is a file\n"),
        (("ls", "--files", "--versions"), 2, "list different things"),
    ],
)
def test_errors(run: Run, words: tuple[str, ...], code: int, told: str) -> None:
    """Each with its exit status, and nothing on standard output."""
    shown = run(*words)

    assert (shown.code, shown.out) == (code, "")
    assert told in shown.err


@pytest.mark.usefixtures("layered")
def test_which_tells_the_layer_and_what_it_hides(run: Run) -> None:
    """The winner first; then what lies below it."""
    lines = run("which", "photos/readme.txt").out.splitlines()

    assert lines[0] == "photos/readme.txt"
    told = {line.split()[0]: line.split(maxsplit=1)[1] for line in lines[1:]}
    assert told == {
        "layer": "runtime",
        "kind": "file",
        "size": "6 B (6 bytes)",
        "path": str(Path.cwd() / LOCAL / "readme.txt"),
        "hides": "file of layer 'main'",
    }
    assert run("which", "-q", "photos/readme.txt").out == "runtime\n"


@pytest.mark.usefixtures("layered")
def test_which_puts_nothing_on_the_disk(run: Run) -> None:
    """It says so, and names the command that does."""
    before = run("which", "photos/sort.sh").out
    path = run("path", "photos/sort.sh").out.strip()

    assert "not materialised; `cas path` does that" in before
    assert "inside     sort.sh\n" in before
    assert path in run("which", "photos/sort.sh").out


@pytest.mark.usefixtures("layered")
def test_which_tells_of_symlinks_and_directories(run: Run) -> None:
    """Where a symlink leads, and what a directory is merged with."""
    (LOCAL / "gone").symlink_to("nowhere")

    assert run("which", "photos/latest").out.startswith("photos/latest -> summer/beach.jpg\n")
    assert "nowhere, which is not in the layer" in run("which", "photos/gone").out
    assert "merges     directory of layer 'main'" in run("which", "photos").out


@pytest.mark.usefixtures("layered")
def test_which_names_the_whiteout(run: Run) -> None:
    """Who wonders where a file went gets the command that brings it back."""
    run("hide", "photos/sort.sh")

    shown = run("which", "photos/sort.sh")

    assert shown.code == 3
    assert shown.err == (
        'error: cannot find "photos/sort.sh"\n'
        "  why: 'photos/sort.sh' is hidden in layer 'main'\n"
        " hint: cas unhide --layer main photos/sort.sh\n"
    )


@pytest.mark.usefixtures("layered")
def test_the_documents_are_as_declared(run: Run) -> None:
    """Every kind of node, stored and not."""
    run("hide", "photos/new.txt")
    for path in ("photos", "photos/readme.txt", "photos/sort.sh", "photos/latest", "photos/own.txt", ""):
        shapes.require(run("which", path, "--json").document, declared.WHICH)
    shapes.require(run("path", "photos/own.txt", "--json").document, declared.PATH)
    shapes.require(run("ls", "--files", "--json").document, declared.NODE.many())
    shapes.require(run("ls", "--json").document, declared.LISTING.many())


@pytest.mark.usefixtures("layered")
def test_ls_leaves_out_what_is_hidden(run: Run) -> None:
    """A name that a whiteout or a file above hides is not in the view; its layer still has it."""
    run("commit", "notes", "photos/readme.txt")
    run("hide", "notes")
    Path("runtime_resources/photos").rename("runtime_resources/other")
    Path("runtime_resources/photos").write_text("a file")

    assert run("ls", "-q").out == "other/\nphotos\n"
    assert run("ls", "-q", "--layer", "main").out == "notes\nphotos\n"


@pytest.mark.usefixtures("layered")
def test_ls_files_is_the_union(run: Run) -> None:
    """Every entry once, with the layer that wins it."""
    lines = run("ls", "--files", "photos").out.splitlines()

    assert [line.split()[-2:] if " -> " not in line else line.split()[-4:] for line in lines] == [
        ["main", "photos/empty/"],
        ["main", "photos/latest", "->", "summer/beach.jpg"],
        ["main", "photos/new.txt"],
        ["runtime", "photos/own.txt"],
        ["runtime", "photos/readme.txt"],
        ["main", "photos/sort.sh*"],
        ["main", "photos/summer/"],
        ["main", "photos/summer/beach.jpg"],
    ]
    assert run("ls", "--files", "-q", "photos/summer").out == "photos/summer/beach.jpg\n"


@pytest.mark.usefixtures("layered")
def test_paths_of_the_view_complete(run: Run) -> None:
    """Level by level, with entries of every layer."""
    assert complete(run, "cas which ph") == ["photos/"]
    assert complete(run, "cas path photos/o") == ["photos/own.txt"]
    assert complete(run, "cas path photos/su") == ["photos/summer/"]
    assert complete(run, "cas path nothing/here") == []
