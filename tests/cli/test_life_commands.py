"""tag, remove, restore, gc, verify, recover, stats: wiring, wording, exit status, JSON."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

import pytest

from cas.cli.render import shapes as declared
from tests import plugins
from tests.cli import shapes

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Run


@pytest.mark.usefixtures("repository")
def test_tag_and_untag(run: Run) -> None:
    """A tag is a name for a version until it is taken away."""
    tagged = run("tag", "photos@first", "oldest")
    assert tagged.code == 0
    assert re.fullmatch(r"tagged photos@[0-9a-f]{12} as oldest\n", tagged.out)
    assert run("cat", "photos@oldest", "readme.txt").out == "Pictures.\n"

    taken = run("tag", "--delete", "photos@oldest")
    assert taken.code == 0
    assert taken.out.startswith("untagged photos@")
    assert run("show", "photos@oldest").code == 3


@pytest.mark.usefixtures("repository")
def test_a_tag_moves_only_by_force(run: Run) -> None:
    """Somebody may rely on it."""
    assert run("tag", "photos@first", "best").code == 4
    assert run("tag", "photos@first", "best", "--force").code == 0


@pytest.mark.usefixtures("repository")
def test_tag_usage(run: Run) -> None:
    """TAG is needed, except with --delete, where it is part of SPEC."""
    missing = run("tag", "photos")
    assert missing.code == 2
    assert missing.err.startswith("error: `cas tag` needs TAG\n")
    both = run("tag", "--delete", "photos", "best")
    assert both.code == 2
    assert "cas tag --delete photos@best" in both.err


@pytest.mark.usefixtures("repository")
def test_tag_as_json(run: Run) -> None:
    """A version object with its tags."""
    document = run("tag", "photos", "x", "--json").document

    shapes.require(document, declared.VERSION)
    assert document["tags"] == ["best", "x"]


@pytest.mark.usefixtures("repository")
def test_remove_and_restore(run: Run) -> None:
    """The note can be pasted to undo it."""
    removed = run("remove", "photos@first")
    assert removed.code == 0
    assert re.fullmatch(r"removed photos@[0-9a-f]{12}\n", removed.out)
    command = re.search(r"`cas (restore [^`]+)`", removed.err)
    assert command is not None

    restored = run(*command[1].split())

    assert restored.code == 0
    assert restored.out.startswith("restored photos@")
    assert run("cat", "photos@first", "readme.txt").out == "Pictures.\n"


@pytest.mark.usefixtures("repository")
def test_remove_all(run: Run) -> None:
    """--all takes every version of a name."""
    assert len(run("remove", "photos", "--all", "-q").out.splitlines()) == 2
    assert run("ls", "-q").out == ""


@pytest.mark.usefixtures("repository")
def test_remove_of_an_input_needs_force(run: Run) -> None:
    """What something was made from is not removed by accident."""
    run("commit", "thumbs", "photos/new.txt", "-i", "photos@first")

    assert run("remove", "photos@first").code == 4
    assert run("remove", "photos@first", "--force").code == 0


@pytest.mark.usefixtures("repository")
def test_remove_nothing_if_one_is_unknown(run: Run) -> None:
    """All or none."""
    assert run("remove", "photos@first", "photos@nothing").code == 3
    assert len(run("ls", "--versions", "-q").out.splitlines()) == 2


@pytest.mark.usefixtures("repository")
def test_remove_as_json(run: Run) -> None:
    """An array of version objects."""
    document = run("remove", "photos@first", "--json").document

    shapes.require(document, declared.VERSION.many())
    assert document[0]["state"] == "removed"
    shapes.require(run("restore", f"photos@{document[0]['version']}", "--json").document, declared.VERSION)


@pytest.mark.usefixtures("repository")
def test_restore_of_the_unknown(run: Run) -> None:
    """Not found is 3."""
    assert run("restore", "nothing").code == 3


@pytest.mark.usefixtures("repository")
def test_gc_with_nothing_to_free(run: Run) -> None:
    """It says so."""
    shown = run("gc")

    assert shown.code == 0
    assert shown.out.startswith("nothing to free; ")


@pytest.mark.usefixtures("repository")
def test_gc_frees_by_name(run: Run) -> None:
    """--dry-run says the same and does nothing."""
    run("remove", "photos@first")

    dry = run("gc", "--dry-run")
    assert dry.code == 0
    assert "photos@" in dry.out
    assert dry.out.splitlines()[-1].startswith("would free ")
    assert run("restore", "photos@first").code in {0, 3}
    run("remove", "photos@~1")
    wet = run("gc")
    assert "photos@" in wet.out
    assert wet.out.splitlines()[-1].startswith("freed ")
    assert run("verify").code == 0


@pytest.mark.usefixtures("repository")
def test_gc_keeps_what_is_young(run: Run) -> None:
    """--keep-removed spares what was removed a moment ago."""
    reference = run("remove", "photos@first", "-q").out.strip()

    assert run("gc", "--keep-removed", "14d").code == 0
    assert run("restore", reference).code == 0


@pytest.mark.usefixtures("repository")
def test_gc_as_json(run: Run) -> None:
    """The document is what the reference says."""
    run("remove", "photos@first")

    shapes.require(run("gc", "--dry-run", "--json").document, declared.GC)
    document = run("gc", "--json").document
    shapes.require(document, declared.GC)
    assert document["freed"][0]["name"] == "photos"


@pytest.mark.usefixtures("repository")
def test_notes_of_remove_and_gc_go_to_standard_error(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A plug-in that failed afterwards, and files that lead to what was removed; the exit status stays 0."""
    plugins.install(tmp_path, "sulking_command", plugins.sulking("post_remove", "post_gc"))
    monkeypatch.syspath_prepend(tmp_path)
    run("checkout", "photos@first", "linked", "--link", "symlink")

    removed = run("remove", "photos@first")
    as_array = run("remove", "photos", "--json")
    kept = run("gc", "--dry-run")
    document = run("gc", "--json").document

    assert (removed.code, as_array.code, kept.code) == (0, 0, 0)
    assert "note: " in removed.err
    assert "sulking at post_remove" in removed.err
    assert "sulking at post_remove" in as_array.err
    shapes.require(as_array.document, declared.VERSION.many())
    assert re.search(
        r"^note: kept photos@[0-9a-f]{12}: symlinks in '[^']*linked' lead to it; ", kept.err, re.MULTILINE
    )
    shapes.require(document, declared.GC)
    assert len(document["notes"]) == 2
    assert "sulking at post_gc" in document["notes"][1]


