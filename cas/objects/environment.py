"""Opening the LMDB environment, for writing if this process may, and what LMDB's errors mean to people.

The map is opened far larger than the file will be (it is address space, not memory). Where the system
refuses that, it starts smaller.
"""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Final, NamedTuple

import lmdb

from cas import fs
from cas.errors import CorruptError, InvalidError, StorageError

if TYPE_CHECKING:
    from pathlib import Path

DATA: Final = "data.mdb"
"""LMDB's name for the file with the pages."""

DAMAGE: Final = (lmdb.CorruptedError, lmdb.PageNotFoundError, lmdb.BadTxnError, lmdb.PanicError)
"""What LMDB raises when it meets a page that cannot be; BadTxn is its answer to whoever asks again."""

LARGE_MAP: Final = 1 << 40
"""Size of the map where nothing forbids it. [bytes]"""

_LOCK: Final = "lock.mdb"
_REFUSALS: Final = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
_SMALLEST_MAP: Final = 1 << 26
_MAX_READERS: Final = 1024


class Opened(NamedTuple):
    """An environment, and what may be done with it."""

    env: lmdb.Environment
    refusal: OSError | None
    """Why this process may only read it; None if it may write."""


def open_environment(path: Path, *, create: bool, map_size: int, max_tables: int) -> Opened:
    """Open the environment in the directory `path`.

    Where this process may not write, it is opened without LMDB's locks, because the table of readers is in
    a file that is written to. LMDB then does not know of this reader: `bystanders` keeps it safe.

    Raises:
        CorruptError: It is damaged; `cas recover` rebuilds it.
        ReadOnlyError: It may not even be read.
        StorageError: The system cannot map it.
    """
    try:
        return Opened(_open(path, map_size, max_tables, create=create, is_writable=True), None)
    except StorageError:
        refusal = _refusal(path)
        if refusal is None:
            raise
    try:
        return Opened(_open(path, map_size, max_tables, create=False, is_writable=False), refusal)
    except StorageError as error:
        if error.code != "index-unusable":
            raise
        raise fs.explain(refusal, f"cannot open the index '{path}'") from error


def _open(path: Path, map_size: int, max_tables: int, *, create: bool, is_writable: bool) -> lmdb.Environment:
    while True:
        try:
            return lmdb.open(
                str(path),
                map_size=map_size,
                max_dbs=max_tables,
                max_readers=_MAX_READERS,
                create=create,
                readonly=not is_writable,
                lock=is_writable,
                readahead=False,
            )
        except lmdb.MemoryError as error:  # no address space for that map (ulimit -v)
            if map_size <= _SMALLEST_MAP:
                raise StorageError("cannot map the index", code="no-address-space", why=str(error)) from error
            map_size //= 4
        except (lmdb.InvalidError, lmdb.CorruptedError, lmdb.VersionMismatchError) as error:
            raise lost(path, "index-damaged", str(error)) from error
        except lmdb.Error as error:
            raise StorageError(
                f"cannot open the index '{path}'", code="index-unusable", why=str(error)
            ) from error


def _refusal(path: Path) -> OSError | None:
    """Find out what the system has against writing, if that is it; LMDB keeps the error number to itself.

    Only while no environment of `path` is open here: to close a file drops the locks that LMDB has on it.
    """
    for name in (DATA, _LOCK):
        try:
            os.close(os.open(path / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644))
        except OSError as error:
            return error if error.errno in _REFUSALS else None
    return None


def raise_explained(path: Path, error: lmdb.Error) -> None:
    """Raise what LMDB cannot help as one of ours; whatever else it says is a mistake of the caller's."""
    if isinstance(error, DAMAGE):
        raise lost(path, "index-damaged", str(error)) from error
    if isinstance(error, lmdb.DiskError):  # its name for ENOSPC
        raise StorageError(
            "cannot write the index",
            code="disk-full",
            why=str(error),
            hint="free some space and run the same command again",
        ) from error
    if type(error) is lmdb.Error:  # an errno that it has no class for
        raise StorageError("cannot write the index", code="io-error", why=str(error)) from error


def lost(path: Path, code: str, why: str) -> CorruptError:
    """Build the error for an index that cannot be used as it is."""
    return CorruptError(
        f"cannot use the index '{path}'",
        code=code,
        why=why,
        hint="run `cas recover` to rebuild it from the packs",
    )


def refuse_network(path: Path) -> None:
    """Refuse file systems on which a map is not coherent.

    Raises:
        InvalidError: `path` is on one.
    """
    kind = fs.file_system_type(path)
    if kind in fs.NETWORK_FILE_SYSTEMS:
        raise InvalidError(
            f"cannot keep a repository at '{path}'",
            code="network-file-system",
            why=f"it is on {kind}, where a memory-mapped index is not safe between hosts",
            hint="put the repository on a local disk",
        )
