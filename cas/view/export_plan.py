"""What an export has to do: a walk over the view, and a look at the destination for each name.

What is there already is left alone: a file by its bytes and its executable bit, a link by its target, a
directory always. What is there and differs blocks the export, unless an earlier one put it there as it is, or
it is forced. What earlier ones put there and the view does not have any more goes, if nobody changed it.
"""

from __future__ import annotations

import os
import shlex
import stat
from typing import TYPE_CHECKING, Final

from cas.errors import ConflictError, InvalidError
from cas.ids import Kind
from cas.objects.tree import Entry
from cas.view.export_look import content_of, is_one_of, is_same
from cas.worktree.compare import join
from cas.worktree.directories import changed
from cas.worktree.plan import Action, Step
from cas.worktree.reserved import has_reserved, is_reserved, refused
from cas.worktree.seen import seen

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from cas.progress import Progress
    from cas.view.export_known import Known
    from cas.view.node import Node
    from cas.worktree.exports import Given
    from cas.worktree.plan import Spool

_SHOWN: Final = 5


class Plan:
    """What is to be done, found out in one walk."""

    def __init__(
        self, known: Known, spool: Spool, progress: Progress, *, layers: Mapping[bytes, str], force: bool
    ) -> None:
        """Begin with nothing to do at a destination, which need not exist.

        Args:
            known: What is known of it.
            spool: Takes the steps.
            progress: Told about files as they are compared.
            layers: Layers that are inside of the destination, by relative path. Nothing is written to them.
            force: Overwrite what differs.
        """
        self.spool = spool
        """What is to be placed, and what is in its way."""
        self.removals: list[Step] = []
        """What goes because the view does not have it any more."""
        self.gone: list[bytes] = []
        """Names that are no work of exports any more, once this one is done."""
        self.unchanged = 0
        self.removed = 0
        self.size = 0
        """Bytes to be written, as far as it is known."""
        self.blocked_count = 0
        self._blocked: list[str] = []
        """The first few paths that differ."""
        self._known = known
        self._root = root = known.root
        self._progress = progress
        self._force = force
        self._layers = layers
        self._new = None if os.path.isdir(root) else b""
        """A directory that is not there yet: nothing below it has to be looked at."""
        self._given_up: bytes | None = None
        """A file stands where a directory has to be: nothing below it is compared."""
        self._cleared: list[bytes] = []
        """Directories that make way for files."""

    def add(self, nodes: Iterable[Node]) -> None:
        """Compare everything that a view shows, each directory before what is in it."""
        self._progress.start("comparing", None, "files")
        for node in nodes:
            path = os.fsencode(node.path)
            if has_reserved(path):
                raise refused(node.path, hint=f"cas hide {shlex.quote(node.path)}")
            self._refuse_layer(path, node)
            self._known.see(path)
            if path and not is_within(path, self._given_up):
                self._add(path, node)
            self._progress.advance(1)
        if not self.blocked_count:
            for one in self._known.gone():
                self._let_go(one)

    def _refuse_layer(self, path: bytes, node: Node) -> None:
        """Refuse to write what the view shows into a layer of it: it would be shown, and exported, anew."""
        for top, layer in self._layers.items():
            if is_within(path, top) and (path != top or not node.is_directory):
                raise InvalidError(
                    f"cannot write '{node.path}'",
                    code="inside-layer",
                    why=f"'{os.fsdecode(top)}' in the destination is the layer '{layer}'",
                    hint="choose another directory",
                )

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
        if is_same(full, status, node):
            self.unchanged += node.kind is not Kind.DIRECTORY
        elif self._force or self._known.is_ours(path, status):
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
            self._remove(Action.REMOVE_FILE, path, status)
        else:
            self._append(Action.REPLACE, path, node, status)
            return
        self._place(path, node)

    def _clear(self, path: bytes) -> None:
        """Delete a directory that is in the way of a file, with all that is in it."""
        self._cleared.append(path)
        for folder, folders, files in os.walk(join(self._root, path), topdown=False, onerror=_fail):
            inner = os.path.relpath(folder, self._root)
            for name in files:
                self._clear_file(join(inner, name))
            for name in folders:
                if is_reserved(name):
                    raise _repository_in_the_way(join(folder, name))
                if os.path.islink(join(folder, name)):
                    self._clear_file(join(inner, name))
                else:
                    self._remove(Action.REMOVE_DIRECTORY, join(inner, name))
        self._remove(Action.REMOVE_DIRECTORY, path)

    def _clear_file(self, path: bytes) -> None:
        status = os.lstat(join(self._root, path))
        if not self._force and not self._known.is_ours(path, status):
            raise changed(path, "somebody has written there since it was looked at")
        self._remove(Action.REMOVE_FILE, path, status)

    def _remove(self, action: Action, path: bytes, status: os.stat_result | None = None) -> None:
        self.removed += action is Action.REMOVE_FILE
        self.spool.append(Step(action, *os.path.split(path), None, was=self._seen(status)))

    def _seen(self, status: os.stat_result | None) -> tuple[int, ...]:
        """Remember what may go; by order, anything may."""
        return () if status is None or self._force else seen(status)

    def _let_go(self, one: Given) -> None:
        """Delete what the view does not have any more; what was changed is the user's from now on."""
        self.gone.append(one.path)
        if any(is_within(one.path, top) for top in (*self._cleared, *self._layers)):
            return
        if not self._is_within_directories(one.path):
            return
        full = join(self._root, one.path)
        status = os.lstat(full)
        if is_one_of(full, status, one.states):
            action = Action.REMOVE_DIRECTORY if stat.S_ISDIR(status.st_mode) else Action.REMOVE_FILE
            self.removed += action is Action.REMOVE_FILE
            was = () if action is Action.REMOVE_DIRECTORY else seen(status)
            self.removals.append(Step(action, *os.path.split(one.path), None, was=was))

    def _is_within_directories(self, path: bytes) -> bool:
        """Whether something is at a path, and all above it is a directory, not a symlink to one."""
        if not os.path.lexists(join(self._root, path)):
            return False
        while path := os.path.dirname(path):
            if not stat.S_ISDIR(os.lstat(join(self._root, path)).st_mode):
                return False
        return True

    def _append(self, action: Action, path: bytes, node: Node, status: os.stat_result | None = None) -> None:
        directory, name = os.path.split(path)
        content = content_of(node)
        size = len(content) if node.kind is Kind.SYMLINK else node.size
        self.size += size or 0
        # without a name, a builder takes it that the size is not known either
        entry = Entry.of(b"" if size is None else name, node.kind, size or 0, content)
        source = b"" if node.host is None else os.fsencode(node.host)
        self.spool.append(Step(action, directory, name, entry, source, self._seen(status)))

    def _block(self, path: bytes, node: Node) -> None:
        self.blocked_count += 1
        if len(self._blocked) < _SHOWN:
            self._blocked.append(node.path)
        if node.kind is Kind.DIRECTORY:
            self._given_up = path


def is_within(path: bytes, top: bytes | None) -> bool:
    """Whether `path` is `top` or below it; the empty path is the top of all."""
    return top is not None and (not top or path == top or path.startswith(top + b"/"))


def _fail(error: OSError) -> None:
    raise error


def _repository_in_the_way(path: bytes) -> InvalidError:
    return InvalidError(
        f"cannot write '{os.fsdecode(os.path.dirname(path))}'",
        code="inside-repository",
        why="a repository is there",
        hint="check out to another directory",
    )
