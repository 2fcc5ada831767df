"""Scanning: files that come from outside become versions, once each."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING

import pytest

from cas.errors import ConflictError, InvalidError
from cas.graph.scan import scan
from cas.ids import BlobId
from cas.progress import Silent
from cas.repo import Repository
from cas.repo.results import Outcome
from cas.versions.version import State

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cas.graph.scan import ScanReport

RULES = """
resources:
  - name: maps/{region}
    path: data/{region}/{year:int}.pbf
    properties: {source: yandex}
"""


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[Repository]:
    """An empty repository, beside the sources."""
    with Repository.init(tmp_path / "home") as opened:
        yield opened


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """Three maps, and the rule that finds them."""
    for name in ("ru/9", "ru/10", "fi/10"):
        put(tmp_path, f"data/{name}.pbf", name)
    return rules(tmp_path, RULES)


def rules(folder: Path, text: str) -> Path:
    path = folder / "sources.yaml"
    path.write_text(text)
    return path


def put(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def outcomes(report: ScanReport) -> dict[str, Outcome]:
    return {one.path: one.outcome for one in report.scanned}


def events(repository: Repository) -> int:
    return len(repository.log())


def test_each_match_is_a_version(repository: Repository, sources: Path) -> None:
    """With the constants, what the placeholders stand for, and the content id as properties."""
    report = scan(repository, sources, origin="ann@here")

    assert ["data/fi/10.pbf", "data/ru/9.pbf", "data/ru/10.pbf"] == [one.path for one in report.scanned]
    assert {Outcome.CREATED} == set(outcomes(report).values())
    assert {
        "source": "yandex",
        "region": "fi",
        "year": 10,
        "content": str(BlobId.of(b"fi/10")),
    } == repository.resolve("maps/fi").properties
    version = repository.resolve("maps/fi")
    assert ("file", "ann@here", "scan of data/fi/10.pbf") == (
        version.type,
        version.record.origin,
        version.record.message,
    )
    assert ((), ()) == (report.vanished, report.notes)


def test_a_second_scan_adds_nothing(repository: Repository, sources: Path) -> None:
    """Not even an event."""
    first = scan(repository, sources)
    before = events(repository)
    second = scan(repository, sources)

    assert before == events(repository)
    assert {Outcome.UNCHANGED} == set(outcomes(second).values())
    assert [one.version.version for one in first.scanned] == [one.version.version for one in second.scanned]


def test_a_changed_source_adds_one_version(repository: Repository, sources: Path) -> None:
    """The one before stays."""
    scan(repository, sources)
    put(sources.parent, "data/fi/10.pbf", "changed")

    report = scan(repository, sources)

    assert [("data/fi/10.pbf", Outcome.CREATED)] == [
        pair for pair in outcomes(report).items() if pair[1] is not Outcome.UNCHANGED
    ]
    assert [b"changed", b"fi/10"] == [repository.read(spec) for spec in ("maps/fi", "maps/fi@~1")]
    assert () == report.vanished


def test_the_name_means_the_last_file(repository: Repository, sources: Path) -> None:
    """By the values of the placeholders: 10 comes after 9, whichever was committed later."""
    scan(repository, sources)
    put(sources.parent, "data/ru/9.pbf", "corrected")
    put(sources.parent, "data/ru/8.pbf", "found in the archive")
    scan(repository, sources)

    assert b"ru/10" == repository.read("maps/ru")
    assert 4 == len(repository.versions("maps/ru"))


def test_a_source_that_is_as_before_again_is_current_again(repository: Repository, sources: Path) -> None:
    """Nothing is stored for it, but NAME means what is there."""
    for text in ("fi/10", "changed"):
        put(sources.parent, "data/fi/10.pbf", text)
        scan(repository, sources)
    put(sources.parent, "data/fi/10.pbf", "fi/10")
    report = scan(repository, sources)

    assert Outcome.UNCHANGED is outcomes(report)["data/fi/10.pbf"]
    assert (b"fi/10", 2) == (repository.read("maps/fi"), len(repository.versions("maps/fi")))


def test_a_dry_run_stores_nothing(repository: Repository, sources: Path) -> None:
    """It says the very versions that the scan will make."""
    planned = scan(repository, sources, dry_run=True)
    before = (events(repository), repository.names())
    done = scan(repository, sources)

    assert (0, []) == before
    assert {Outcome.WOULD_CREATE} == set(outcomes(planned).values())
    assert [one.version.version for one in planned.scanned] == [one.version.version for one in done.scanned]
    assert [one.version.properties for one in planned.scanned] == [
        one.version.properties for one in done.scanned
    ]


def test_what_vanished_is_reported_and_stays(repository: Repository, sources: Path) -> None:
    """Once, by the newest version of the path; until it is removed, or the file is back."""
    scan(repository, sources)
    put(sources.parent, "data/fi/10.pbf", "changed")
    scan(repository, sources)
    newest = repository.resolve("maps/fi")
    (sources.parent / "data/fi/10.pbf").unlink()

    for dry_run in (True, False):
        (gone,) = scan(repository, sources, dry_run=dry_run).vanished
        assert newest.version == gone.version
    assert b"changed" == repository.read("maps/fi")
    repository.remove([version.ref for version in repository.versions("maps/fi")])
    assert () == scan(repository, sources).vanished


def test_only_what_a_scan_made_can_vanish(repository: Repository, sources: Path) -> None:
    """Versions with other properties, other constants or inputs come from somewhere else."""
    like = {"source": "yandex", "region": "fi", "year": 11, "content": "x"}
    made = repository.commit("raw", io.BytesIO(b"x")).version
    repository.commit("maps/fi", io.BytesIO(b"a"), properties={**like, "more": 1})
    repository.commit("maps/fi", io.BytesIO(b"b"), properties={**like, "source": "other"})
    repository.commit("maps/fi", io.BytesIO(b"c"), properties=like, inputs={"raw": made.version})
    repository.commit("maps/no", io.BytesIO(b"d"), properties=like)

    assert () == scan(repository, sources).vanished


def test_directories(repository: Repository, tmp_path: Path) -> None:
    """Each with everything in it; files of such names are no match, and a note says so."""
    put(tmp_path, "sets/a/x/y.txt", "1")
    put(tmp_path, "sets/b/z.txt", "2")
    put(tmp_path, "sets/readme.txt", "3")
    file = rules(tmp_path, "resources: [{name: 'sets/{part}', path: 'sets/{part}', type: directory}]")

    report = scan(repository, file)

    assert ["sets/a", "sets/b"] == [one.path for one in report.scanned]
    assert ("directory", b"1") == (repository.resolve("sets/a").type, repository.read("sets/a", "x/y.txt"))
    assert ("'sets/{part}' matches 1 that are no directories, as its type says",) == report.notes
    put(tmp_path, "sets/a/new.txt", "")
    assert [Outcome.CREATED, Outcome.UNCHANGED] == [*outcomes(scan(repository, file)).values()]


def test_a_rule_that_matches_nothing_is_noted(repository: Repository, tmp_path: Path) -> None:
    """It is no error: the files may come tomorrow."""
    report = scan(repository, rules(tmp_path, RULES))

    assert ((), ("'data/{region}/{year:int}.pbf' matches nothing",)) == (report.scanned, report.notes)


def test_the_repository_and_hidden_files_are_never_meant(tmp_path: Path) -> None:
    """A placeholder matches no leading dot."""
    put(tmp_path, "real/config.yaml", "x")
    put(tmp_path, "real/.config.yaml", "x")
    file = rules(tmp_path, "resources: [{name: '{folder}', path: '{folder}/{name}.yaml'}]")
    with Repository.init(tmp_path) as repository:
        assert ["real/config.yaml"] == [one.path for one in scan(repository, file).scanned]


def test_links_do_not_lead_out(repository: Repository, tmp_path: Path) -> None:
    """Unless the rule is absolute, and so means it; links within the directory are fine."""
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    put(outside, "x.txt", "out")
    put(inside, "data/real.txt", "in")
    (inside / "data/link.txt").symlink_to(outside / "x.txt")
    (inside / "data/alias.txt").symlink_to("real.txt")
    (inside / "data/dangling.txt").symlink_to("nothing")
    relative = scan(repository, rules(inside, "resources: [{name: 'a/{x}', path: 'data/{x}.txt'}]"))
    absolute = scan(
        repository, rules(inside, f"resources: [{{name: 'b/{{x}}', path: '{outside}/{{x}}.txt'}}]")
    )

    assert ["data/alias.txt", "data/real.txt"] == [one.path for one in relative.scanned]
    assert (
        "'data/link.txt' leads out of the directory of the file; write an absolute path",
        "'data/{x}.txt' matches 1 that are no files, as its type says",
    ) == relative.notes
    assert [f"{outside}/x.txt"] == [one.path for one in absolute.scanned]


def test_two_paths_that_say_the_same_of_other_content_are_a_conflict(
    repository: Repository, sources: Path
) -> None:
    """Nobody could tell them apart; nothing is stored, of other rules neither."""
    put(sources.parent, "data/ru/009.pbf", "another")

    with pytest.raises(ConflictError) as caught:
        scan(repository, sources)

    assert "scan-conflict" == caught.value.code
    assert all(name in str(caught.value) for name in ("data/ru/009.pbf", "data/ru/9.pbf", "'maps/ru'"))
    assert [] == repository.names()


def test_two_paths_that_say_the_same_of_one_content_are_one(repository: Repository, sources: Path) -> None:
    """It is noted, and the first counts."""
    put(sources.parent, "data/ru/009.pbf", "ru/9")

    report = scan(repository, sources)

    assert 3 == len(report.scanned)
    assert 1 == len(report.notes)
    assert "is the same as" in report.notes[0]


@pytest.mark.parametrize(
    ("name", "told"),
    [("data/a@b/1.pbf", "'@'"), ("data/-x/1.pbf", "looks like an option"), (b"data/\xff/1.pbf", "UTF-8")],
)
def test_a_path_that_gives_no_name_or_property(
    repository: Repository, sources: Path, name: str | bytes, told: str
) -> None:
    """The message has the path and the rule that it breaks; nothing is stored."""
    put(sources.parent, os.fsdecode(name), "x")

    with pytest.raises(InvalidError) as caught:
        scan(repository, sources)

    assert os.fsdecode(name) in caught.value.what
    assert told in str(caught.value.why)
    assert [] == repository.names()


class Meddler(Silent):
    """Changes a file when the scan has read all of them and stored none."""

    def __init__(self, path: Path, count: int) -> None:
        self.path = path
        self.left = count

    def advance(self, count: int) -> None:
        """Count the files, and write to the one when the last was read."""
        self.left -= count
        if not self.left:
            self.path.write_text("meddled")


def test_a_file_that_changes_meanwhile_becomes_what_it_is_by_then(
    repository: Repository, sources: Path
) -> None:
    """The property is made of what was stored, not of what was hashed before: it is true at every moment."""
    path = sources.parent / "data/ru/10.pbf"

    scan(repository, sources, progress=Meddler(path, 3))

    every = [
        one
        for listing in repository.names()
        for one in repository.versions(listing.name, include_removed=True)
    ]
    assert all(str(one.content) == one.properties["content"] for one in every)
    assert b"meddled" == repository.read("maps/ru")
    assert {State.LIVE} == {one.state for one in every}
