"""What an export has to do: a walk over the view, and a look at the destination for each name.

What is there already is left alone: a file by its bytes and its executable bit, a link by its target, a
directory always. What is there and differs blocks the export, unless it is forced.
"""

from __future__ import annotations

import os
import shlex
import stat
from typing import TYPE_CHECKING, Final

from blake3 import blake3

from cas import fs
from cas.errors import ConflictError, InvalidError
from cas.ids import Kind
from cas.layout import DIRECTORY_NAME
from cas.objects.tree import Entry
from cas.worktree.compare import join
from cas.worktree.directories import changed
from cas.worktree.plan import Action, Step

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from cas.progress import Progress
    from cas.view.node import Node
    from cas.worktree.plan import Spool

_SHOWN: Final = 5
_BLOCK: Final = 1024 * 1024
_REPOSITORY: Final = os.fsencode(DIRECTORY_NAME)
_READ: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Plan:
    """What is to be done, found out in one walk."""

    def __init__(self, root: bytes, spool: Spool, progress: Progress, *, force: bool) -> None:
        """Begin with nothing to do in the directory `root`, which need not exist."""
        self.spool = spool
        self.unchanged = 0
        self.removed = 0
        self.size = 0
        """Bytes to be written, as far as it is known."""
        self.blocked_count = 0
        self._blocked: list[str] = []
        """The first few paths that differ."""
        self._root = root
        self._progress = progress
        self._force = force
        self._new = None if os.path.isdir(root) else b""
        """A directory that is not there yet: nothing below it has to be looked at."""
        self._given_up: bytes | None = None
        """A file stands where a directory has to be: nothing below it is compared."""

    def add(self, nodes: Iterable[Node]) -> None:
        """Compare everything that a view shows, each directory before what is in it."""
        self._progress.start("comparing", None, "files")
        for node in nodes:
            path = os.fsencode(node.path)
            _refuse_repository(path)
            if path and not is_within(path, self._given_up):
                self._add(path, node)
            self._progress.advance(1)

    def conflict(self, destination: Path) -> ConflictError:
        """Say what is in the way."""
        shown = ", ".join(f"'{path}'" for path in self._blocked)
        more = self.blocked_count - len(self._blocked)
        return ConflictError(
            f"cannot check out to '{destination}'",
            code="destination-exists",
            why=f"it holds other content: {shown}{f' and {more} more' if more else ''}",
            hint="choose another directory, or repeat with --force to overwrite",
        )

    def _add(self, path: bytes, node: Node) -> None:
        if is_within(path, self._new):
            self._place(path, node)
            return
        full = join(self._root, path)
        try:
            status = os.lstat(full)
        except FileNotFoundError:
            self._place(path, node)
            return
        if _is_same(full, status, node):
            self.unchanged += node.kind is not Kind.DIRECTORY
        elif self._force:
            self._overwrite(path, status, node)
        else:
            self._block(path, node)

    def _place(self, path: bytes, node: Node) -> None:
        if node.kind is Kind.DIRECTORY and not is_within(path, self._new):
            self._new = path
        self._append(Action.PLACE, path, node)

    def _overwrite(self, path: bytes, status: os.stat_result, node: Node) -> None:
        is_directory = stat.S_ISDIR(status.st_mode)
        if is_directory:
            self._clear(path)
        elif node.kind is Kind.DIRECTORY:
            self._remove(Action.REMOVE_FILE, path)
        else:
            self._append(Action.REPLACE, path, node)
            return
        self._place(path, node)

    def _clear(self, path: bytes) -> None:
        """Delete a directory that is in the way of a file, with all that is in it."""
        for folder, folders, files in os.walk(join(self._root, path), topdown=False, onerror=_fail):
            inner = os.path.relpath(folder, self._root)
            for name in files:
                self._remove(Action.REMOVE_FILE, join(inner, name))
            for name in folders:
                if name == os.fsencode(DIRECTORY_NAME):
                    raise _repository_in_the_way(join(folder, name))
                is_link = os.path.islink(join(folder, name))
                self._remove(Action.REMOVE_FILE if is_link else Action.REMOVE_DIRECTORY, join(inner, name))
        self._remove(Action.REMOVE_DIRECTORY, path)

    def _remove(self, action: Action, path: bytes) -> None:
        self.removed += action is Action.REMOVE_FILE
        self.spool.append(Step(action, os.path.dirname(path), os.path.basename(path), None))

    def _append(self, action: Action, path: bytes, node: Node) -> None:
        directory, name = os.path.split(path)
        content = _content(node)
        size = len(content) if node.kind is Kind.SYMLINK else node.size
        self.size += size or 0
        # without a name, a builder takes it that the size is not known either
        entry = Entry.of(b"" if size is None else name, node.kind, size or 0, content)
        source = b"" if node.host is None else os.fsencode(node.host)
        self.spool.append(Step(action, directory, name, entry, source))

    def _block(self, path: bytes, node: Node) -> None:
        self.blocked_count += 1
        if len(self._blocked) < _SHOWN:
            self._blocked.append(node.path)
        if node.kind is Kind.DIRECTORY:
            self._given_up = path


