"""scan: wiring, wording, exit status, JSON."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from cas.cli.render import explained
from tests.cli import shapes

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Run

RULES = """
resources:
  - name: maps/{region}
    path: data/{region}.pbf
  - name: none
    path: none/{x}
"""


@pytest.fixture
def sources(run: Run, here: Path) -> Path:
    """A repository, two sources and the rules that find them."""
    run("init")
    (here / "data").mkdir()
    for region in ("fi", "ru"):
        (here / "data" / f"{region}.pbf").write_text(region)
    (here / "sources.yaml").write_text(RULES)
    return here


@pytest.mark.usefixtures("sources")
def test_scan_says_what_is_new(run: Run) -> None:
    """One line a version, and a line that counts; notes are no result."""
    first = run("scan", "sources.yaml")
    second = run("scan", "sources.yaml")

    assert 0 == first.code
    assert [
        "created maps/fi@ID  (2 B) from data/fi.pbf",
        "created maps/ru@ID  (2 B) from data/ru.pbf",
        "2 created, 0 unchanged",
    ] == re.sub(r"@[0-9a-f]{12}", "@ID", first.out).splitlines()
    assert "note: 'none/{x}' matches nothing\n" == first.err
    assert "0 created, 2 unchanged\n" == second.out


@pytest.mark.usefixtures("sources")
def test_scan_without_storing(run: Run) -> None:
    """What is said is what would come."""
    planned = run("scan", "sources.yaml", "--dry-run")
    nothing = run("ls", "-q").out
    done = run("scan", "sources.yaml")

    assert "" == nothing
    assert "2 to create, 0 unchanged" == planned.out.splitlines()[-1]
    assert planned.out.replace("would create", "created").splitlines()[:2] == done.out.splitlines()[:2]


def test_scan_reports_what_is_gone(run: Run, sources: Path) -> None:
    """By what it was; it can still be checked out."""
    run("scan", "sources.yaml")
    (sources / "data" / "fi.pbf").unlink()

    shown = run("scan", "sources.yaml")

    assert "0 created, 1 unchanged\n" == shown.out
    assert re.search(r"note: maps/fi@[0-9a-f]{12} \(region=fi\) has no file any more", shown.err)
    assert "fi" == run("cat", "maps/fi").out


@pytest.mark.usefixtures("sources")
def test_scan_quietly(run: Run) -> None:
    """References of what is new, and nothing else."""
    shown = run("scan", "sources.yaml", "-q")

    assert ["maps/fi", "maps/ru"] == [line.partition("@")[0] for line in shown.out.splitlines()]
    assert "" == shown.err
    assert "" == run("scan", "sources.yaml", "-q").out


def test_scan_from_elsewhere(run: Run, sources: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Paths begin at the file with the rules, not where the command is typed."""
    (sources / "elsewhere").mkdir()
    monkeypatch.chdir(sources / "elsewhere")

    assert "2 created, 0 unchanged" == run("scan", "../sources.yaml").out.splitlines()[-1]


def test_scan_refuses_what_it_cannot_use(run: Run, sources: Path) -> None:
    """Wrong rules are wrong usage; a missing file is not found; a contradiction is a conflict."""
    assert 3 == run("scan", "nothing.yaml").code
    (sources / "sources.yaml").write_text("resources: [{name: all, path: 'data/{region}.pbf', type: link}]")
    assert 2 == run("scan", "sources.yaml").code
    (sources / "sources.yaml").write_text(
        "resources: [{name: one, path: data/fi.pbf}, {name: one, path: data/ru.pbf}]"
    )
    assert 4 == run("scan", "sources.yaml").code
    assert "" == run("ls", "-q").out


def test_scan_as_json(run: Run, sources: Path) -> None:
    """The documents are what the reference says."""
    for words in (["--dry-run"], []):
        document = run("scan", "sources.yaml", "--json", *words).document
        shapes.require(document, explained.SCAN)
        assert bool(words) is document["dry_run"]
        assert ["would-create" if words else "created"] * 2 == [one["outcome"] for one in document["scanned"]]
    (sources / "data" / "fi.pbf").unlink()
    document = run("scan", "sources.yaml", "--json").document

    shapes.require(document, explained.SCAN)
    assert ["maps/fi"] == [one["name"] for one in document["vanished"]]
