"""`cas demo`: the whole tool in a minute, on data that every Python has: its own standard library."""

from __future__ import annotations

import contextlib
import io
import json
import os
import platform
import re
import shlex
import shutil
import sys
import sysconfig
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cas.cli import text
from cas.cli.command import command
from cas.cli.console import Console, Paint
from cas.cli.context import Invocation
from cas.cli.render import shapes
from cas.errors import AlreadyExistsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_NAME = "python/stdlib"
_LEFT_OUT = ("site-packages", "dist-packages", "__pycache__", "test", "tests", "idlelib", "config-*")
"""Installed packages, caches, and what is large without being interesting."""


@command("demo", example="cas demo", shape=shapes.DEMO)
def demo(
    ctx: typer.Context,
    keep: Annotated[
        Path | None,
        typer.Option(
            "--keep",
            metavar="DIR",
            help="Work in this new directory and leave it behind.  [default: a temporary one]",
        ),
    ] = None,
) -> None:
    """Show what cas does, on this Python's standard library

    Every command is printed before its result, so that you can type it yourself. It takes a few seconds
    and leaves nothing behind.
    """
    invocation = ctx.ensure_object(Invocation)
    with _workshop(keep) as directory, contextlib.chdir(directory):
        tour = _Tour(invocation.console, _environment(invocation))
        _walk(tour)
    if invocation.is_json:
        invocation.console.document(tour.results)
    elif keep is not None:
        invocation.console.note(f"all of it is in {text.printable(str(keep))}")
    else:
        invocation.console.note(
            "the temporary directory is gone; `cas demo --keep DIR` leaves one to play in"
        )


@contextlib.contextmanager
def _workshop(keep: Path | None) -> Iterator[Path]:
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="cas-demo-") as directory:
            yield Path(directory)
        return
    if keep.exists():
        raise AlreadyExistsError(
            f"cannot work in '{keep}'",
            code="destination-exists",
            why="it exists",
            hint="name a directory that does not",
        )
    keep.mkdir(parents=True)
    yield keep


def _environment(invocation: Invocation) -> Mapping[str, str]:
    """Keep the demo away from the repository that the user works with."""
    return {key: value for key, value in invocation.environment.items() if key != "CAS_REPO"}


def _walk(tour: _Tour) -> None:
    release = platform.python_version()
    source = [
        "commit",
        _NAME,
        "./stdlib",
        "-p",
        f"implementation={sys.implementation.name}",
        "-p",
        f"release={release}",
    ]
    tour.say("The data: a copy of this Python's standard library, without its tests.")
    _copy_standard_library(Path("stdlib"))
    tour.say("A repository is a directory, .cas, and all that is stored is in it.")
    tour.run("init")
    tour.say("Store the directory under a name, with properties that say what it is.")
    tour.run(*source, "-m", "as it came")
    tour.say("The same again: the same version, nothing to store.")
    tour.run(*source)
    tour.say("Now change three files, and commit that as another version.")
    _patch(tour)
    tour.run(*source, "-p", "patched=yes", "-m", "three files changed")
    tour.say("Two versions. The second took only what differs.")
    tour.run("ls")
    tour.run("ls", "--versions")
    tour.run("stats")
    tour.say("What exactly differs? And what is known about a version?")
    tour.run("diff", f"{_NAME}@~1", _NAME)
    tour.run("show", _NAME)
    tour.run("tree", _NAME, "json")
    tour.say("Any version comes back, whole, anywhere. Edits are noticed, and never overwritten silently.")
    tour.run("checkout", f"{_NAME}@~1", "./old")
    tour.shell("echo 'import cas' >> old/this.py", lambda: _append("old/this.py", "import cas\n"))
    tour.run("status")
    tour.say("Names for versions, and searching by properties.")
    tour.run("tag", f"{_NAME}@~1", "as-it-came")
    tour.run("find", f"release={release}")
    tour.say("Remove a version; gc frees what only it used, and the rest is untouched.")
    tour.run("remove", f"{_NAME}@patched=yes")
    tour.run("gc")
    tour.run("verify")
    tour.run("log")


def _patch(tour: _Tour) -> None:
    tour.shell(
        "echo '# patched' >> stdlib/json/decoder.py", lambda: _append("stdlib/json/decoder.py", "# patched\n")
    )
    tour.shell(
        "cp stdlib/json/tool.py stdlib/json/tool2.py",
        lambda: _copy("stdlib/json/tool.py", "stdlib/json/tool2.py"),
    )
    tour.shell("rm stdlib/antigravity.py", Path("stdlib/antigravity.py").unlink)


@dataclass(slots=True)
class _Tour:
    """Runs the commands of the demo and shows them."""

    console: Console
    environment: Mapping[str, str]
    results: list[dict[str, Any]] = field(default_factory=list)

    def say(self, words: str) -> None:
        """Explain what comes next."""
        if not self.console.is_json:
            self.console.line()
            self.console.line(self.console.paint(f"# {words}", Paint.HINT))

    def shell(self, line: str, act: Any) -> None:  # noqa: ANN401 - any callable without arguments
        """Do what a line of shell would do, and show that line."""
        self._show(line)
        act()

    def run(self, *words: str) -> None:
        """Run a real command, through the same entry point as from a shell."""
        from cas.cli.main import main  # noqa: PLC0415 - it is what runs this module

        line = " ".join(["cas", *map(_quoted, words)])
        self._show(line)
        if self.console.is_json:
            captured = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
            with contextlib.redirect_stdout(captured):
                status = main([*words, "--json"], environment=self.environment)
            captured.seek(0)
            output = captured.read()
            self.results.append({"command": line, "result": json.loads(output) if output else None})
        else:
            status = main(words, environment=self.environment)
        if status:
            raise typer.Exit(status)  # the command has said why

    def _show(self, line: str) -> None:
        if not self.console.is_json:
            self.console.line(self.console.paint(f"$ {line}", Paint.STRONG))
            sys.stdout.flush()


def _quoted(word: str) -> str:
    """Quote for the shell, as people do: `name@~1` needs none, whatever shlex thinks of a tilde."""
    return word if re.fullmatch(r"[\w@%+=:,./-][\w@%+=:,./~-]*", word) else shlex.quote(word)


def _copy_standard_library(destination: Path) -> None:
    shutil.copytree(
        sysconfig.get_path("stdlib"), destination, symlinks=True, ignore=shutil.ignore_patterns(*_LEFT_OUT)
    )
    for folder, _, _ in os.walk(destination):
        os.chmod(folder, 0o755)  # noqa: S103 - our own copy; a read-only installation must not stop the demo


def _append(path: str, line: str) -> None:
    os.chmod(path, 0o644)
    with open(path, "a", encoding="utf-8") as file:
        file.write(line)


def _copy(source: str, destination: str) -> None:
    shutil.copy(source, destination)
