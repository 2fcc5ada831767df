"""init, commit, checkout, status: wiring, wording, exit status, JSON."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

import pytest

from cas.cli.render import shapes as declared
from tests.cli import shapes

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Run


def test_init_says_where(run: Run, here: Path) -> None:
    """The result names the directory; what to do next is a note."""
    shown = run("init")

    assert shown.code == 0
    assert shown.out == f"made a repository in {here}/.cas\n"
    assert shown.err == (
        "note: its layers, the uppermost first: runtime ($(cwd)/runtime_resources), main\n"
        "note: next: cas commit NAME PATH\n"
    )


def test_init_makes_the_named_directory(run: Run, here: Path) -> None:
    """DIR, --repo and CAS_REPO all say where."""
    (here / "a").mkdir()
    (here / "b").mkdir()
    (here / "c").mkdir()

    assert run("init", "a").code == 0
    assert run("init", "--repo", "b").code == 0
    assert run("init", environment={"CAS_REPO": "c"}).code == 0

    assert all((here / name / ".cas" / "config.yaml").is_file() for name in "abc")


@pytest.mark.usefixtures("here")
def test_init_twice_is_a_conflict(run: Run) -> None:
    """A second init must not touch what is there."""
    run("init")

    assert run("init").code == 4


@pytest.mark.usefixtures("here")
def test_init_as_json(run: Run) -> None:
    """The document is what the reference says."""
    shown = run("init", "--json")

    shapes.require(shown.document, declared.INIT)
    assert not shown.err


@pytest.mark.usefixtures("photos")
def test_commit_says_what_it_did(run: Run) -> None:
    """One line: outcome, reference, how much, how much of it is new."""
    run("init")

    shown = run("commit", "photos", "photos")

    assert shown.code == 0
    assert re.fullmatch(
        r"created photos@[0-9a-f]{12}  \(4 files, 2\.0 KiB; [\d.]+ K?i?B new on disk\)\n", shown.out
    )
    assert not shown.err


@pytest.mark.usefixtures("photos")
def test_commit_of_the_same_is_unchanged(run: Run) -> None:
    """Nothing to do is no error, and it is said."""
    run("init")
    run("commit", "photos", "photos")

    shown = run("commit", "photos", "photos")

    assert shown.code == 0
    assert re.fullmatch(r"unchanged photos@[0-9a-f]{12}  \(4 files, 2\.0 KiB\)\n", shown.out)


@pytest.mark.usefixtures("repository")
def test_commit_conflict_shows_both_contents(run: Run) -> None:
    """Same properties, other bytes: exit 4, both ids in full, the first kept."""
    first = run("show", "photos@first", "--json").document["content"]

    shown = run("commit", "photos", "photos", "-p", "camera=x100")

    assert shown.code == 4
    assert not shown.out
    assert first in shown.err
    assert run("show", "photos@best", "--json").document["content"] in shown.err
    assert run("show", "photos@first", "--json").document["content"] == first


@pytest.mark.usefixtures("repository")
def test_commit_on_conflict(run: Run) -> None:
    """One choice leaves the first content, the other puts the new one in its place."""
    first = run("show", "photos@first", "--json").document["content"]

    kept = run("commit", "photos", "photos", "-p", "camera=x100", "--on-conflict", "keep")
    assert kept.code == 0
    assert kept.out.startswith("kept photos@")
    assert run("show", "photos@first", "--json").document["content"] == first

    replaced = run("commit", "photos", "photos", "-p", "camera=x100", "--on-conflict", "replace")
    assert replaced.code == 0
    assert replaced.out.startswith("replaced photos@")
    assert run("show", "photos@first", "--json").document["content"] != first


@pytest.mark.usefixtures("here")
def test_commit_reads_standard_input(run: Run) -> None:
    """- is what every tool calls standard input."""
    run("init")

    shown = run("commit", "notes", "-", stdin=b"hello\n")

    assert shown.code == 0
    assert re.match(r"created notes@[0-9a-f]{12}  \(6 B; ", shown.out)
    assert run("cat", "notes").out == "hello\n"


def test_commit_takes_properties_from_everywhere(run: Run, photos: Path) -> None:
    """A YAML file, text, JSON; -p overrides the file."""
    run("init")
    (photos.parent / "how.yaml").write_text("camera: x100\nlens: 35\n")

    shown = run(
        "commit",
        "photos",
        "photos",
        "--properties",
        "how.yaml",
        "-p",
        "camera=gr",
        "-p",
        "years:=[2023, 2024]",
        "--json",
    )

    assert shown.document["version"]["properties"] == {"camera": "gr", "lens": 35, "years": [2023, 2024]}


@pytest.mark.usefixtures("repository")
def test_a_property_given_twice_is_refused(run: Run) -> None:
    """One of the two would be lost without a word."""
    shown = run("commit", "photos", "photos", "-p", "a=1", "-p", "a=2")

    assert shown.code == 2
    assert shown.err.splitlines()[0] == "error: cannot set property 'a' twice"


@pytest.mark.usefixtures("repository")
def test_a_bad_property_is_refused(run: Run) -> None:
    """Neither NaN nor half a JSON is a value."""
    assert run("commit", "photos", "photos", "-p", "a:=NaN").code == 2
    assert run("commit", "photos", "photos", "-p", "a:={").code == 2
    assert run("commit", "photos", "photos", "-p", "a").code == 2


@pytest.mark.usefixtures("repository")
def test_commit_records_inputs_and_message(run: Run) -> None:
    """-i by name or by role, -m and the user's identity land in the record."""
    shown = run(
        "commit",
        "thumbs",
        "photos/new.txt",
        "-i",
        "photos@first",
        "-i",
        "again=photos",
        "-m",
        "small",
        "--json",
    )

    version = shown.document["version"]
    assert set(version["inputs"]) == {"photos", "again"}
    assert version["message"] == "small"
    assert version["origin"].startswith("ann@")


