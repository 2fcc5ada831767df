"""What the documents must say about the code: every error, command and hook, and a quick start that runs."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import typer

from cas.cli.app import app
from cas.cli.command import Command
from cas.hooks import specs

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"

QUICK_START = re.compile(r"^<!-- quick start: (\w+) -->\n```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BLOCK = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)(?:#[^)\s]*)?\)")


def documents() -> list[Path]:
    """Every page that people read."""
    return sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])


def commands() -> dict[str, Command]:
    """Every command of the program."""
    context = typer.Context(app)
    found = {}
    for name in app.list_commands(context):
        command = app.get_command(context, name)
        assert isinstance(command, Command)
        found[name] = command
    return found


def error_codes() -> dict[str, str]:
    """Each code that the program can show, and a file that does.

    A code is written as `code="…"`, or handed to a function or class that takes it as its parameter
    `code`, or assigned to the variable `code`, or stands in a table behind the class of its error.
    """
    trees = {
        path: ast.parse(path.read_bytes())
        for folder in ("cas", "cli", "hooks")
        for path in sorted((ROOT / folder).rglob("*.py"))
    }
    public = {name: at for tree in trees.values() for name, at in _takers(tree) if not name.startswith("_")}
    codes: dict[str, str] = {}
    for path, tree in trees.items():
        takers = public | dict(_takers(tree))
        for node in ast.walk(tree):
            codes.update(dict.fromkeys(_codes_of(node, takers), path.name))
    return codes


def _takers(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Functions and values of a module that take a code by position, and the position."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            names = [parameter.arg for parameter in node.args.args]
        elif isinstance(node, ast.ClassDef):
            fields = [statement.target for statement in node.body if isinstance(statement, ast.AnnAssign)]
            names = [field.id for field in fields if isinstance(field, ast.Name)]
        else:
            continue
        if "code" in names:
            yield node.name, names.index("code")


def _codes_of(node: ast.AST, takers: dict[str, int]) -> list[str]:
    values: list[ast.expr] = []
    match node:
        case ast.Call(func=function, args=args, keywords=keywords):
            values = [keyword.value for keyword in keywords if keyword.arg == "code"]
            position = takers.get(function.id, len(args)) if isinstance(function, ast.Name) else len(args)
            values += args[position : position + 1]
        case ast.Assign(targets=[ast.Name("code")], value=value):
            values = [value]
        case ast.Assign(targets=[ast.Tuple(elts=[ast.Name("code"), *_])], value=ast.Tuple(elts=[value, *_])):
            values = [value]
        case ast.Tuple(elts=[ast.Name(id=kind), code, *_]) if kind.endswith("Error"):
            values = [code]
    return [
        constant.value
        for value in values
        for constant in ast.walk(value)
        if isinstance(constant, ast.Constant) and isinstance(constant.value, str)
    ]


def test_every_error_code_is_documented() -> None:
    """A code is what a program matches on and what a user searches for: each has its row."""
    page = (DOCS / "errors.md").read_text(encoding="utf-8")
    documented = re.findall(r"^\| `([a-z0-9-]+)` \|", page, re.MULTILINE)
    raised = error_codes()

    assert {code: file for code, file in raised.items() if code not in documented} == {}
    assert [code for code in documented if code not in raised] == [], "documented, but nothing raises it"
    assert sorted(set(documented)) == sorted(documented), "documented twice"


def test_error_codes_are_kebab_case() -> None:
    """One form, so that nobody has to remember which."""
    assert [code for code in error_codes() if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", code)] == []


def test_every_command_is_documented() -> None:
    """The reference has a heading for each command that `cas --help` lists."""
    page = (DOCS / "cli.md").read_text(encoding="utf-8")
    headings = re.findall(r"^#+ `?(?:cas )?([a-z][a-z -]*)`?$", page, re.MULTILINE)

    assert [name for name in commands() if name not in headings] == []


def test_every_command_has_an_example_in_its_help() -> None:
    """People read the example first, and often nothing else."""
    without = [name for name, command in commands().items() if not command.example.startswith(f"cas {name}")]

    assert without == []


def test_every_hook_point_is_documented() -> None:
    """A plug-in author finds each point in one table."""
    page = (DOCS / "hooks.md").read_text(encoding="utf-8")
    points = {name for name in dir(specs) if name.startswith(("pre_", "post_"))}

    assert points == set(re.findall(r"^\| `((?:pre|post)_\w+)` \|", page, re.MULTILINE))


def test_the_quick_start_is_two_lines() -> None:
    """A newcomer copies one line to see it work and one to see the tests pass; .ci/run runs the same."""
    blocks = QUICK_START.findall((ROOT / "README.md").read_text(encoding="utf-8"))

    assert [name for name, _ in blocks] == ["demo", "tests"]
    assert [len(text.splitlines()) for _, text in blocks] == [1, 1]
    assert blocks[0][1].rstrip().endswith("cas demo")
    assert "-m pytest" in blocks[1][1]


@pytest.mark.parametrize("page", documents(), ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    """A page that was moved must take its links with it."""
    text = BLOCK.sub("", page.read_text(encoding="utf-8"))

    broken = [
        target for target in LINK.findall(text) if "://" not in target and not (page.parent / target).exists()
    ]

    assert broken == []
