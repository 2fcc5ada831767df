"""Plug-ins found by entry point: real distributions on the path of a real process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

FIRE = """
import sys
from pathlib import Path
from cas.errors import CasError
from cas.hooks import Hooks, PostGc, PreGc
hooks = Hooks()
assert "a_plugin" not in sys.modules, "plug-ins are loaded late"
try:
    hooks.pre_gc(PreGc(Path("/x")))
    print(*hooks.post_gc(PostGc(Path("/x"), 1, 1, 1)))
except CasError as error:
    print(error.code, error)
"""


def install(folder: Path, source: str) -> None:
    """Put a distribution called `a-plugin` into `folder`, as pip would leave it."""
    (folder / "a_plugin.py").write_text(source)
    info = folder / "a_plugin-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: a-plugin\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[cas.hooks]\nmine = a_plugin\n")


def fire(folder: Path) -> str:
    """Fire gc's hooks in a process that has `folder` on its path; what it printed."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(folder), str(ROOT)))}
    done = subprocess.run(
        [sys.executable, "-c", FIRE], env=environment, capture_output=True, text=True, check=False, cwd=folder
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_an_installed_plugin_is_found_when_the_first_hook_fires(tmp_path: Path) -> None:
    """Installing a package is all it takes, and a command that fires nothing does not import it."""
    install(
        tmp_path,
        "from cas.hooks import hookimpl\n"
        "@hookimpl\n"
        "def post_gc(event):\n"
        "    raise RuntimeError(f'freed {event.bytes_freed}')\n",
    )

    printed = fire(tmp_path)

    assert printed == "the hook post_gc of plug-in 'mine' failed: RuntimeError: freed 1"


def test_a_plugin_that_does_not_import_stops_the_command(tmp_path: Path) -> None:
    """A policy must not be switched off by a typo in it; the message names the plug-in."""
    install(tmp_path, "import a_module_that_is_not_there\n")

    printed = fire(tmp_path)

    assert printed.startswith(
        "hook-unloadable cannot collect garbage: plug-in 'mine' (a_plugin) does not load"
    )


def test_a_plugin_for_a_point_that_does_not_exist_stops_the_command(tmp_path: Path) -> None:
    """A misspelt point would be a policy that never runs."""
    install(tmp_path, "from cas.hooks import hookimpl\n@hookimpl\ndef pre_comit(event):\n    pass\n")

    printed = fire(tmp_path)

    assert printed.startswith("hook-unloadable")
    assert "pre_comit" in printed