def is_within(path: bytes, top: bytes | None) -> bool:
    """Whether `path` is `top` or below it; the empty path is the top of all."""
    return top is not None and (not top or path == top or path.startswith(top + b"/"))


def _refuse_repository(path: bytes) -> None:
    """Keep content from passing for a repository: its hooks would be run, its index be believed."""
    if _REPOSITORY in path.split(b"/"):
        raise InvalidError(
            f"cannot check out '{os.fsdecode(path)}'",
            code="inside-repository",
            why=f"'{DIRECTORY_NAME}' is the name of repositories",
            hint=f"cas hide {shlex.quote(os.fsdecode(path))}",
        )


def _content(node: Node) -> bytes:
    """Return what an entry says of a node: a blob's id, a link's target; nothing for files of the host."""
    if node.kind is Kind.SYMLINK and node.host is not None:
        return os.readlink(os.fsencode(node.host))
    return node.content or b""


def _is_same(path: bytes, status: os.stat_result, node: Node) -> bool:
    """Whether what is at `path` is what the view shows there."""
    match node.kind:
        case Kind.DIRECTORY:
            return stat.S_ISDIR(status.st_mode)
        case Kind.SYMLINK:
            return stat.S_ISLNK(status.st_mode) and os.readlink(path) == _content(node)
        case _:
            is_executable = bool(status.st_mode & stat.S_IXUSR)
            if not stat.S_ISREG(status.st_mode) or is_executable is not (node.kind is Kind.EXECUTABLE):
                return False
            if node.host is not None:
                return _are_equal(path, status, os.fsencode(node.host))
            return node.size in {None, status.st_size} and _hash(path) == node.content


def _are_equal(path: bytes, status: os.stat_result, host: bytes) -> bool:
    with open(open_file(path), "rb", buffering=0) as ours, open(open_file(host), "rb", buffering=0) as theirs:
        their_status = os.fstat(theirs.fileno())
        if os.path.samestat(status, their_status):
            return True
        if status.st_size != their_status.st_size:
            return False
        while block := ours.read(_BLOCK):
            if block != fs.read_exactly(theirs.fileno(), len(block), ours.tell() - len(block)):
                return False
    return True


def _hash(path: bytes) -> bytes:
    hasher = blake3()
    with open(open_file(path), "rb", buffering=0) as file:
        while block := file.read(_BLOCK):
            hasher.update(block)
    return hasher.digest()


def open_file(path: bytes) -> int:
    """Open a regular file for reading; a pipe that took its place keeps nobody waiting."""
    fd = os.open(path, _READ)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise changed(path, "it is no file any more")
    return fd


def _fail(error: OSError) -> None:
    raise error


def _repository_in_the_way(path: bytes) -> InvalidError:
    return InvalidError(
        f"cannot write '{os.fsdecode(os.path.dirname(path))}'",
        code="inside-repository",
        why="a repository is there",
        hint="check out to another directory",
    )