@pytest.mark.usefixtures("photos")
def test_commit_dry_run_stores_nothing(run: Run) -> None:
    """What would happen is said, and does not happen."""
    run("init")

    shown = run("commit", "photos", "photos", "--dry-run")

    assert shown.code == 0
    assert shown.out.startswith("would create photos@")
    assert run("ls", "-q").out == ""


@pytest.mark.usefixtures("photos")
def test_commit_quietly_prints_the_reference(run: Run) -> None:
    """What a script wants to keep in a variable."""
    run("init")

    assert re.fullmatch(r"photos@[0-9a-f]{12}\n", run("commit", "photos", "photos", "-q").out)


@pytest.mark.usefixtures("photos")
def test_commit_as_json(run: Run) -> None:
    """The document is what the reference says."""
    run("init")

    shown = run("--json", "commit", "photos", "photos")

    shapes.require(shown.document, declared.COMMIT)
    assert shown.document["outcome"] == "created"
    assert shown.document["files"] == 4
    assert not shown.err


@pytest.mark.usefixtures("repository")
def test_commit_of_a_missing_path(run: Run) -> None:
    """Not found is exit 3, and the path is in the message."""
    shown = run("commit", "photos", "nowhere")

    assert shown.code == 3
    assert "nowhere" in shown.err


@pytest.mark.usefixtures("repository")
def test_commit_with_a_bad_name(run: Run) -> None:
    """The rule that was broken is said."""
    shown = run("commit", "a//b", "photos")

    assert shown.code == 2
    assert "why:" in shown.err


@pytest.mark.usefixtures("repository")
def test_commit_leaves_the_repository_out_and_says_so(run: Run) -> None:
    """A note goes to standard error, and into the JSON."""
    shown = run("commit", "everything", ".")

    assert shown.code == 0
    assert ".cas" in shown.err
    assert shown.err.startswith("note: ")
    assert any(".cas" in note for note in run("commit", "everything", ".", "--json").document["notes"])


@pytest.mark.usefixtures("repository")
def test_repo_option_and_variable(run: Run, tmp_path: Path) -> None:
    """--repo and CAS_REPO name the directory or .cas itself, before or after the command; --repo wins."""
    os.chdir(tmp_path)

    assert run("ls", "-q").code == 3
    assert run("--repo", "here", "ls", "-q").out == "photos\n"
    assert run("ls", "-q", "--repo", "here/.cas").out == "photos\n"
    assert run("ls", "-q", environment={"CAS_REPO": "here"}).out == "photos\n"
    assert run("ls", "-q", "--repo", "here", environment={"CAS_REPO": "elsewhere"}).out == "photos\n"


def test_the_repository_is_found_upwards(run: Run, repository: Path) -> None:
    """As git does it."""
    os.chdir(repository / "photos" / "summer")

    assert run("ls", "-q").out == "photos\n"


def test_checkout_says_what_it_wrote(run: Run, repository: Path) -> None:
    """Where it is, how much was written; the second time nothing."""
    shown = run("checkout", "photos@first", "work")

    assert shown.code == 0
    assert re.match(r"checked out photos@[0-9a-f]{12} to .*work  \(4 files written, ", shown.out)
    assert (repository / "work" / "readme.txt").read_text() == "Pictures.\n"
    again = run("checkout", "photos@first", "work")
    assert again.out.endswith("(4 unchanged)\n")


