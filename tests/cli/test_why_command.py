"""why: wiring, wording, exit status, JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cas.cli.render import explained
from tests.cli import shapes

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Run


@pytest.fixture
def models(run: Run, here: Path) -> None:
    """Two versions of a model: a property and, two steps up, the region of a map are others."""
    (here / "file").write_text("x")
    run("init")
    for number, region in enumerate(("ru", "fi")):
        run("commit", "map", "file", "-p", f"region={region}")
        run("commit", "roads", "file", "-i", "osm=map")
        run("commit", "model", "file", "-i", "roads", "-p", f"k:={number}", "--tag", region)


def short(run: Run, spec: str) -> str:
    return str(run("show", spec, "--json").document["version"])[:12]


@pytest.mark.usefixtures("models")
def test_why_against_the_version_before(run: Run) -> None:
    """Each cause stands below the input in which it is."""
    shown = run("why", "model")
    roads, osm, model = (
        [short(run, f"{name}@{back}") for back in ("~1", "~0")] for name in ("roads", "map", "model")
    )

    assert 0 == shown.code
    assert [
        f"model@{model[0]} -> model@{model[1]}",
        "  property 'k' differs: 0 -> 1",
        f"  input 'roads' differs ({roads[0]} -> {roads[1]}), because its",
        f"    input 'osm' differs ({osm[0]} -> {osm[1]}), because its",
        '      property \'region\' differs: "ru" -> "fi"',
    ] == shown.out.splitlines()


@pytest.mark.usefixtures("models")
def test_why_of_two(run: Run) -> None:
    """In the order in which they are given."""
    assert 'differs: "fi" -> "ru"' in run("why", "model@fi", "model@ru").out
    assert run("why", "model@ru", "model@fi").out == run("why", "model").out


@pytest.mark.usefixtures("models")
def test_why_of_the_same(run: Run) -> None:
    """No cause is an answer."""
    shown = run("why", "map", "map")

    assert (0, 1) == (shown.code, len(shown.out.splitlines()))
    assert "note: both have the same properties and inputs\n" == shown.err
    assert "" == run("why", "map", "map", "-q").out


@pytest.mark.usefixtures("models")
def test_why_tells_of_results_that_are_not_reproducible(run: Run, here: Path) -> None:
    """Two names of one recipe whose content differs."""
    (here / "file").write_text("y")
    run("commit", "plan", "file", "-p", "region=fi")

    assert "but other content" in run("why", "map", "plan").err


@pytest.mark.usefixtures("models")
def test_why_of_what_was_removed(run: Run) -> None:
    """The records are enough."""
    run("remove", "--force", "map@~1", "roads@~1", "model@~1")
    run("gc")

    assert 'differs: "ru" -> "fi"' in run("why", "model").out


@pytest.mark.usefixtures("models")
def test_why_of_the_first(run: Run) -> None:
    """There is nothing before it; the hint says what to type."""
    shown = run("why", "map@region=ru")

    assert 3 == shown.code
    assert "`cas why OTHER map@" in shown.err
    assert 3 == run("why", "nothing").code


@pytest.mark.usefixtures("models")
def test_why_takes_one_name_of_a_pipeline(run: Run) -> None:
    """Two cannot both be built."""
    assert 2 == run("why", "model", "roads", "--pipeline", "p.yaml").code


@pytest.mark.usefixtures("models")
def test_why_as_json(run: Run) -> None:
    """The document is what the reference says, and the words are in it too."""
    document = run("why", "model", "--json").document

    shapes.require(document, explained.WHY)
    (first, second) = document[0]["causes"]
    assert ("property-changed", "k", 0, 1, []) == tuple(
        first[key] for key in ("kind", "key", "old", "new", "path")
    )
    assert ["roads", "osm"] == [step["role"] for step in second["path"]]
    assert second["text"].startswith("input 'roads' differs (")


PIPELINE = """
modules:
  clean:
    inputs: {source: raw}
    outputs: [text]
    run: "cp {inputs.source} {outputs.text}"
"""


def test_why_a_pipeline_would_build(run: Run, here: Path) -> None:
    """That nothing is there yet, or that everything is."""
    (here / "p.yaml").write_text(PIPELINE)
    run("init")
    run("commit", "raw", "p.yaml", "-p", "day:=1")

    missing = run("why", "text", "--pipeline", "p.yaml")
    run("commit", "text", "p.yaml", "-i", "source=raw")
    there = run("why", "clean", "--pipeline", "p.yaml")
    run("commit", "raw", "p.yaml", "-p", "day:=2")
    changed = run("why", "text", "--pipeline", "p.yaml")
    document = run("why", "text", "--pipeline", "p.yaml", "--json").document

    assert "  'text' was never made" == missing.out.splitlines()[1]
    assert (0, 1) == (there.code, len(there.out.splitlines()))
    assert "is there: nothing to build" in there.err
    assert "    property 'day' differs: 1 -> 2" == changed.out.splitlines()[-1]
    shapes.require(document, explained.WHY)
    assert (None, None) == (document[0]["old"], document[0]["new"])
