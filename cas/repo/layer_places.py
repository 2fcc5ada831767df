"""Where a layer is on this machine, and what is wrong with that place."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from cas.layer_settings import DIRECTORY, PACKAGE
from cas.view.package_layer import package_folder

if TYPE_CHECKING:
    from pathlib import Path

    from cas.config import LayerConfig


def where(layer: LayerConfig, home: Path) -> str | None:
    """Say where a layer is: an absolute path, a package and a folder in it, nothing for refs.

    Args:
        layer: The layer.
        home: The directory that holds `.cas`.
    """
    if layer.kind == DIRECTORY:
        return os.fspath(layer.directory(home))
    return f"{layer.package}:{layer.folder}" if layer.kind == PACKAGE else None


def problem(layer: LayerConfig, home: Path) -> str | None:
    """Say why a layer shows nothing although it should; a directory need not exist."""
    if layer.kind == DIRECTORY:
        path = layer.directory(home)
        if path.exists() and not path.is_dir():
            return f"'{path}' is no directory"
        if path.is_dir() and not os.access(path, os.R_OK | os.X_OK):
            return f"'{path}' cannot be read"
    if layer.kind == PACKAGE:
        folder = package_folder(layer.package or "", layer.folder)
        if folder is None:
            return f"there is no Python package '{layer.package}'"
        if not folder.is_dir():
            return f"there is no folder '{folder}'"
    return None
