"""lineage: wiring, wording, exit status, JSON; and that nobody takes away what others were made from."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from cas.cli.render import explained
from cas.cli.render import shapes as declared
from tests.cli import shapes

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Run


@pytest.fixture
def family(run: Run, here: Path) -> None:
    """A text made from raw data, and a model made from that."""
    (here / "file").write_text("x")
    run("init")
    run("commit", "raw", "file", "-p", "lang=en")
    run("commit", "text", "file", "-i", "source=raw")
    run("commit", "model", "file", "-i", "text")


def names(shown: str) -> list[str]:
    """The names in an output of `-q`."""
    return [line.partition("@")[0] for line in shown.splitlines()]


@pytest.mark.usefixtures("family")
def test_lineage_is_a_tree(run: Run) -> None:
    """What it was made from, then what was made from it."""
    shown = run("lineage", "text")

    assert 0 == shown.code
    assert ["text@", "made from", "└── source: raw@", "used by", "└── model@"] == [
        line.partition("@")[0] + ("@" if "@" in line else "") for line in shown.out.splitlines()
    ]


@pytest.mark.usefixtures("family")
def test_lineage_one_way(run: Run) -> None:
    """Both options together are both ways, as none is."""
    assert ["text", "raw"] == names(run("lineage", "text", "--up", "-q").out)
    assert ["text", "model"] == names(run("lineage", "text", "--down", "-q").out)
    assert ["text", "raw", "model"] == names(run("lineage", "text", "-q").out)
    assert run("lineage", "text").out == run("lineage", "text", "--up", "--down").out


@pytest.mark.usefixtures("family")
def test_lineage_after_everything_else_is_gone(run: Run) -> None:
    """Removed, collected: the records stay and are told as what they are."""
    run("remove", "--force", "raw")
    run("gc")
    run("remove", "--force", "text")

    shown = run("lineage", "model").out

    assert "text@" in shown.splitlines()[2]
    assert shown.splitlines()[2].endswith("(removed)")
    assert shown.splitlines()[3].endswith("(collected)")
    assert ["raw", "text", "model"] == names(run("lineage", "raw", "-q").out)


@pytest.mark.usefixtures("family")
def test_lineage_of_something_alone(run: Run) -> None:
    """One line, and a note that explains it."""
    run("commit", "alone", "file")

    shown = run("lineage", "alone")

    assert 1 == len(shown.out.splitlines())
    assert "note: no record connects it with another version\n" == shown.err
    assert 3 == run("lineage", "nothing").code


@pytest.mark.usefixtures("family")
def test_lineage_as_json(run: Run) -> None:
    """The document is what the reference says; --format json is the same."""
    document = run("lineage", "text", "--json").document

    shapes.require(document, explained.LINEAGE)
    for node in document["nodes"]:
        shapes.require(node["record"], declared.VERSION)
    assert document == run("lineage", "text", "--format", "json").document
    assert [(1, 0, "source"), (0, 2, "text")] == [
        (edge["from"], edge["to"], edge["role"]) for edge in document["edges"]
    ]


@pytest.mark.usefixtures("family")
def test_lineage_as_a_picture(run: Run) -> None:
    """Standard output is the whole document, to be written to a file."""
    picture = ET.fromstring(run("lineage", "text", "--format", "svg").out)  # noqa: S314 - our own output
    graph = run("lineage", "text", "--format", "dot").out

    assert picture.tag.endswith("svg")
    assert graph.startswith("digraph lineage {\n")
    assert graph.endswith("}\n")
    assert 2 == run("lineage", "text", "--format", "png").code


@pytest.mark.usefixtures("family")
def test_what_others_were_made_from_is_not_removed(run: Run) -> None:
    """They are named; --force removes it all the same, and with its users it may go."""
    refused = run("remove", "raw")

    assert 4 == refused.code
    assert "text@" in refused.err
    assert "--force" in refused.err
    assert ["raw", "text", "model"] == names(run("lineage", "raw", "-q").out)
    assert 4 == run("remove", "raw", "text").code
    assert 0 == run("remove", "raw", "text", "model").code
    run("restore", "raw")
    assert 0 == run("remove", "raw").code, "those that were made from it are gone"
    for name in ("raw", "text"):
        run("restore", name)
    assert 0 == run("remove", "--force", "raw").code
