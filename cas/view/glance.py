"""Finding a path in a directory of the host's where no symlink is in the way: what most lookups are.

It says what `follow.find` says, without an object for each folder on the way: a system call for each name
that matters, and little else.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from cas.ids import Kind
from cas.layer_settings import OPAQUE_MARK, WHITEOUT_PREFIX
from cas.view.directory_folder import DirectoryFolder, is_mark, is_ours, kind_of, require_absent
from cas.view.follow import Place
from cas.view.layer import Seen
from cas.view.node import Node
from cas.view.paths import components


def glance(layer: str, root: str, path: str) -> Place | None:
    """Find `path` in the directory `root`; None if there is a symlink on the way, or at the end."""
    parts = components(path)
    if (path.startswith(".") or "/." in path) and any(map(is_ours, parts)):
        return None
    host = root.rstrip("/")
    marks = [f"{root}/{OPAQUE_MARK}"]
    """Files that would shut lower layers out; looked for only if that makes a difference."""
    for depth, part in enumerate(parts):
        marks.append(f"{host}/{WHITEOUT_PREFIX}{part}")
        host = f"{host}/{part}"
        try:
            status = os.lstat(host)
        except OSError as error:
            require_absent(error, host)
            return Place(Seen(None, _is_any(marks), depth=depth))
        if not stat.S_ISDIR(status.st_mode):
            kind = kind_of(status.st_mode)
            if kind is Kind.SYMLINK:
                return None
            if kind is None:
                return Place(Seen(None, _is_any(marks), depth=depth))
            is_there = depth == len(parts) - 1
            node = Node(path, kind, layer, status.st_size, host=Path(host)) if is_there else None
            return Place(Seen(node, is_final=True, depth=depth))
        marks.append(f"{host}/{OPAQUE_MARK}")
    node = Node(path, Kind.DIRECTORY, layer, host=Path(host or root))
    return Place(Seen(node, _is_any(marks), len(parts)), DirectoryFolder(layer, root, path))


def _is_any(marks: list[str]) -> bool:
    return any(map(is_mark, marks))
