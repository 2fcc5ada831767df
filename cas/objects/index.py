"""The LMDB environment: every table of a repository, and how transactions on it begin and end.

Theory of operation
-------------------
LMDB has one writer at a time, over all processes, and readers that never block. Everything `cas` orders
(a commit against a collection, two commits of one key) is ordered by that one writer.

Invariants
1. One environment per process and path: `Index.open` hands out the same one again, and a child after
   `fork` opens its own.
2. A write transaction is a function; it may run twice (the map was full and has been enlarged), so it
   changes nothing outside the transaction that a second run would spoil.
3. Values that leave a transaction are copies (`buffers=False`).
4. The map is resized only while this process has no transaction open: the writing thread does it between
   two runs, readers wait for each other. So no thread writes while it holds a read transaction.
5. A row of a tree, record or recipe is in `objects` only if all that it refers to is: such rows enter
   together with a ref, in one transaction, and gc takes them out in one (DESIGN 5).
6. Who may not write reads without LMDB's locks, as a bystander; a write transaction begins by waiting for
   those (`bystanders`).

Where the map cannot be opened as large as it should be (`environment`), it doubles when it is full.
"""

from __future__ import annotations

import os
import struct
import threading
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

import lmdb

from cas import fs
from cas.errors import CorruptError
from cas.objects.bystanders import Bystanders
from cas.objects.environment import (
    DAMAGE,
    DATA,
    LARGE_MAP,
    lost,
    open_environment,
    raise_explained,
    refuse_network,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

Database = Any
"""An LMDB database handle; the library gives it no public type."""

T = TypeVar("T")

FORMAT: Final = 1
"""Version of the tables; another value means `cas recover`."""

_ADDED: Final = b"whiteouts"
"""The table that an index made by an earlier version lacks."""

_POLITE_S: Final = 0.1
_U64 = struct.Struct(">Q")


@dataclass(frozen=True, slots=True)
class Tables:
    r"""The named databases. Keys are fixed-size or \0-separated, integers big-endian."""

    objects: Database
    """id (32) → `objects.rows.ObjectRow`: where its bytes are."""
    packs: Database
    """pack number (u32) → `objects.rows.PackRow`: id, sizes, counts, owner while a session is not done."""
    refs: Database
    r"""layer \0 name → current version and how many there are."""
    versions: Database
    r"""layer \0 name \0 version (32) → the record, its sequence and state."""
    tags: Database
    r"""layer \0 name \0 tag → version (32)."""
    log: Database
    """sequence (u64) → event."""
    properties: Database
    r"""key \0 canonical value \\0 … → the version that has it."""
    dependents: Database
    """input version (32) + user's key → nothing; who was made from what."""
    stat: Database
    """device, inode → what a directory looked like when it was last read, and its tree."""
    checkouts: Database
    """absolute destination → what was put there."""
    whiteouts: Database | None
    r"""layer \0 path → when it was hidden. None in an index made before there were any, if it cannot be
    written: then nothing is hidden."""
    meta: Database
    """format, epoch, sequence, next pack number."""


class Txn:
    """A transaction: the raw LMDB one for hot loops, and the few verbs everything else needs."""

    __slots__ = ("raw", "tables")

    def __init__(self, raw: lmdb.Transaction, tables: Tables) -> None:
        self.raw = raw
        self.tables = tables

    def get(self, table: Database, key: bytes) -> bytes | None:
        """Return the value under `key`, or None."""
        return cast("bytes | None", self.raw.get(key, db=table))  # never a view: invariant 3

    def put(self, table: Database, key: bytes, value: bytes) -> None:
        """Set `key` to `value`."""
        self.raw.put(key, value, db=table)

    def delete(self, table: Database, key: bytes) -> bool:
        """Drop `key`; whether it was there."""
        return bool(self.raw.delete(key, db=table))

    def scan(self, table: Database, prefix: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
        """Iterate over the rows whose key starts with `prefix`, in key order.

        The table must not be changed meanwhile; collect first, then write.
        """
        with self.raw.cursor(db=table) as cursor:
            if not (cursor.set_range(prefix) if prefix else cursor.first()):
                return
            for key, value in cast("Iterator[tuple[bytes, bytes]]", cursor.iternext()):
                if not key.startswith(prefix):
                    return
                yield key, value

    def count(self, table: Database) -> int:
        """Rows in `table`; constant time."""
        return int(self.raw.stat(table)["entries"])

    def number(self, name: bytes) -> int:
        """Read a counter of the meta table; 0 if it was never set."""
        value = self.get(self.tables.meta, name)
        return _U64.unpack(value)[0] if value else 0

    def set_number(self, name: bytes, value: int) -> None:
        """Set a counter of the meta table."""
        self.put(self.tables.meta, name, _U64.pack(value))

    @property
    def epoch(self) -> int:
        """How often gc has flipped; a commit that sees it move re-checks what it reused."""
        return self.number(b"epoch")

    @property
    def sequence(self) -> int:
        """The number of the newest event in the log."""
        return self.number(b"sequence")


class _Snapshot:
    """The `with` block of `Index.read`; a generator would cost more than the look-up inside it."""

    __slots__ = ("_index", "_raw")

    def __init__(self, index: Index) -> None:
        self._index = index

    def __enter__(self) -> Txn:
        self._raw = self._index.begin_reading()
        return Txn(self._raw, self._index.tables)

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        self._raw.abort()
        self._index.end_reading()
        if isinstance(error, DAMAGE):
            raise lost(self._index.path, "index-damaged", str(error)) from error


_open_indexes: dict[tuple[int, str], Index] = {}
_open_lock = threading.Lock()


def _forget_after_fork() -> None:
    """Invariant 1: close what was inherited, or LMDB would refuse the child's own environments."""
    global _open_lock  # noqa: PLW0603 - another thread of the parent may have held it
    _open_lock = threading.Lock()
    for index in _open_indexes.values():
        index._dispose()  # noqa: SLF001 - the class is below
    _open_indexes.clear()


os.register_at_fork(after_in_child=_forget_after_fork)


class Index:
    """One open LMDB environment. Safe to share between threads, useless after a fork."""

    def __init__(self, path: Path, *, create: bool, map_size: int) -> None:
        """Do not call: `Index.open` keeps invariant 1."""
        self.path = path
        self._users = 1
        self._gate = threading.Condition(threading.Lock())
        self._readers = 0
        self._is_resizing = False
        self._writing = threading.Lock()
        self._env, self._refusal = open_environment(
            path, create=create, map_size=map_size, max_tables=len(fields(Tables)) + 4
        )
        self._bystanders = Bystanders(path)
        try:
            self._enter()
            self._check_size()
            self._inode = os.stat(path / DATA).st_ino
            self.tables = self._open_tables(create=create)
            self._env.reader_check()
            self.end_reading()
        except BaseException as error:
            self._dispose()
            if isinstance(error, lmdb.Error):
                raise lost(path, "index-damaged", str(error)) from error
            raise

    @classmethod
    def open(cls, path: Path, *, create: bool = False, map_size: int = LARGE_MAP) -> Index:
        """Open the environment in the directory `path`; each call needs one `close`.

        Raises:
            CorruptError: It is missing, damaged or of another format; `cas recover` rebuilds it.
            InvalidError: `path` is on a network file system, where LMDB would lose data.
        """
        key = (os.getpid(), os.path.realpath(path))
        with _open_lock:
            index = _open_indexes.get(key)
            if index is not None:
                index._users += 1  # noqa: SLF001 - its own class
                return index
            if not create and not (path / DATA).is_file():
                raise lost(path, "index-missing", "the file 'data.mdb' is not there")
            refuse_network(path if path.exists() else path.parent)
            index = _open_indexes[key] = cls(path, create=create, map_size=map_size)
            return index

    def close(self) -> None:
        """Give this use of the environment up; the last one closes it."""
        with _open_lock:
            self._users -= 1
            if self._users == 0:
                self._dispose()
                _open_indexes.pop((os.getpid(), os.path.realpath(self.path)), None)

    def _dispose(self) -> None:
        self._env.close()
        self._bystanders.close()

    @property
    def is_writable(self) -> bool:
        """Whether this process may write; if not, every `write` is a ReadOnlyError."""
        return self._refusal is None

    def require_writable(self) -> None:
        """Raise what a `write` would raise at once, before work is done for nothing.

        Raises:
            ReadOnlyError: The files belong to somebody else, or are on a read-only file system.
        """
        if self._refusal is not None:
            error = fs.explain(self._refusal, "cannot write to the repository")
            error.hint = (
                "reading works; to store something, ask for the right to write, or `cas init` your own"
            )
            raise error

    def read(self) -> AbstractContextManager[Txn]:
        """Open a consistent snapshot. Keep it short: pages freed meanwhile cannot be reused."""
        return _Snapshot(self)

    def begin_reading(self) -> lmdb.Transaction:
        """Start a snapshot; `end_reading` must follow. Use `read`, which sees to that."""
        while True:
            self._enter()
            try:
                return self._env.begin(buffers=False)
            except lmdb.MapResizedError:  # another process grew the map
                self.end_reading()
                self._resize(0)
            except BaseException:
                self.end_reading()
                raise

    def _enter(self) -> None:
        """Count one more reader; `end_reading` counts it off."""
        with self._gate:
            if self._is_resizing:
                # Let it go first; not for ever, because this thread may hold a snapshot already.
                self._gate.wait_for(lambda: not self._is_resizing, _POLITE_S)
            if self._refusal is not None:  # invariant 6
                if self._readers and self._bystanders.is_awaited():
                    self._gate.wait_for(lambda: not self._readers, _POLITE_S)
                if not self._readers:
                    self._bystanders.enter()
            self._readers += 1

    def end_reading(self) -> None:
        """Undo `begin_reading`."""
        with self._gate:
            self._readers -= 1
            if self._readers == 0:
                if self._refusal is not None:
                    self._bystanders.leave()
                self._gate.notify_all()

    def write(self, change: Callable[[Txn], T]) -> T:
        """Run `change` in a durable write transaction and return its result; invariant 2.

        Nothing is changed if it raises.

        Raises:
            StorageError: The disk is full or failed.
            CorruptError: The index is damaged, or was replaced by `recover`.
            ReadOnlyError: This process may only read.
        """
        self.require_writable()
        with self._writing:  # LMDB lets one write at a time, and invariant 4 must know which
            while True:
                try:
                    with self._env.begin(write=True, buffers=False) as raw:
                        self._check_identity()
                        self._bystanders.wait()  # invariant 6
                        result = change(Txn(raw, self.tables))
                except lmdb.MapFullError:
                    self._resize(self._env.info()["map_size"] * 2)
                except lmdb.MapResizedError:  # another process grew the map
                    self._resize(0)
                except lmdb.Error as error:
                    raise_explained(self.path, error)
                    raise
                else:
                    fs.reached("index.written")
                    return result

    def _resize(self, size: int) -> None:
        """Give the map another size, or for 0 the one that it has in the file; invariant 4."""
        with self._gate:
            self._is_resizing = True
            try:
                self._gate.wait_for(lambda: self._readers == 0)
                self._env.set_mapsize(size)
            finally:
                self._is_resizing = False
                self._gate.notify_all()

    def _check_identity(self) -> None:
        """After `recover` in another process, this one would write into a file that has no name any more."""
        try:
            found = os.stat(self.path / DATA).st_ino
        except FileNotFoundError:
            found = None
        if found != self._inode:
            raise CorruptError(
                f"cannot write to the index '{self.path}'",
                code="index-replaced",
                why="another process has rebuilt it since it was opened",
                hint="run the command again",
            )

    def _check_size(self) -> None:
        """A file shorter than its own page count would kill the process (SIGBUS) when touched."""
        used = (self._env.info()["last_pgno"] + 1) * self._env.stat()["psize"]
        found = os.stat(self.path / DATA).st_size
        if found < used:
            raise lost(
                self.path, "index-damaged", f"'data.mdb' has {found} bytes where its header needs {used}"
            )

    def _open_tables(self, *, create: bool) -> Tables:
        try:
            handles = {
                field.name: self._open_table(field.name.encode(), create=create) for field in fields(Tables)
            }
        except (lmdb.NotFoundError, lmdb.ReadonlyError) as error:
            raise lost(self.path, "index-damaged", f"a table is missing ({error})") from error
        tables = Tables(**handles)
        if create:
            with self._env.begin(write=True) as raw:
                Txn(raw, tables).set_number(b"format", FORMAT)
        with self._env.begin() as raw:
            found = Txn(raw, tables).number(b"format")
        if found != FORMAT:
            raise lost(
                self.path, "index-format", f"its tables have format {found}, this version reads {FORMAT}"
            )
        return tables

    def _open_table(self, name: bytes, *, create: bool) -> Database | None:
        try:
            return self._env.open_db(name, create=create)
        except (lmdb.NotFoundError, lmdb.ReadonlyError):
            if name != _ADDED:
                raise
        if self._refusal is not None:
            return None
        with self._env.begin(write=True) as raw:
            self._bystanders.wait()  # invariant 6
            return self._env.open_db(name, txn=raw)