@pytest.mark.usefixtures("repository")
def test_verify_says_what_it_looked_at(run: Run) -> None:
    """No damage is exit 0."""
    shown = run("verify")

    assert shown.code == 0
    assert shown.out.startswith("verified ")
    assert shown.out.endswith(": no damage\n")
    assert run("verify", "--quick").out.startswith("looked at ")


def test_verify_finds_damage(run: Run, repository: Path) -> None:
    """Exit 5, the versions that are hit, and JSON that says the same."""
    for pack in (repository / ".cas" / "packs").rglob("*.pack"):
        pack.chmod(0o644)
        data = bytearray(pack.read_bytes())
        data[len(data) // 3] ^= 0xFF
        pack.write_bytes(data)

    shown = run("verify")
    assert shown.code == 5
    assert "damaged" in shown.out
    as_json = run("verify", "--json")
    assert as_json.code == 5
    shapes.require(as_json.document, declared.VERIFY)
    assert as_json.document["problems"]


def test_recover_rebuilds_the_index(run: Run, repository: Path) -> None:
    """A lost index is exit 5 with the command that brings it back."""
    before = run("ls", "--versions", "--json").document
    shutil.rmtree(repository / ".cas" / "index")

    lost = run("ls")
    assert lost.code == 5
    assert "cas recover" in lost.err
    shown = run("recover")
    assert shown.code == 0
    assert shown.out.startswith("recovered 2 versions and 2 tags from the journal, ")
    assert run("ls", "--versions", "--json").document == before


def test_recover_as_json(run: Run, repository: Path) -> None:
    """The document is what the reference says."""
    shutil.rmtree(repository / ".cas" / "index")

    shapes.require(run("recover", "--json").document, declared.RECOVER)


@pytest.mark.usefixtures("repository")
def test_stats_for_people(run: Run) -> None:
    """What was committed, what is left of it, and each name."""
    lines = run("stats").out.splitlines()

    assert [line.split()[0] for line in lines[:4]] == ["logical", "unique", "on", "garbage"]
    assert any(line.startswith("photos ") for line in lines)


@pytest.mark.usefixtures("repository")
def test_stats_as_json(run: Run) -> None:
    """The document is what the reference says, and its ratios are those of its sizes."""
    document = run("stats", "--json").document

    shapes.require(document, declared.STATS)
    assert document["versions"] == 2
    assert document["logical_bytes"] > document["unique_bytes"]