@pytest.mark.usefixtures("repository")
def test_checkout_quietly_prints_the_destination(run: Run) -> None:
    """`cd $(cas checkout -q photos)` works."""
    assert run("checkout", "photos", "work", "-q").out.endswith("work\n")


@pytest.mark.usefixtures("repository")
def test_checkout_as_json(run: Run) -> None:
    """The document is what the reference says."""
    shapes.require(run("checkout", "photos", "work", "--json").document, declared.CHECKOUT)


def test_checkout_does_not_overwrite_edits(run: Run, repository: Path) -> None:
    """A local edit is a conflict without --force."""
    run("checkout", "photos", "work")
    (repository / "work" / "readme.txt").write_text("mine\n")

    assert run("checkout", "photos@first", "work").code == 4
    assert (repository / "work" / "readme.txt").read_text() == "mine\n"
    assert run("checkout", "photos@first", "work", "--force").code == 0
    assert (repository / "work" / "readme.txt").read_text() == "Pictures.\n"


def test_checkout_of_a_part(run: Run, repository: Path) -> None:
    """--path takes one file or directory out."""
    assert run("checkout", "photos", "beach.jpg", "--path", "summer/beach.jpg").code == 0
    assert (repository / "beach.jpg").stat().st_size == 2048


def test_checkout_of_the_view(run: Run, repository: Path) -> None:
    """--view puts the union of all layers into a directory; other files in it stay."""
    (repository / "runtime_resources" / "photos").mkdir(parents=True)
    (repository / "runtime_resources" / "photos" / "readme.txt").write_text("mine\n")

    shown = run("checkout", "--view", "all")

    assert shown.code == 0, shown.err
    assert re.match(r"checked out the view to .*all  \(\d files written, ", shown.out)
    assert (repository / "all" / "photos" / "readme.txt").read_text() == "mine\n"
    assert (repository / "all" / "photos" / "new.txt").read_text() == "new\n"
    assert run("checkout", "--view", "all", "-q").out.endswith("all\n")
    shapes.require(run("checkout", "--view", "all", "--json").document, declared.CHECKOUT)


def test_checkout_of_the_view_does_not_overwrite_edits(run: Run, repository: Path) -> None:
    """What differs is a conflict without --force."""
    run("checkout", "--view", "all")
    (repository / "all" / "photos" / "new.txt").write_text("mine\n")

    refused = run("checkout", "--view", "all")
    forced = run("checkout", "--view", "all", "--force")

    assert (refused.code, forced.code) == (4, 0)
    assert "'photos/new.txt'" in refused.err
    assert (repository / "all" / "photos" / "new.txt").read_text() == "new\n"


@pytest.mark.parametrize(
    "words",
    [
        ("checkout",),
        ("checkout", "photos", "--view", "all"),
        ("checkout", "--view", "all", "--path", "summer"),
        ("checkout", "--view", "all", "--link", "hardlink"),
    ],
)
def test_checkout_is_of_a_version_or_of_the_view(run: Run, repository: Path, words: tuple[str, ...]) -> None:
    """Neither, or both, is wrong usage; nothing is written."""
    refused = run(*words)

    assert refused.code == 2
    assert "cas " in refused.err
    assert not (repository / "all").exists()


def test_checkout_links(run: Run, repository: Path) -> None:
    """--link hands on what was chosen: linked files are read-only."""
    assert run("checkout", "photos", "work", "--link", "hardlink").code == 0
    assert (repository / "work" / "readme.txt").stat().st_mode & 0o222 == 0


def test_status_tells_edits(run: Run, repository: Path) -> None:
    """One line for a checkout, one for each changed path below it."""
    run("checkout", "photos", "work")
    assert run("status", "work").out.endswith("unchanged\n")
    (repository / "work" / "readme.txt").write_text("mine\n")
    (repository / "work" / "more.txt").write_text("more\n")
    (repository / "work" / "new.txt").unlink()

    shown = run("status")

    assert shown.code == 0
    head, *changes = shown.out.splitlines()
    assert head.endswith("with 1 added, 1 modified, 1 removed")
    assert sorted(changes) == ["  A  more.txt", "  D  new.txt", "  M  readme.txt"]


def test_status_as_json(run: Run, repository: Path) -> None:
    """The document is what the reference says."""
    run("checkout", "photos", "work")
    (repository / "work" / "readme.txt").write_text("mine\n")

    document = run("status", "--json").document

    shapes.require(document, declared.STATUS.many())
    assert document[0]["changes"][0]["status"] == "modified"


@pytest.mark.usefixtures("repository")
def test_status_of_nothing(run: Run) -> None:
    """No checkout is no error; the note says how to make one."""
    shown = run("status")

    assert shown.code == 0
    assert not shown.out
    assert "cas checkout" in shown.err
