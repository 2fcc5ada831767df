"""ls, tree, cat, show, log, diff, find, id: wiring, wording, exit status, JSON."""

from __future__ import annotations

import base64
import os
from typing import TYPE_CHECKING

import pytest
from blake3 import blake3

from cas.cli.render import shapes as declared
from tests.cli import shapes

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Run


@pytest.mark.usefixtures("repository")
def test_ls_is_a_table(run: Run) -> None:
    """One line a name, with the current version and its tags."""
    shown = run("ls")

    head, line = shown.out.splitlines()
    assert head.split() == ["NAME", "VERSION", "SIZE", "FILES", "VERSIONS", "COMMITTED", "TAGS"]
    assert line.startswith("photos  ")
    assert line.endswith("  best")


@pytest.mark.usefixtures("here")
def test_ls_of_nothing(run: Run) -> None:
    """Neither an empty table nor an error; the note explains the silence."""
    run("init")

    shown = run("ls")

    assert shown.code == 0
    assert not shown.out
    assert shown.err == "note: the repository is empty\n"
    assert run("ls", "--json").document == []


@pytest.mark.usefixtures("repository")
def test_ls_takes_a_prefix(run: Run) -> None:
    """Only names that start with it."""
    run("commit", "notes", "photos/readme.txt")

    assert run("ls", "-q").out == "notes\nphotos\n"
    assert run("ls", "-q", "ph").out == "photos\n"
    assert run("ls", "-q", "x").out == ""


@pytest.mark.usefixtures("repository")
def test_ls_versions_has_removed_ones(run: Run) -> None:
    """Whoever wants to restore one has to find it."""
    run("remove", "photos@first")

    shown = run("ls", "--versions")

    assert len(shown.out.splitlines()) == 3
    assert "(removed)" in shown.out
    assert {one["state"] for one in run("ls", "--versions", "--json").document} == {"live", "removed"}


@pytest.mark.usefixtures("repository")
def test_ls_as_json(run: Run) -> None:
    """The documents are what the reference says."""
    shapes.require(run("ls", "--json").document, declared.LISTING.many())
    shapes.require(run("ls", "--versions", "--json").document, declared.VERSION.many())


@pytest.mark.usefixtures("repository")
def test_ls_of_a_layer_that_is_not_there(run: Run) -> None:
    """A misspelled layer is not an empty one."""
    assert run("ls", "--layer", "nowhere").code == 3


@pytest.mark.usefixtures("repository")
def test_tree_shows_kinds(run: Run) -> None:
    """A directory ends in /, an executable in *, a symlink says where it points."""
    lines = [line[12:] for line in run("tree", "photos").out.splitlines()]

    assert lines == [
        "empty/",
        "latest -> summer/beach.jpg",
        "new.txt",
        "readme.txt",
        "sort.sh*",
        "summer/",
        "  beach.jpg",
    ]


@pytest.mark.usefixtures("repository")
def test_tree_of_a_part(run: Run) -> None:
    """PATH and --depth show less."""
    assert run("tree", "photos", "summer", "-q").out == "summer/beach.jpg\n"
    assert run("tree", "photos", "summer").out == "   2.0 KiB  beach.jpg\n"
    assert "beach.jpg\n" not in run("tree", "photos", "--depth", "1", "-q").out.replace("latest", "")


@pytest.mark.usefixtures("repository")
def test_tree_as_json(run: Run) -> None:
    """One array, written as it is walked; an empty one is one too."""
    document = run("tree", "photos", "--json").document

    shapes.require(document, declared.TREE_ITEM.many())
    assert {one["path"]: one["kind"] for one in document}["latest"] == "symlink"
    assert run("tree", "photos", "empty", "--json").document == []


@pytest.mark.usefixtures("repository")
def test_cat_gives_the_bytes(run: Run) -> None:
    """Nothing more and nothing less."""
    assert run("cat", "photos@first", "readme.txt").out == "Pictures.\n"
    assert run("cat", "photos", "readme.txt").out == "More pictures.\n"


@pytest.mark.usefixtures("repository")
def test_cat_of_a_directory(run: Run) -> None:
    """It has no bytes to give."""
    assert run("cat", "photos").code == 2
    assert run("cat", "photos", "nothing").code == 3


@pytest.mark.usefixtures("repository")
def test_cat_as_json(run: Run) -> None:
    """Text is text, anything else is base64."""
    shown = run("cat", "photos", "readme.txt", "--json").document
    shapes.require(shown, declared.CAT)
    assert shown["data"] == "More pictures.\n"

    shown = run("cat", "photos", "summer/beach.jpg", "--json").document
    assert shown["encoding"] == "base64"
    assert base64.b64decode(shown["data"]) == bytes(range(256)) * 8


@pytest.mark.usefixtures("repository")
def test_show_tells_everything(run: Run) -> None:
    """Ids in full, properties as they were typed."""
    shown = run("show", "photos@best")

    labels = [line.split()[0] for line in shown.out.splitlines()[1:]]
    assert labels == [
        *("name", "layer", "version", "content", "kind", "size", "files", "committed", "by", "tags", "state"),
        *("properties", "camera", "year"),
    ]


