"""What mounting needs of the machine: mfusepy, libfuse and the device of the kernel."""

from __future__ import annotations

import contextlib
import ctypes.util
import errno
import importlib
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cas.errors import StorageError

if TYPE_CHECKING:
    from types import ModuleType

CHOICE: Final = "FUSE_LIBRARY_NAME"
"""The variable that tells mfusepy which library to load; without it, it takes libfuse 2 where both are."""

DEVICE: Final = Path("/dev/fuse")

_WHAT: Final = "cannot mount"


def better_library(*, is_root: bool) -> str | None:
    """Return the value of `CHOICE` that reads fastest here; None to leave the choice to mfusepy.

    libfuse 3 reads a megabyte at once where libfuse 2 stops at 128 KiB. Those who are not root mount with
    the help of its own program, which distributions package apart from it.
    """
    is_usable = ctypes.util.find_library("fuse3") is not None and (is_root or shutil.which("fusermount3"))
    return "fuse3" if is_usable else None


def load(device: Path = DEVICE) -> ModuleType:
    """Import mfusepy, when everything that it needs is there.

    Raises:
        StorageError: Something is missing, or may not be used; the hint says how to get it.
    """
    try:
        found = importlib.import_module("mfusepy")
    except ModuleNotFoundError as error:
        raise StorageError(
            _WHAT,
            code="no-mfusepy",
            why="the Python package 'mfusepy' is not installed",
            hint="run `pip install 'cas-store[mount]'`",
        ) from error
    except OSError as error:
        raise StorageError(
            _WHAT,
            code="no-libfuse",
            why=f"the library libfuse cannot be loaded ({error})",
            hint="install it: `apt-get install fuse3`, or `dnf install fuse3`",
        ) from error
    _check_device(device)
    return found


def _check_device(device: Path) -> None:
    try:
        os.close(os.open(device, os.O_RDWR | os.O_CLOEXEC))
    except OSError as error:
        if error.errno in {errno.EACCES, errno.EPERM}:
            raise StorageError(
                _WHAT,
                code="fuse-forbidden",
                why=f"you may not use '{device}'",
                hint=f"as root, run `chmod 666 {device}`; or mount as root",
            ) from error
        raise StorageError(
            _WHAT,
            code="no-fuse-device",
            why=f"'{device}' cannot be used: {error.strerror}",
            hint="as root, run `modprobe fuse`; a container needs `--device /dev/fuse --cap-add SYS_ADMIN`",
        ) from error


def widen(point: Path, size: int) -> None:
    """Let the kernel read up to `size` bytes ahead below the mount at `point`, if we may say so."""
    with contextlib.suppress(OSError):  # only root may; what others read comes in pieces of 128 KiB
        device = os.stat(point).st_dev
        setting = Path(f"/sys/class/bdi/{os.major(device)}:{os.minor(device)}/read_ahead_kb")
        setting.write_text(str(size // 1024), encoding="ascii")


def serve(
    library: ModuleType,
    operations: Any,  # noqa: ANN401 - mfusepy's
    point: Path,
    *,
    label: str,
    is_frozen: bool,
) -> None:
    """Mount at `point`, as `label` in the mount table, and answer the kernel until the mount is gone.

    With one thread: with several, Python's lock goes to and fro between them, and everything is slower, be
    it one program that reads or four.

    What is frozen the kernel may remember for a day. Of the rest it may believe nothing, not even for a
    moment: it has one size for all who have a file open, and were it to go by that of another content that
    somebody has just looked at, a reader would come to an end in the middle. So it asks before each read.
    For the same reason permissions are not left to the kernel, which would ask for those of each directory.

    Raises:
        RuntimeError: libfuse gave up; it has said why on standard error.
    """
    seconds = 86_400 if is_frozen else 0
    library.FUSE(
        operations,
        os.fspath(point),
        raw_fi=True,
        foreground=True,
        nothreads=True,
        ro=True,
        fsname=label,
        subtype="cas",
        use_ino=True,
        kernel_cache=is_frozen,
        entry_timeout=seconds,
        attr_timeout=seconds,
        negative_timeout=seconds,
    )
