"""Whiteouts in a layer that is a directory: files, named as OCI images and overlay file systems know them.

    .wh.NAME        beside where NAME would be: nothing that lower layers have there is shown
    .wh..wh..opq    inside of a directory: nothing that lower layers have in it is shown

They say nothing of what is in the layer itself.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from cas import fs
from cas.errors import ConflictError
from cas.layer_settings import OPAQUE_MARK, WHITEOUT_PREFIX

if TYPE_CHECKING:
    from pathlib import Path


def make(root: Path, path: str, *, is_opaque: bool) -> bool:
    """Hide `path` in the layer at `root`, which is made if needed; False if it was hidden.

    Raises:
        ConflictError: A file of the layer is where a directory would have to be, or a symlink leads out.
        InvalidError, ReadOnlyError, StorageError: The file cannot be made.
    """
    place = _place(root, path, is_opaque=is_opaque)
    with fs.explained(f"cannot hide '{path}'"):
        _refuse_other_place(root, path, place.parent)
        place.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.close(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644))
        except FileExistsError:
            return False
    return True


def find(root: Path, path: str) -> bool | None:
    """Whether `path` is hidden in the layer at `root`, and then whether it is opaque; None if it is not."""
    for is_opaque in (False, True):
        if (path or is_opaque) and os.path.lexists(_place(root, path, is_opaque=is_opaque)):
            return is_opaque
    return None


def remove(root: Path, path: str, *, is_opaque: bool) -> None:
    """Take the whiteout away that `find` found; the directories around it stay.

    Raises:
        ConflictError: A symlink leads out of the layer.
        ReadOnlyError, StorageError: The file cannot be removed.
    """
    place = _place(root, path, is_opaque=is_opaque)
    with fs.explained(f"cannot show '{path}' again"):
        _refuse_other_place(root, path, place.parent)
        place.unlink(missing_ok=True)


def _place(root: Path, path: str, *, is_opaque: bool) -> Path:
    target = root / path
    return target / OPAQUE_MARK if is_opaque else target.with_name(WHITEOUT_PREFIX + target.name)


def _refuse_other_place(root: Path, path: str, parent: Path) -> None:
    """Keep to directories inside of the layer."""
    inside = os.path.realpath(parent)
    real_root = os.path.realpath(root)
    if os.path.commonpath((inside, real_root)) != real_root:
        raise _unhidable(path, f"'{parent}' leads out of the layer, to '{inside}'")
    step = parent
    while step != root and not os.path.lexists(step):
        step = step.parent
    if os.path.lexists(step) and not os.path.isdir(step):
        raise _unhidable(path, f"'{step}' is no directory: nothing is seen below it anyway")


def _unhidable(path: str, why: str) -> ConflictError:
    return ConflictError(f"cannot hide '{path}'", code="cannot-hide", why=why, hint=f"cas which '{path}'")
