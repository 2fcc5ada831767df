"""Plug-ins as a package would bring them: real distributions, found by entry point."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def install(folder: Path, module: str, source: str) -> None:
    """Put a distribution with the plug-in `module` into `folder`, as an installer would leave it."""
    folder.joinpath(f"{module}.py").write_text(source)
    described = folder / f"{module}-1.0.dist-info"
    described.mkdir()
    described.joinpath("METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
    described.joinpath("entry_points.txt").write_text(f"[cas.hooks]\n{module} = {module}\n")


def sulking(*points: str) -> str:
    """Give the source of a plug-in that fails at these points."""
    lines = ["from cas.hooks import hookimpl"]
    for point in points:
        lines += ["@hookimpl", f"def {point}(event):", f"    raise RuntimeError('sulking at {point}')"]
    return "\n".join(lines)
