"""resources, as they change: at the far side, and here. What is no damage is not called so."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import pytest

from cas.cli.render import resources
from cas.cli.render import shapes as declared
from tests.cli import shapes
from tests.registry.desk import write
from tests.servers.web import File

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Run
    from tests.servers.web import WebServer

NET = "models/net.bin"
TOYS = "data/toys"


@pytest.fixture
def far(tmp_path: Path) -> Path:
    """The far side."""
    folder = tmp_path / "far"
    write(folder / "net.bin", "weights of 2023")
    write(folder / "toys" / "ball", "round")
    write(folder / "toys" / "box" / "cube", "square")
    return folder


@pytest.fixture
def here_too(run: Run, here: Path, far: Path) -> Path:
    """A repository in which everything of a registry was downloaded; its runtime directory."""
    write(
        here / "remote.yaml",
        f"""
- {{name: net, dst_path: {NET}, url: '{far.as_uri()}/net.bin'}}
- {{name: toys, dst_path: {TOYS}/, url: '{far.as_uri()}/toys'}}
""",
    )
    run("init")
    assert 0 == run("resources", "download", "ALL").code
    return here / "runtime_resources"


def states(run: Run, *words: str) -> dict[str, str]:
    """What `resources list` says of each entry."""
    document: list[dict[str, Any]] = run("resources", "list", "--json", *words).document
    return {one["id"]: one["here"] for one in document}


@pytest.mark.usefixtures("here_too")
@pytest.mark.parametrize("change", ["edited", "new", "gone"])
def test_a_change_of_the_far_side_is_seen(run: Run, far: Path, change: str) -> None:
    """Nobody has to download to find out; it is news, not a fault, so the exit status stays 0."""
    before = states(run)
    match change:
        case "edited":
            write(far / "net.bin", "weights of 2024, and more")
            write(far / "toys" / "ball", "flat, now")
        case "new":
            write(far / "net.bin", "weights of 2024, and more")
            write(far / "toys" / "cone", "sharp")
        case _:
            write(far / "net.bin", "")
            (far / "toys" / "ball").unlink()

    checked, document = run("resources", "check"), run("resources", "check", "--json")

    assert {"net": "yes", "toys": "yes"} == before
    assert {"net": "outdated", "toys": "outdated"} == states(run)
    assert {"net": "yes", "toys": "yes"} == states(run, "--offline")
    assert 0 == checked.code
    assert 2 == checked.out.count("; changed since it was downloaded")
    assert "note: for what is there now: cas resources download net\n" in checked.err
    shapes.require(document.document, resources.CHECK)
    assert [True, False] * 2 == [one["outdated"] for one in document.document]

    run("resources", "download", "ALL")

    assert {"net": "yes", "toys": "yes"} == states(run)
    assert "changed since" not in run("resources", "check").out


def test_an_etag_tells_of_a_change(run: Run, here: Path, web: WebServer) -> None:
    """A new state of the same size has another ETag; one that has the same is no news."""
    web.files["/net"] = File(b"weights of 2023", etag='"1"')
    write(here / "remote.yaml", f"- {{name: net, dst_path: {NET}, url: '{web.url('/net')}'}}\n")
    run("resources", "download", "net")
    before = states(run)

    web.files["/net"] = File(b"weights of 2024", etag='"2"')

    assert [{"net": "yes"}, {"net": "outdated"}] == [before, states(run)]


def test_a_change_here_is_not_one_there(run: Run, here_too: Path) -> None:
    """What somebody edited is `changed`, whatever the far side has."""
    write(here_too / NET, "my own weights, which are longer")

    assert {"net": "changed", "toys": "yes"} == states(run)
    assert "changed since it was downloaded" not in run("resources", "check").out


def test_an_earlier_version_here_is_no_damage(run: Run, here_too: Path, far: Path) -> None:
    """Whoever checks one out there means it; `check` says which it is, also if it had more files."""
    write(far / "net.bin", "weights of 2024")
    write(far / "toys" / "ball", "flat")
    (far / "toys" / "box" / "cube").unlink()
    run("resources", "download", "ALL")
    for name in (NET, TOYS):
        done = run("checkout", f"{name}@~1", str(here_too / name), "--force")
        assert 0 == done.code, done.err
    earlier = [run("show", "-q", f"{name}@~1").out.strip() for name in (NET, TOYS)]

    checked = run("resources", "check", "--offline")

    assert 0 == checked.code, checked.out
    for ref in earlier:
        assert f"an earlier version, not what came last: {ref}\n" in checked.out

    (here_too / TOYS / "box" / "cube").unlink()

    assert 5 == run("resources", "check", "--offline").code


def test_what_somebody_committed_is_no_damage(run: Run, here_too: Path) -> None:
    """It is a version like any other, and the current one."""
    write(here_too / NET, "my own weights")
    run("commit", NET, str(here_too / NET))

    checked = run("resources", "check", "net", "--offline")

    assert 0 == checked.code, checked.out
    assert "the current version, not what came last: " in checked.out


def test_what_no_version_has_is_damage(run: Run, here_too: Path, far: Path) -> None:
    """Even beside files of an earlier version: nobody could bring it back."""
    write(far / "toys" / "ball", "flat")
    run("resources", "download", "ALL")
    run("checkout", f"{TOYS}@~1", str(here_too / TOYS), "--force")
    write(here_too / TOYS / "box" / "cube", "broken")

    checked = run("resources", "check", "--offline")

    assert 5 == checked.code
    assert f"'{here_too / TOYS}/box/cube' is not what was downloaded\n" in checked.out
    assert "note: to have it again: cas resources download toys (what is here is kept)\n" in checked.err


def test_without_a_repository_nothing_is_recognised(run: Run, here: Path, far: Path) -> None:
    """There are no versions that it could be."""
    write(here / "remote.yaml", f"- {{name: net, dst_path: {NET}, url: '{far.as_uri()}/net.bin'}}\n")
    run("resources", "download", "net")
    write(here / "runtime_resources" / NET, "spoilt")

    assert 5 == run("resources", "check", "--offline").code


def test_ls_knows_the_version_of_what_was_downloaded(run: Run, here_too: Path) -> None:
    """The file in the runtime directory is what wins, and it is a version; edited, it is none."""
    ref = run("show", "-q", NET).out.strip()
    listed, document = run("ls", NET), run("ls", "--json", NET)
    one_layer = run("ls", "--json", "--layer", "runtime", NET)
    write(here_too / NET, "my own weights")
    (edited,) = run("ls", "--json", NET).document

    assert [NET, ref.partition("@")[2]] == listed.out.splitlines()[1].split()[:2]
    shapes.require(document.document, declared.LISTING.many())
    (one,) = document.document
    assert ("runtime", str(here_too / NET), 1) == (one["layer"], one["location"], one["versions"])
    assert ref == f"{NET}@{one['current']['version'][:12]}"
    assert [one] == one_layer.document
    assert (None, 0) == (edited["current"], edited["versions"])


def test_a_later_version_is_not_the_downloaded_file(run: Run, here: Path, here_too: Path) -> None:
    """What was committed since has another content than the file that hides it."""
    run("commit", NET, str(write(here / "own", "my own weights")))

    (one,) = run("ls", "--json", NET).document

    assert (str(here_too / NET), None) == (one["location"], one["current"])


def test_a_slash_too_many_is_named_where_there_are_no_listings(run: Run, here: Path, web: WebServer) -> None:
    """A web server cannot say that it is a file; the rule about the slash is what helps (A8)."""
    url = web.put("/net", b"weights")
    write(here / "remote.yaml", f"- {{name: net, dst_path: {NET}/, url: '{url}'}}\n")

    done = run("resources", "download", "net")

    assert 2 == done.code
    assert f"if it is a file, write '{NET}' as its dst_path" in done.err


def test_a_damaged_repository_does_not_keep_a_copy_from_being_checked(
    run: Run, here: Path, here_too: Path
) -> None:
    """What cannot be read any more is one version less that it could be; the copy is told to be damaged."""
    for pack in (here / ".cas" / "packs").rglob("*.pack"):
        pack.chmod(0o644)
        pack.write_bytes(bytes(pack.stat().st_size))
    write(here_too / TOYS / "ball", "flat")

    checked = run("resources", "check", "toys", "--offline")

    assert 5 == checked.code, checked.err
    assert f"'{here_too / TOYS}/ball' is not what was downloaded\n" in checked.out


def test_a_pinned_file_is_not_called_outdated(run: Run, here: Path, web: WebServer) -> None:
    """No download would bring what is there now; the registry has to be corrected, and the advice says so."""
    digest = f"sha256:{hashlib.sha256(b'weights of 2023').hexdigest()}"
    web.files["/net"] = File(b"weights of 2023", etag='"1"')
    write(
        here / "remote.yaml",
        f"- {{name: net, dst_path: {NET}, url: '{web.url('/net')}', digest: '{digest}'}}\n",
    )
    run("resources", "download", "net")

    web.files["/net"] = File(b"weights of 2024", etag='"2"')
    checked = run("resources", "check")

    assert {"net": "pinned"} == states(run)
    assert 0 == checked.code
    assert "and the registry pins the digest of what came then" in " ".join(checked.out.split())
    assert "note: for what is there now: correct the digest of 'net' in the registry" in checked.err
    assert "cas resources download net" not in checked.err