def test_show_of_a_file_has_its_b3sum(run: Run, repository: Path) -> None:
    """The content id is the plain BLAKE3 of the bytes."""
    run("commit", "notes", "photos/readme.txt")

    digest = blake3((repository / "photos" / "readme.txt").read_bytes()).hexdigest()

    assert f"content    {digest}" in run("show", "notes").out
    assert run("show", "notes", "--json").document["content"] == digest


@pytest.mark.usefixtures("repository")
def test_show_as_json(run: Run) -> None:
    """A version object."""
    shapes.require(run("show", "photos@~1", "--json").document, declared.VERSION)


@pytest.mark.usefixtures("repository")
def test_an_unknown_name_suggests_one(run: Run) -> None:
    """Exit 3 and the nearest name."""
    shown = run("show", "photoz")

    assert shown.code == 3
    assert "'photos'" in shown.err


@pytest.mark.usefixtures("repository")
def test_log_is_newest_first(run: Run) -> None:
    """Each event with its time, version and what there is to say."""
    run("remove", "photos@first")

    events = [line.split()[3] for line in run("log").out.splitlines()[1:]]

    assert events == ["remove", "tag", "commit", "tag", "commit"]
    assert len(run("log", "-n", "2").out.splitlines()) == 3
    assert run("log", "nothing").code in {0, 3}


@pytest.mark.usefixtures("repository")
def test_log_as_json(run: Run) -> None:
    """The documents are what the reference says."""
    document = run("log", "photos", "--json").document

    shapes.require(document, declared.LOG_ENTRY.many())
    assert [one["sequence"] for one in document] == sorted(
        (one["sequence"] for one in document), reverse=True
    )


@pytest.mark.usefixtures("repository")
def test_diff_tells_properties_and_paths(run: Run) -> None:
    """Letters as git has them, and a summary."""
    shown = run("diff", "photos@first", "photos@best")

    assert shown.code == 0
    assert shown.out.splitlines()[2:] == [
        "A  property year: 2024",
        "A  new.txt",
        "M  readme.txt",
        "1 added, 1 modified",
    ]


@pytest.mark.usefixtures("repository")
def test_diff_of_the_same(run: Run) -> None:
    """No difference is said."""
    assert run("diff", "photos", "photos").out.splitlines()[2:] == ["no files changed"]


@pytest.mark.usefixtures("repository")
def test_diff_as_json(run: Run) -> None:
    """The document is what the reference says."""
    run("commit", "thumbs", "photos/new.txt", "-i", "photos@first", "-p", "size=s")
    run("commit", "thumbs", "photos/readme.txt", "-i", "photos", "-p", "size=l")

    document = run("diff", "thumbs@~1", "thumbs", "--json").document

    shapes.require(document, declared.DIFF)
    assert document["properties"] == [{"key": "size", "old": "s", "new": "l"}]
    assert len(document["inputs"][0]["old"]) == 64
    shapes.require(run("diff", "photos@first", "photos", "--json").document, declared.DIFF)


@pytest.mark.usefixtures("repository")
def test_find_by_properties(run: Run) -> None:
    """All conditions have to hold; a number can be typed as text."""
    assert len(run("find", "camera=x100", "-q").out.splitlines()) == 2
    assert len(run("find", "camera=x100", "year:=2024", "-q").out.splitlines()) == 1
    assert len(run("find", "year=2024", "-q").out.splitlines()) == 1


@pytest.mark.usefixtures("repository")
def test_finding_nothing_is_no_error(run: Run) -> None:
    """An empty answer is an answer."""
    shown = run("find", "camera=none")

    assert shown.code == 0
    assert not shown.out
    assert shown.err == "note: no version has these properties\n"


@pytest.mark.usefixtures("repository")
def test_find_as_json(run: Run) -> None:
    """Version objects."""
    shapes.require(run("find", "camera=x100", "--json").document, declared.VERSION.many())


@pytest.mark.usefixtures("repository")
def test_id_is_known_before_the_data(run: Run) -> None:
    """Standard output is the id alone; whether it exists is a note."""
    version = run("show", "photos@first", "--json").document["version"]

    known = run("id", "-p", "camera=x100")
    assert known.out == f"{version}\n"
    assert known.err.startswith("note: exists as photos@")
    unknown = run("id", "-p", "camera=gr")
    assert unknown.code == 0
    assert unknown.err == "note: does not exist yet\n"


@pytest.mark.usefixtures("repository")
def test_id_as_json(run: Run) -> None:
    """The document is what the reference says."""
    document = run("id", "-p", "camera=x100", "--json").document

    shapes.require(document, declared.IDENTITY)
    assert document["existing"][0]["name"] == "photos"


def test_file_names_that_are_no_utf8(run: Run, repository: Path) -> None:
    """They come out of `tree` as the bytes they are, and out of --json as JSON."""
    name = b"caf\xe9.txt"
    (repository / "odd").mkdir()
    with open(os.fsencode(repository / "odd") + b"/" + name, "wb") as file:
        file.write(b"x")
    run("commit", "odd", "odd")

    assert run("tree", "odd", "-q").out == "caf\udce9.txt\n"
    assert run("tree", "odd", "--json").document[0]["path"] == "caf\udce9.txt"
