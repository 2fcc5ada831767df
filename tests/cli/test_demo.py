"""`cas demo` teaches the tool by running it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from cas.cli.render import shapes as declared
from tests.cli import shapes

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from tests.cli.conftest import Run

_SHOWN = (
    "init",
    "commit",
    "ls",
    "stats",
    "diff",
    "show",
    "checkout",
    "status",
    "tag",
    "find",
    "remove",
    "gc",
    "verify",
)


def test_the_demo_shows_each_command_and_leaves_nothing(
    run: Run, here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every command is printed before its result, all succeed, and the temporary directory goes away."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))

    shown = run("demo")

    assert shown.code == 0, shown.err
    for name in _SHOWN:
        assert f"\n$ cas {name}" in shown.out
    assert "\nunchanged python/stdlib@" in shown.out
    assert "\nfreed " in shown.out
    assert not os.listdir(temporary)
    assert not os.listdir(here)


def test_the_demo_keeps_out_of_other_repositories(run: Run, repository: Path) -> None:
    """Run inside a repository, or with CAS_REPO set, it touches neither; --keep leaves its own behind."""
    before = run("log", "--json").out

    kept = run("demo", "--keep", "playground", "--json", environment={"CAS_REPO": str(repository)})

    assert kept.code == 0, kept.err
    shapes.require(kept.document, declared.DEMO)
    assert run("log", "--json").out == before
    assert run("ls", "-q", "--repo", "playground").out == "python/stdlib\n"
    assert run("demo", "--keep", "playground").code == 4
