"""A repository to type commands in, and two ways to run them."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pytest

import cas
from cas.cli.main import main

if TYPE_CHECKING:
    from collections.abc import Mapping

PACKAGE_PARENT = Path(next(iter(cas.__path__))).resolve().parent


@dataclass(frozen=True, slots=True)
class Result:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:  # noqa: ANN401 - JSON is anything
        """The JSON on standard output."""
        return json.loads(self.out)

    @property
    def error(self) -> dict[str, Any]:
        """The JSON on standard error."""
        found: dict[str, Any] = json.loads(self.err)
        return found


class Run(Protocol):
    """Runs `cas` in this process."""

    def __call__(
        self, *words: str, stdin: bytes = b"", environment: Mapping[str, str] | None = None
    ) -> Result: ...


@pytest.fixture
def run(capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the real entry point, without the cost of a new Python."""

    def call(*words: str, stdin: bytes = b"", environment: Mapping[str, str] | None = None) -> Result:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        capfdbinary.readouterr()
        code = main(words, environment=environment or {"USER": "ann"})
        sys.stdout.flush()
        sys.stderr.flush()
        out, err = capfdbinary.readouterr()
        return Result(code, out.decode("utf-8", "surrogateescape"), err.decode("utf-8", "surrogateescape"))

    return call


def arguments(*words: str) -> list[str]:
    """Give the command line that runs `cas` in a process of its own."""
    return [sys.executable, "-m", "cas", *words]


def environment(**more: str) -> dict[str, str]:
    """Give an environment in which a process finds this `cas`, and nothing of ours misleads it."""
    kept = {
        key: value for key, value in os.environ.items() if key not in {"CAS_REPO", "NO_COLOR", "FORCE_COLOR"}
    }
    return {**kept, "PYTHONPATH": str(PACKAGE_PARENT), **more}


def process(*words: str, stdin: bytes = b"") -> Result:
    """Run `python -m cas` for real."""
    done = subprocess.run(arguments(*words), input=stdin, capture_output=True, env=environment(), check=False)
    return Result(done.returncode, done.stdout.decode(), done.stderr.decode())


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current directory."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def photos(here: Path) -> Path:
    """A small directory with one of everything."""
    folder = here / "photos"
    (folder / "summer").mkdir(parents=True)
    (folder / "empty").mkdir()
    (folder / "readme.txt").write_text("Pictures.\n")
    (folder / "summer" / "beach.jpg").write_bytes(bytes(range(256)) * 8)
    (folder / "sort.sh").write_text("#!/bin/sh\n")
    (folder / "sort.sh").chmod(0o755)
    (folder / "latest").symlink_to("summer/beach.jpg")
    return folder


@pytest.fixture
def repository(run: Run, photos: Path) -> Path:
    """A repository in the current directory with two versions of `photos`, tagged `first` and `best`."""
    assert run("init").code == 0
    committed = run("commit", "photos", "photos", "-p", "camera=x100", "-m", "first import", "--tag", "first")
    assert committed.code == 0, committed.err
    (photos / "readme.txt").write_text("More pictures.\n")
    (photos / "new.txt").write_text("new\n")
    committed = run("commit", "photos", "photos", "-p", "camera=x100", "-p", "year:=2024", "--tag", "best")
    assert committed.code == 0, committed.err
    return photos.parent
