"""resources: registries and far sides that are not there, and what is said of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.registry.desk import write
from tests.servers.web import Answer

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Run
    from tests.servers.web import WebServer

COMMANDS = ("list", "download", "check")


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("command", ["list", "check"])
def test_without_a_registry_there_is_nothing_to_list(run: Run, command: str) -> None:
    """A project need not have one (A7)."""
    done = run("resources", command)

    assert (0, "") == (done.code, done.out)
    assert "note: there is no 'remote.yaml' here" in done.err


def test_a_registry_above_is_named_and_not_used(
    run: Run, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it lists belongs below the directory that it is in, and not below this one."""
    write(here / "remote.yaml", "[]")
    (here / "a/b").mkdir(parents=True)
    monkeypatch.chdir(here / "a/b")

    done = run("resources", "list")

    assert (0, "") == (done.code, done.out)
    assert "there is no 'remote.yaml' here; to use the one above, add --file ../../remote.yaml" in done.err


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("command", COMMANDS)
def test_a_registry_that_was_named_must_be_there(run: Run, command: str) -> None:
    """Whoever names a file means one (A7)."""
    ids = ["ALL"] if command == "download" else []

    done = run("resources", command, *ids, "--file", "other.yaml")

    assert 3 == done.code
    assert "cannot read 'other.yaml'" in done.err
    assert "docs/format/remote-yaml.md says how to write one" in done.err


def test_a_slip_in_the_name_of_a_registry_is_seen(run: Run, here: Path) -> None:
    """The nearest that is there is suggested."""
    write(here / "remote.yaml", "[]")

    assert "did you mean 'remote.yaml'?" in run("resources", "list", "--file", "remotes.yaml").err


@pytest.mark.usefixtures("here")
def test_without_a_registry_no_id_is_known(run: Run) -> None:
    """It says where ids come from."""
    done = run("resources", "download", "inception")

    assert 2 == done.code
    assert "list it in remote.yaml, or name another registry with --file" in done.err


@pytest.mark.parametrize("has_repository", [True, False])
def test_a_far_side_that_is_down_need_not_stop_anybody(
    run: Run, here: Path, web: WebServer, has_repository: bool
) -> None:
    """Which entry it was about is told, and how to get what came last time; only if that is there."""
    if has_repository:
        run("init")
    write(here / "remote.yaml", f"- {{name: net, dst_path: net, url: '{web.put('/net', b'weights')}'}}")
    web.always["/net"] = Answer(404)
    never = run("resources", "download", "net")
    del web.always["/net"]
    run("resources", "download", "net")
    web.always["/net"] = Answer(404)

    done = run("resources", "download", "net")
    offline = run("resources", "download", "net", "--offline")

    assert "error: cannot download 'net'" in never.err
    assert "hint: correct its URL in the registry, line 1;" in never.err
    assert "hint: for what came last time: cas resources download net --offline" in done.err
    assert (3, 0) == (done.code, offline.code)


def test_a_failure_that_has_nothing_to_do_with_the_far_side_has_no_such_hint(
    run: Run, here: Path, web: WebServer
) -> None:
    """What is in the way here is in the way offline, too."""
    write(here / "remote.yaml", f"- {{name: net, dst_path: net, url: '{web.put('/net', b'weights')}'}}")
    run("resources", "download", "net")
    (here / "runtime_resources/net").unlink()
    (here / "runtime_resources/net").mkdir()

    done = run("resources", "download", "net")

    assert "error: cannot download 'net'" in done.err
    assert "--offline" not in done.err


@pytest.mark.parametrize("command", COMMANDS)
def test_a_registry_with_a_mistake_says_where(run: Run, here: Path, command: str) -> None:
    """Before anything is fetched."""
    write(here / "bad.yaml", "- name: a\n  dst_path: ../a\n  url: https://example.org/a\n")

    done = run("resources", command, *(["a"] if command == "download" else []), "--file", "bad.yaml")

    assert 2 == done.code
    assert "resource 'a', line 2" in done.err


def test_all_is_not_suggested_where_there_is_nothing(run: Run) -> None:
    """Nor for a name that only resembles it."""
    done = run("resources", "download", "small")

    assert "did you mean" not in done.err
    assert "remote.yaml" in done.err
