"""Whiteouts in a layer that is a directory: files, named as OCI images and overlay file systems know them.

    .wh.NAME        beside where NAME would be: nothing that lower layers have there is shown
    .wh..wh..opq    inside of a directory: nothing that lower layers have in it is shown

They say nothing of what is in the layer itself. Each is reached from the root by components, and never
through a symlink: what is beyond one has another path in the view, and may be outside of the layer.
"""

from __future__ import annotations

import errno
import os
import shlex
import stat
from contextlib import suppress
from typing import TYPE_CHECKING, Final, NamedTuple

from cas import fs
from cas.errors import ConflictError
from cas.layer_settings import OPAQUE_MARK, WHITEOUT_PREFIX
from cas.view.paths import components

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
_NO_FOLDER: Final = frozenset({errno.ENOTDIR, errno.ELOOP})
"""How the system refuses to open a symlink, or a file, as a directory."""


class _Place(NamedTuple):
    """Where a whiteout is."""

    folders: list[str]
    """The directories above it, from the root of the layer."""
    name: str

    @classmethod
    def of(cls, path: str, *, is_opaque: bool) -> _Place:
        parts = components(path)
        return cls(parts, OPAQUE_MARK) if is_opaque else cls(parts[:-1], WHITEOUT_PREFIX + parts[-1])


def make(root: Path, path: str, *, is_opaque: bool) -> bool:
    """Hide `path` in the layer at `root`; False if it was hidden. The directories above are made if needed.

    Raises:
        ConflictError: A file or a symlink is where a directory of the layer would have to be.
        InvalidError, ReadOnlyError, StorageError: The file cannot be made; what else was made is gone.
    """
    place = _Place.of(path, is_opaque=is_opaque)
    made: list[list[str]] = []
    what = f"cannot hide '{path}'"
    try:
        with fs.explained(what):
            _make_folders(root, place.folders, made, what)
            fd = _open(root, place.folders)
            try:
                os.close(os.open(place.name, _NEW, 0o644, dir_fd=fd))
            except FileExistsError:
                return False
            finally:
                os.close(fd)
    except BaseException:
        for folders in reversed(made):
            with suppress(OSError):
                _remove_folder(root, folders)
        raise
    return True


def find(root: Path, path: str) -> bool | None:
    """Whether `path` is hidden in the layer at `root`, and then whether it is opaque; None if it is not."""
    for is_opaque in (False, True):
        if (path or is_opaque) and _is_there(root, _Place.of(path, is_opaque=is_opaque)):
            return is_opaque
    return None


def remove(root: Path, path: str, *, is_opaque: bool) -> None:
    """Take the whiteout away that `find` found; the directories around it stay.

    Raises:
        ConflictError: It is a directory, which somebody made; or it is not to be reached any more.
        ReadOnlyError, StorageError: The file cannot be removed.
    """
    place = _Place.of(path, is_opaque=is_opaque)
    what = f"cannot show '{path}' again"
    with fs.explained(what), suppress(FileNotFoundError):
        try:
            fd = _open(root, place.folders)
        except OSError as error:
            _refuse_other_place(error, root, place.folders, what)
            raise
        try:
            if stat.S_ISDIR(os.stat(place.name, dir_fd=fd, follow_symlinks=False).st_mode):
                raise _no_file(path, root.joinpath(*place.folders, place.name))
            os.unlink(place.name, dir_fd=fd)
        finally:
            os.close(fd)


def prune(root: Path, path: str, *, is_opaque: bool, is_needless: Callable[[str], bool]) -> None:
    """Delete the directories around a whiteout that is gone, the innermost first, until one has to stay.

    Args:
        root: Of the layer; it stays.
        path: What was hidden,
        is_opaque: and how.
        is_needless: Whether a directory, of this path, may go if it is empty.
    """
    folders = _Place.of(path, is_opaque=is_opaque).folders
    with suppress(OSError):  # it is not empty, or somebody else was faster
        while folders and is_needless("/".join(folders)):
            _remove_folder(root, folders)
            folders.pop()


def _make_folders(root: Path, folders: list[str], made: list[list[str]], what: str) -> None:
    """Make what is missing, and note it in `made`."""
    try:
        os.makedirs(root, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise _no_folder(what, f"'{root}' is no directory") from error
    for count in range(1, len(folders) + 1):
        try:
            fd = _open(root, folders[: count - 1])
            try:
                os.mkdir(folders[count - 1], dir_fd=fd)
                made.append(folders[:count])
            except FileExistsError:
                os.close(os.open(folders[count - 1], _FOLDER | os.O_NOFOLLOW, dir_fd=fd))
            finally:
                os.close(fd)
        except OSError as error:
            _refuse_other_place(error, root, folders[:count], what)
            raise


def _open(root: Path, folders: list[str]) -> int:
    """Open a directory of the layer. The root itself may be a symlink."""
    fd = os.open(root, _FOLDER)
    for name in folders:
        try:
            below = os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=fd)
        finally:
            os.close(fd)
        fd = below
    return fd


def _remove_folder(root: Path, folders: list[str]) -> None:
    fd = _open(root, folders[:-1])
    try:
        os.rmdir(folders[-1], dir_fd=fd)
    finally:
        os.close(fd)


def _is_there(root: Path, place: _Place) -> bool:
    """Look for a whiteout: by its name alone, as the view does."""
    with fs.explained(f"cannot look at '{root.joinpath(*place.folders)}'"):
        try:
            fd = _open(root, place.folders)
        except OSError as error:
            if error.errno in {*_NO_FOLDER, errno.ENOENT, errno.ENAMETOOLONG}:
                return False
            raise
        try:
            return os.access(place.name, os.F_OK, dir_fd=fd, follow_symlinks=False)
        finally:
            os.close(fd)


def _refuse_other_place(error: OSError, root: Path, folders: list[str], what: str) -> None:
    """Say what is in the way, if that is why a directory could not be opened."""
    if error.errno not in _NO_FOLDER:
        return
    here = root
    for name in folders:
        here /= name
        if here.is_symlink():
            why = f"'{here}' is a symlink; what it leads to has a path of its own to be hidden by"
            raise _no_folder(what, why) from error
        if not here.is_dir():
            break
    raise _no_folder(what, f"'{here}' is no directory: nothing is seen below it anyway") from error


def _no_folder(what: str, why: str) -> ConflictError:
    return ConflictError(what, code="cannot-hide", why=why, hint="cas ls --files")


def _no_file(path: str, place: Path) -> ConflictError:
    return ConflictError(
        f"cannot show '{path}' again",
        code="whiteout-no-file",
        why=f"what hides it is a directory, '{place}', and cas makes files only",
        hint=f"delete it, if nothing in it is needed: rm -r {shlex.quote(os.fspath(place))}",
    )
