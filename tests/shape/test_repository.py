"""The shape of the repository: rules that a reviewer would otherwise have to remember."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = (("cas", "cas"), ("cli", "cas.cli"), ("hooks", "cas.hooks"))
LONGEST_FILE = 400

FORBIDDEN_CALLS = {
    "print": "the library never prints",
    "sys.exit": "the library never exits",
    "os._exit": "the library never exits",
    "datetime.now": "the time is an argument",
    "datetime.datetime.now": "the time is an argument",
    "time.time": "the time is an argument",
    "time.time_ns": "the time is an argument",
    "os.getenv": "the library never reads the environment",
    "os.environ": "the library never reads the environment",
    "os.getlogin": "identity is an argument",
    "getpass.getuser": "identity is an argument",
    "Path.home": "the library never looks for a home directory",
}

ALLOWED = {
    ("cas/__main__.py", "sys.exit"),  # the command itself, for `python -m cas`
    # The facade is where a program without a clock of its own gets one.
    ("cas/repo/reader.py", "time.time_ns"),
    ("cas/repo/health.py", "time.time_ns"),
}


def sources(folder: str) -> list[Path]:
    """Python files of a folder, each once: the links cas/cli and cas/hooks are not followed."""
    return sorted(path for path in (ROOT / folder).rglob("*.py") if path.resolve() == path)


def all_sources() -> list[Path]:
    """Every Python file that ships."""
    return [path for folder, _ in FOLDERS for path in sources(folder)]


def where(path: Path) -> str:
    """The path of a file as a message shows it."""
    return path.relative_to(ROOT).as_posix()


def dotted(node: ast.expr) -> str | None:
    """The dotted name that an expression spells, or None."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        base = dotted(node.value)
        return None if base is None else f"{base}.{node.attr}"
    return None


def test_every_package_is_listed() -> None:
    """A sub-package missing from pyproject.toml would work in the tree and be missing from the wheel."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    listed = project["tool"]["setuptools"]["packages"]
    on_disk = [
        ".".join((name, *path.parent.relative_to(ROOT / folder).parts))
        for folder, name in FOLDERS
        for path in sources(folder)
        if path.name == "__init__.py"
    ]

    assert sorted(on_disk) == sorted(listed)


def test_every_folder_of_modules_is_a_package() -> None:
    """A folder without `__init__.py` is found in the tree as a namespace, and is missing from the wheel."""
    folders = {path.parent for path in all_sources()}

    assert [where(folder) for folder in sorted(folders) if not (folder / "__init__.py").is_file()] == []


@pytest.mark.parametrize(("link", "target"), [("cas/cli", "../cli"), ("cas/hooks", "../hooks")])
def test_the_links_say_what_the_mapping_says(link: str, target: str) -> None:
    """Tools that read paths find `cas.cli` and `cas.hooks` through two relative links."""
    assert Path(target) == (ROOT / link).readlink()


def test_no_file_is_long() -> None:
    """One idea a file: at 400 lines there are two."""
    long = {where(path): len(path.read_bytes().splitlines()) for path in all_sources()}

    assert {name: lines for name, lines in long.items() if lines > LONGEST_FILE} == {}


def test_the_library_leaves_terminal_clock_and_environment_alone() -> None:
    """What runs inside somebody else's program must not print, exit, or depend on where it runs."""
    found = [
        f"{where(path)}:{node.lineno}: {name} ({FORBIDDEN_CALLS[name]})"
        for path in sources("cas")
        for node in ast.walk(ast.parse(path.read_bytes()))
        if isinstance(node, ast.Name | ast.Attribute)
        and (name := dotted(node)) in FORBIDDEN_CALLS
        and (where(path), name) not in ALLOWED
    ]

    assert found == []


def test_no_module_imports_the_root() -> None:
    """`from cas import Repository` inside the package makes an import knot; it is for people outside."""
    modules = {path.stem for path in (ROOT / "cas").iterdir()}

    found = [
        f"{where(path)}:{node.lineno}: {alias.name}"
        for path in all_sources()
        for node in ast.walk(ast.parse(path.read_bytes()))
        if isinstance(node, ast.ImportFrom) and node.module == "cas"
        for alias in node.names
        if alias.name not in modules
    ]

    assert found == []


def test_every_test_is_a_sentence() -> None:
    """A test without a docstring does not say which promise it guards."""
    silent = [
        f"{where(path)}:{node.lineno}: {node.name}"
        for path in sorted((ROOT / "tests").rglob("test_*.py"))
        for node in ast.walk(ast.parse(path.read_bytes()))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_") and not ast.get_docstring(node)
    ]

    assert silent == []


def test_no_test_waits_or_skips() -> None:
    """A sleep hides a race, and a skip hides a promise that nobody checks any more."""
    pattern = re.compile(r"\b(?:time\.sleep|pytest\.skip|importorskip|mark\.(?:skip|skipif|xfail))\b")

    found = [
        f"{where(path)}:{number}: {line.strip()}"
        for path in sorted((ROOT / "tests").rglob("*.py"))
        if path != Path(__file__)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if pattern.search(line)
    ]

    assert found == []
