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


LIST = """
from cas.hooks import Hooks
for hook in Hooks().listing():
    print(hook.point, hook.kind, hook.name, hook.origin, hook.problem or "ready", sep=" | ")
"""


def install(folder: Path, source: str, *, module: str = "a_plugin", name: str = "mine") -> None:
    """Put a distribution with one module into `folder`, as pip would leave it."""
    (folder / f"{module}.py").write_text(source)
    info = folder / f"{module}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[cas.hooks]\n{name} = {module}\n")


def fire(folder: Path, program: str = FIRE) -> str:
    """Fire gc's hooks in a process that has `folder` on its path; what it printed."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(folder), str(ROOT)))}
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
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
        "hook-unloadable cannot collect garbage: the plug-in 'mine' (a_plugin) does not load"
    )


def test_a_plugin_for_a_point_that_does_not_exist_stops_the_command(tmp_path: Path) -> None:
    """A misspelt point would be a policy that never runs."""
    install(tmp_path, "from cas.hooks import hookimpl\n@hookimpl\ndef pre_comit(event):\n    pass\n")

    printed = fire(tmp_path)

    assert printed.startswith("hook-unloadable")
    assert "pre_comit" in printed


def test_a_plugin_that_exits_while_it_is_imported_stops_the_command(tmp_path: Path) -> None:
    """It must not end the program as if all were well."""
    install(tmp_path, "raise SystemExit(0)\n")

    assert "does not load: SystemExit: 0" in fire(tmp_path)


def test_a_broken_plugin_is_not_held_against_others(tmp_path: Path) -> None:
    """Each is listed with what is wrong with it alone, and where it comes from; nothing is raised."""
    good = "from cas.hooks import hookimpl\n@hookimpl\ndef pre_gc():\n    pass\n"
    install(tmp_path, good.replace("pre_gc", "pre_gcc"), module="a_slip", name="slip")
    install(tmp_path, "import nowhere\n", module="b_lost", name="lost")
    install(tmp_path, good, module="c_good", name="good")

    listed = fire(tmp_path, LIST).splitlines()

    assert len(listed) == 3
    assert {line for line in listed if "ready" in line} == {"pre_gc | plug-in | good | c_good 1.0 | ready"}
    slip, lost = sorted(line for line in listed if "ready" not in line)[::-1]
    assert slip.startswith(
        "None | plug-in | slip | a_slip 1.0 | (a_slip) does not load: PluginValidationError:"
    )
    assert lost.startswith(
        "None | plug-in | lost | b_lost 1.0 | (b_lost) does not load: ModuleNotFoundError:"
    )


def test_two_packages_with_one_name_stop_the_command(tmp_path: Path) -> None:
    """One of them would silently take the place of the other's policy."""
    good = "from cas.hooks import hookimpl\n@hookimpl\ndef pre_gc():\n    pass\n"
    install(tmp_path, good, module="a_first", name="policy")
    install(tmp_path, good, module="b_second", name="policy")

    printed = fire(tmp_path)

    assert printed.startswith("hook-unloadable")
    assert "policy" in printed
