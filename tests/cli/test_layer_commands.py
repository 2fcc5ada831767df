"""`cas layer`, `cas hide`, `cas unhide`: words, tables, documents and exit statuses."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
import yaml

from cas.cli.render import shapes
from tests.cli.shapes import require

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Run


def stored_path(here: Path, name: str) -> str:
    """What config.yaml says of where a layer is."""
    document = yaml.safe_load((here / ".cas" / "config.yaml").read_text())
    (found,) = (layer["path"] for layer in document["layers"] if layer["name"] == name)
    return str(found)


@pytest.mark.usefixtures("repository")
def test_layers_are_listed_from_the_top(run: Run, here: Path) -> None:
    """A row says what kind it is, whether it can be written, what it holds and where it is."""
    run("layer", "add", "shared", "--directory", "/data", "--read-only", "--bottom")

    listed, quiet, document = (run("layer", "list", *words) for words in ((), ("-q",), ("--json",)))

    assert listed.out == (
        "LAYER    KIND       ACCESS     NAMES  WHERE\n"
        f"runtime  directory  writable          {here / 'runtime_resources'}\n"
        "main     refs       writable       1\n"
        "shared   directory  read-only         /data\n"
    )
    assert quiet.out == "runtime\nmain\nshared\n"
    require(document.document, shapes.LAYER)
    assert [True, True, False] == [one["writable"] for one in document.document]
    assert [None, 1, None] == [one["names"] for one in document.document]


@pytest.mark.usefixtures("repository")
def test_a_table_of_layers_fits_a_narrow_terminal(run: Run) -> None:
    """A long place is what gives way."""
    run("layer", "add", "shared", "--directory", "/data" * 30)

    listed = run("layer", "list", environment={"COLUMNS": "50"})

    assert "shared" in listed.out


@pytest.mark.usefixtures("repository")
def test_a_layer_comes_moves_and_goes(run: Run) -> None:
    """Each command says what it did, or lists all layers as they are then."""
    assert run("layer", "add", "work").out == "added layer work\n"
    assert run("layer", "move", "work", "--below", "main").out == "moved layer work\n"
    assert run("layer", "list", "-q").out == "runtime\nmain\nwork\n"
    assert run("layer", "move", "work", "--top", "-q").out == "work\n"

    document = run("layer", "remove", "work", "--json").document

    require(document, shapes.LAYER)
    assert ["runtime", "main"] == [one["name"] for one in document]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ((), ["new", "runtime", "main"]),
        (("--bottom",), ["runtime", "main", "new"]),
        (("--above", "main"), ["runtime", "new", "main"]),
        (("--package", "app.data"), ["runtime", "main", "new"]),
        (("--package", "app.data", "--top"), ["new", "runtime", "main"]),
    ],
)
@pytest.mark.usefixtures("repository")
def test_a_new_layer_has_the_place_that_was_asked_for(
    run: Run, words: tuple[str, ...], expected: list[str]
) -> None:
    """Or the usual one of its kind."""
    assert run("layer", "add", "new", *words).code == 0

    assert expected == run("layer", "list", "-q").out.split()


def test_a_directory_is_where_the_shell_says(
    run: Run, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A relative path is relative to here; in the file, to the repository, so that both can be moved."""
    (repository / "deep").mkdir()
    monkeypatch.chdir(repository / "deep")

    for name, path in [("a", "data"), ("b", "../../beside"), ("c", "/data/../x"), ("d", "$(cwd)/data")]:
        assert run("layer", "add", name, "--directory", path).code == 0

    assert "deep/data" == stored_path(repository, "a")
    assert os.fspath(repository.parent / "beside") == stored_path(repository, "b")
    assert "/x" == stored_path(repository, "c")
    assert "$(cwd)/data" == stored_path(repository, "d")
    places = {one["name"]: one["where"] for one in run("layer", "list", "--json").document}
    assert os.fspath(repository / "deep" / "data") == places["a"] == places["d"]


@pytest.mark.usefixtures("repository")
def test_a_package_is_named_with_its_folder(run: Run) -> None:
    """One that is not there is added all the same, and said to be missing."""
    shown = run("layer", "add", "app", "--package", "cas:repo")
    missing = run("layer", "add", "gone", "--package", "no_such_package_here")

    assert (0, "", "added layer app\n") == (shown.code, shown.err, shown.out)
    assert (0, "added layer gone\n") == (missing.code, missing.out)
    assert (
        "note: layer 'gone' shows nothing: there is no Python package 'no_such_package_here'" in missing.err
    )
    assert "note: layer 'gone' shows nothing" in run("layer", "list").err
    found = {one["name"]: one for one in run("layer", "list", "--json").document}
    assert ("cas:repo", None) == (found["app"]["where"], found["app"]["problem"])
    assert "no_such_package_here:blobs" == found["gone"]["where"]
    assert not found["gone"]["writable"]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ("layer add main", 4, "cannot add layer 'main'"),
        ("layer add a:b", 2, "it contains ':'"),
        ("layer add x --directory d --package p", 2, "--directory and --package are two kinds of layers"),
        ("layer add x --package a-b", 2, "must be the name of a Python package"),
        ("layer add x --package a:../b", 2, "must be the path of a folder inside of the package"),
        ("layer add x --package a:", 2, "must be the path of a folder inside of the package"),
        ("layer add x --top --below main", 2, "a layer has one place"),
        ("layer add x --below nix", 3, "cannot find layer 'nix'"),
        ("layer move main", 2, "cas layer move main --top"),
        ("layer move nix --top", 3, "cannot find layer 'nix'"),
        ("layer move main --above main", 2, "a layer is not above or below itself"),
        ("layer remove nix", 3, "cannot find layer 'nix'"),
        ("layer remove main", 4, "cas remove --all main:photos"),
        ("layer", 2, "  layer list  "),
        ("hide photos --layer nix", 3, "cannot find layer 'nix'"),
        ("hide ../photos", 2, "'..'"),
    ],
)
@pytest.mark.usefixtures("repository")
def test_what_cannot_be_done_is_an_error_that_says_so(run: Run, words: str, code: int, said: str) -> None:
    """In three lines, with the exit status of its kind, and nothing on standard output."""
    shown = run(*words.split())

    assert (code, "") == (shown.code, shown.out)
    assert said in shown.err
    assert "Traceback" not in shown.err
    assert ["runtime", "main"] == run("layer", "list", "-q").out.split()


