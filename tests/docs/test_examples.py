"""The examples in README.md and docs/ are run, each page from top to bottom in a fresh directory.

    ```console   a shell session: `$ ` starts a command, `> ` continues it, the rest is what it prints
    ```pycon     a Python session, as `doctest` reads it
    ```python    code that is executed

In expected output `…` stands for anything within a line, and alone on a line for any number of lines; a
date stands for any date, and the directory of the page is shown as `/work`. A command may fail only where
the page shows its error. All blocks of a page share the directory and the Python names. Other blocks (`sh`,
`text`, `yaml`, …) are not run.
"""

from __future__ import annotations

import contextlib
import doctest
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
_BLOCK = re.compile(r"^```(console|pycon|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_DATE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)?")
_PYTHON_FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block of a page."""

    language: str
    text: str
    line: int
    """Line of the page on which the text starts, from 1."""


@dataclass(frozen=True, slots=True)
class Step:
    """One command of a shell session and what the page says it prints."""

    command: str
    expected: str
    line: int


def blocks_of(page: Path) -> list[Block]:
    """The blocks of a page that are run."""
    text = page.read_text(encoding="utf-8")
    return [
        Block(match[1], match[2], text.count("\n", 0, match.start(2)) + 1) for match in _BLOCK.finditer(text)
    ]


def steps_of(block: Block) -> list[Step]:
    """The commands of a console block."""
    steps: list[Step] = []
    for number, line in enumerate(block.text.splitlines(), block.line):
        if line.startswith("$ "):
            steps.append(Step(line[2:], "", number))
        elif line.startswith("> ") and not steps[-1].expected:
            steps[-1] = Step(f"{steps[-1].command}\n{line[2:]}", "", steps[-1].line)
        else:
            steps[-1] = Step(steps[-1].command, steps[-1].expected + line + "\n", steps[-1].line)
    return steps


def agrees(expected: str, printed: str) -> bool:
    """Whether `printed` is what the page says, `…` standing for anything."""
    pattern = "".join(
        r"(?:.*\n)*" if line == "…" else ".*".join(map(re.escape, line.rstrip().split("…"))) + r" *\n"
        for line in _DATE.sub("DATE", expected).splitlines()
    )
    return re.fullmatch(pattern, _DATE.sub("DATE", printed)) is not None


class Page:
    """A page that is being run."""

    def __init__(self, path: Path, directory: Path) -> None:
        self.path = path
        self.directory = directory
        self.home = directory
        self.status = 0
        self.names: dict[str, Any] = {}
        self.environment = self._environment()

    def _environment(self) -> dict[str, str]:
        scripts = self.directory / ".bin"
        scripts.mkdir()
        command = scripts / "cas"
        command.write_text(
            f"#!{sys.executable}\nimport sys\nsys.path.insert(0, {str(ROOT)!r})\n"
            "from cas.cli.main import main\nsys.exit(main())\n"
        )
        command.chmod(0o755)
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("CAS_", "PYTHON"))}
        return {
            **kept,
            "PATH": os.pathsep.join((str(scripts), str(Path(sys.executable).parent), kept.get("PATH", ""))),
            "HOME": str(self.directory),
            "LC_ALL": "C.UTF-8",
            "TZ": "UTC",
            "COLUMNS": "100",
            "NO_COLOR": "1",
            "PYTHONUNBUFFERED": "1",  # results and notes in the order in which a terminal shows them
            "USER": "ada",
        }

    def run(self, block: Block) -> None:
        """Run one block; fails the test where the page is wrong."""
        if block.language == "console":
            for step in steps_of(block):
                self._run_step(step)
        elif block.language == "pycon":
            self._run_session(block)
        else:
            code = compile("\n" * (block.line - 1) + block.text, self.path, "exec")
            with contextlib.chdir(self.directory):
                exec(code, self.names)  # noqa: S102 - running the page is the point

    def _run_step(self, step: Step) -> None:
        script = f"(exit {self.status})\n{step.command}\nstatus=$?; pwd >'{self.home}/.bin/pwd'; exit $status"
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=self.directory,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        printed = done.stdout.decode(errors="replace").replace(str(self.home), "/work")
        self.directory = Path((self.home / ".bin/pwd").read_text().strip())
        self.status = done.returncode
        here = f"{self.path.name}:{step.line}: $ {step.command}"
        if not agrees(step.expected, printed):
            pytest.fail(f"{here}\n--- the page says\n{step.expected}--- it printed\n{printed}", pytrace=False)
        if self.status and not step.expected.startswith(("error:", '{"code":')):
            pytest.fail(f"{here}\nexit status {self.status}, which the page does not show", pytrace=False)

    def _run_session(self, block: Block) -> None:
        text = re.sub(r"^…$", "...", block.text, flags=re.MULTILINE).replace("…", "...")
        test = doctest.DocTestParser().get_doctest(
            text, self.names, self.path.name, str(self.path), block.line - 1
        )
        report: list[str] = []
        runner = doctest.DocTestRunner(optionflags=_PYTHON_FLAGS)
        with contextlib.chdir(self.directory):
            result = runner.run(test, out=report.append, clear_globs=False)
        self.names.update(test.globs)
        if result.failed:
            pytest.fail("".join(report), pytrace=False)


def pages() -> list[Path]:
    """Pages with examples that can be run. The generated reference has command lines, but no sessions."""
    candidates = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return [page for page in candidates if page != ROOT / "docs" / "cli.md" and blocks_of(page)]


@pytest.mark.parametrize("path", pages(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_examples_do_what_the_page_says(path: Path, tmp_path: Path) -> None:
    """A reader who types what a page shows sees what the page shows."""
    page = Page(path, tmp_path.resolve())

    for block in blocks_of(path):
        page.run(block)


@pytest.mark.parametrize(
    ("expected", "printed", "same"),
    [
        ("a…c\n", "abbc\n", True),
        ("a…c\n", "abb\n", False),
        ("first\n…\nlast\n", "first\n1\n2\nlast\n", True),
        ("first\n…\nlast\n", "first\nlast\n", True),
        ("first\n", "first\nsecond\n", False),
        ("", "anything\n", False),
        ("on 2024-02-29 12:00 x\n", "on 2025-01-01 08:15 x\n", True),
        ("on 2024-02-29 12:00 x\n", "on Monday x\n", False),
    ],
)
def test_an_ellipsis_hides_only_what_it_stands_for(expected: str, printed: str, same: bool) -> None:
    """The runner must notice a page that is wrong, or it proves nothing."""
    assert agrees(expected, printed) is same
