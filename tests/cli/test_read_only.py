"""What cannot be written can be looked at and checked out; an attempt to write is refused with a way out."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.cli import read_only
from tests.processes import printed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tests.cli.conftest import Run

    Way = Callable[[str, str, str], None]


def make_repository(run: Run, home: Path) -> None:
    """Make a repository with two versions of a directory and a file, and a place to check out to."""
    home.mkdir()
    (home / "out").mkdir()
    (home / "out").chmod(0o777)
    (home / "photos" / "summer").mkdir(parents=True)
    (home / "photos" / "readme.txt").write_text("Pictures.\n")
    (home / "photos" / "summer" / "beach.jpg").write_bytes(bytes(range(256)) * 2000)
    (home / "notes").write_text("some notes\n")
    repo = ("--repo", str(home))
    for words in (
        ("init", str(home)),
        (*repo, "commit", "photos", str(home / "photos"), "-p", "year:=2023", "--tag", "first"),
        (*repo, "commit", "notes", str(home / "notes")),
        (*repo, "checkout", "notes", str(home / "out" / "before")),
    ):
        assert run(*words).code == 0
    (home / "photos" / "readme.txt").write_text("More pictures.\n")
    assert run(*repo, "commit", "photos", str(home / "photos"), "-p", "year:=2024").code == 0


@pytest.fixture
def home(run: Run, public: Path) -> Iterator[Path]:
    """A repository in whose files nobody but root may write."""
    make_repository(run, public / "home")
    make_repository(run, public / "warm")
    inside = [path for path in (public / "home" / ".cas").rglob("*") if not path.is_symlink()]
    for path in (*inside, public / "home" / ".cas"):
        path.chmod(0o555 if path.is_dir() else 0o444)
    yield public / "home"
    for path in (public / "home" / ".cas", *inside):
        path.chmod(0o755 if path.is_dir() else 0o644)


def ask(way: Way, home: Path, commands: Sequence[Sequence[str]]) -> list[tuple[int, str, str]]:
    """Run commands where the repository cannot be written: (exit status, standard output, standard error)."""
    said = printed(way, home.parent / "warm", home, json.dumps(commands)).splitlines()
    return [(code, out, err) for code, out, err in json.loads(said[-1])]


def files_in(home: Path) -> dict[Path, bytes | None]:
    """Read every file of the repository."""
    found = (path for path in (home / ".cas").rglob("*"))
    return {path: path.read_bytes() if path.is_file() else None for path in found}


@pytest.mark.parametrize("way", read_only.ways())
def test_everything_can_be_looked_at(way: Way, home: Path) -> None:
    """And nothing in the repository changes by it, not even the table of LMDB's readers."""
    commands = {
        ("ls",): "photos",
        ("ls", "photos", "--versions"): "photos",
        ("show", "photos@first"): "2023",
        ("tree", "photos"): "beach.jpg",
        ("cat", "photos@first", "readme.txt"): "Pictures.",
        ("log",): "commit",
        ("diff", "photos@first", "photos"): "readme.txt",
        ("find", "year=2024"): "photos",
        ("stats",): "2 names",
        ("verify",): "no damage",
        ("verify", "--quick"): "no damage",
        ("id", "-p", "year:=2024"): "photos",
        ("status", "HOME/out/before"): "unchanged",
        ("commit", "photos", "HOME/photos", "-p", "year:=2025", "--dry-run"): "would create",
        ("complete", "cas show photos@fi"): "photos@first",
        ("complete", "cas show no"): "notes",
    }
    before = files_in(home)

    answers = ask(way, home, [list(words) for words in commands])

    for (words, expected), (code, out, err) in zip(commands.items(), answers, strict=True):
        assert code == 0, (words, err)
        assert expected in out + err, words
    assert before == files_in(home)


@pytest.mark.parametrize("way", read_only.ways())
def test_versions_are_checked_out_without_a_record(way: Way, home: Path) -> None:
    """A note says what is missing; what was put there before is only overwritten on demand."""
    out = home / "out"
    first, again, same, refused, forced, part = ask(
        way,
        home,
        [
            ["checkout", "photos@first", "HOME/out/new"],
            ["checkout", "photos@first", "HOME/out/new"],
            ["checkout", "notes", "HOME/out/before"],
            ["checkout", "photos", "HOME/out/new"],
            ["checkout", "photos", "HOME/out/new", "--force"],
            ["checkout", "photos", "HOME/out/part", "--path", "summer"],
        ],
    )

    for code, _, err in (first, again, same, forced, part):
        assert (code, err.count("note: the repository cannot be written")) == (0, 1)
    assert "unchanged" in again[1]
    assert refused[0] == 4
    assert "it holds other content" in refused[2]
    assert (out / "new" / "readme.txt").read_text() == "More pictures.\n"
    assert (out / "part" / "beach.jpg").read_bytes() == bytes(range(256)) * 2000
    assert sorted(os.listdir(out)) == ["before", "new", "part"]


@pytest.mark.parametrize("way", read_only.ways())
def test_paths_are_printed_of_what_is_on_the_disk_already(way: Way, run: Run, home: Path) -> None:
    """For whoever cannot write: what is not, somebody else has to put there; the content can be had still."""
    (home / ".cas" / "views").chmod(0o755)
    assert 0 == run("--repo", str(home), "path", "photos").code
    (home / ".cas" / "views").chmod(0o555)
    before = files_in(home)

    there, found, absent = ask(
        way, home, [["path", "photos"], ["which", "photos", "--json"], ["path", "photos/readme.txt"]]
    )

    assert (0, "") == (there[0], there[2])
    assert "More pictures.\n" == Path(there[1].strip(), "readme.txt").read_text()
    assert there[1].strip() == json.loads(found[1])["location"]
    assert (1, "") == absent[:2]
    assert "Permission denied" in absent[2] or "Read-only file system" in absent[2]
    assert before == files_in(home)


@pytest.mark.parametrize("way", read_only.ways())
def test_writing_is_refused(way: Way, home: Path) -> None:
    """As a lack of permission, exit status 1, with one thing to do."""
    commands = [
        ["commit", "photos", "HOME/photos", "-p", "year:=2025"],
        ["tag", "photos", "best"],
        ["tag", "--delete", "photos@first"],
        ["remove", "photos"],
        ["gc"],
        ["checkout", "photos", "HOME/out/linked", "--link", "hardlink"],
        ["checkout", "photos", "HOME/out/linked", "--link", "symlink"],
    ]
    before = files_in(home)

    answers = ask(way, home, [[*words, "--json"] for words in commands])

    for words, (code, out, err) in zip(commands, answers, strict=True):
        error = json.loads(err)
        assert (code, out) == (1, ""), words
        assert error["code"] in {"permission-denied", "read-only-file-system"}, words
        assert error["hint"], words
    assert before == files_in(home)
    assert os.listdir(home / "out") == ["before"]


@pytest.mark.parametrize("way", read_only.ways())
def test_repairing_is_refused(way: Way, home: Path) -> None:
    """As a lack of permission, before anything is looked at."""
    answers = ask(way, home, [["verify", "--repair"], ["recover"]])

    assert [1, 1] == [code for code, _, _ in answers]
    for _, _, err in answers:
        assert "Permission denied" in err or "Read-only file system" in err