def test_an_empty_directory_is_not_here(run: Run, repository: Path) -> None:
    """`--directory ""` is a variable that was not set, not a wish."""
    assert repository.is_dir()

    assert run("layer", "add", "x", "--directory", "").code == 2


@pytest.mark.usefixtures("repository")
def test_hiding_and_showing_again(run: Run) -> None:
    """What was done, the way back, and what happens when it is so already; the status tells the last case."""
    hidden = run("hide", "photos/summer")
    again = run("hide", "photos/summer")
    shown = run("unhide", "photos/summer")
    never = run("unhide", "photos/summer")

    assert (0, "hidden photos/summer (layer main)\n") == (hidden.code, hidden.out)
    assert hidden.err == "note: undo with `cas unhide --layer main photos/summer`\n"
    assert (0, "already hidden: photos/summer (layer main)\n", "") == (again.code, again.out, again.err)
    assert (0, "shown again: photos/summer (layer main)\n") == (shown.code, shown.out)
    assert (3, "") == (never.code, never.out)
    assert "there is no whiteout at this path" in never.err
    assert 0 == run("cat", "photos", "summer/beach.jpg").code


@pytest.mark.usefixtures("repository")
def test_hiding_as_a_document_and_in_brief(run: Run) -> None:
    """Stable keys; what is not there is hidden in advance, and a note says that it is not."""
    document = run("hide", "photos", "--opaque", "--json").document
    brief = run("hide", "nothing/here", "-q")
    noted = run("hide", "nothing/there")

    require(document, shapes.HIDING)
    assert {"path": "photos", "layer": "main", "opaque": True, "changed": True, "notes": []} == document
    assert ("nothing/here\n", "") == (brief.out, brief.err)
    assert "note: nothing is there now\n" in noted.err
    document = run("unhide", "photos", "--json").document
    require(document, shapes.HIDING)
    assert document["opaque"]


@pytest.mark.usefixtures("repository")
def test_what_is_hidden_with_a_directory_is_shown_with_it(run: Run) -> None:
    """The hint names the path that is hidden, to be pasted."""
    run("hide", "photos")

    shown = run("unhide", "photos/summer/beach.jpg")

    assert 3 == shown.code
    assert "it is 'photos' that is hidden" in shown.err
    assert " hint: cas unhide photos\n" in shown.err


@pytest.mark.usefixtures("repository")
def test_the_log_tells_what_was_hidden(run: Run) -> None:
    """A path has no version: the table shows it bare, the document null; asked by name, too."""
    run("hide", "photos", "--opaque")
    run("unhide", "photos")

    lines = run("log").out.splitlines()
    entries = run("log", "photos", "-n", "2", "--json").document

    assert ["unhide", "photos"] == lines[1].split()[3:]
    assert ["hide", "photos", "opaque"] == lines[2].split()[3:]
    require(entries, shapes.LOG_ENTRY.many())
    assert [("unhide", "photos", None), ("hide", "photos", None)] == [
        (one["event"], one["name"], one["version"]) for one in entries
    ]


def test_a_path_of_any_bytes_can_be_hidden(run: Run, repository: Path) -> None:
    """As a shell gives it; what would drive the terminal is escaped, and the log shows it again."""
    assert repository.is_dir()
    path = os.fsdecode(b"photos/\xff\x1b[31m")

    assert 0 == run("hide", path).code

    assert os.fsdecode(b"photos/\xff") + "\\x1b[31m" in run("log", "-n", "1").out
    assert 0 == run("log", "-n", "1", "--json").code
    assert 0 == run("unhide", path).code


def test_a_directory_layer_hides_by_a_file(run: Run, repository: Path) -> None:
    """The one that other tools know; it is taken away again."""
    assert 0 == run("hide", "photos/summer", "--layer", "runtime").code
    assert (repository / "runtime_resources" / "photos" / ".wh.summer").is_file()

    shown = run("unhide", "photos/summer")

    assert "shown again: photos/summer (layer runtime)\n" == shown.out
    assert not (repository / "runtime_resources" / "photos" / ".wh.summer").exists()


def test_what_is_above_cannot_be_hidden_from_below(run: Run, repository: Path) -> None:
    """The hint says what to do, for a file of a directory and for a resource."""
    (repository / "runtime_resources").mkdir()
    file = repository / "runtime_resources" / "notes"
    file.write_text("mine")

    below = run("hide", "notes")
    inside = run("hide", "notes", "--layer", "runtime")

    for shown in (below, inside):
        assert (4, "") == (shown.code, shown.out)
        assert f"delete '{file}'" in shown.err
    assert "it is in layer 'runtime', which is above" in below.err
