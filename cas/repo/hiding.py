"""What may be hidden, and where that is noted: the rules, not the deeds.

A whiteout hides what is below it. So it must be in the layer that the view takes the path from, or above; and
in a directory it hides lower layers only, never what is in that directory itself.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from cas.config import LayerConfig
from cas.errors import ConflictError, InvalidError, NotFoundError, ReadOnlyError
from cas.ids import Kind
from cas.layer_settings import DIRECTORY, PACKAGE, REFS
from cas.repo.layer_changes import index_of
from cas.versions.rows import MAX_WHITEOUT_SIZE, path_bytes
from cas.view.directory_folder import is_ours

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cas.view.node import Node


_SET_DIRECTORY: Final = LayerConfig("", DIRECTORY, path=".")
"""Stands for the directory of `View.set_user_resources_directory` where the file has no layer for it."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be hidden, or shown again."""

    path: str
    """A path of the view."""
    layer: LayerConfig
    is_opaque: bool


class Over(NamedTuple):
    """A whiteout at a path, or above it."""

    layer: str
    path: str
    is_writable: bool
    """Whether the layer is."""


def target(layers: Sequence[LayerConfig], name: str | None, *, deed: str = "hide anything") -> LayerConfig:
    """Choose the layer that notes what is hidden: `name`, or the uppermost writable layer of refs.

    `deed` is what is to be done there, for the message.

    Raises:
        NotFoundError: There is no layer `name`, or none of refs can be written.
        ReadOnlyError: The layer `name` cannot be written.
    """
    if name is None:
        for layer in layers:
            if layer.kind == REFS and layer.writable:
                return layer
        raise NotFoundError(
            "cannot find a writable layer of refs",
            code="no-writable-layer",
            hint="add one: `cas layer add NAME`",
        )
    layer = layers[index_of(name, layers)]
    if not layer.writable:
        raise ReadOnlyError(
            f"cannot {deed} in layer '{name}'",
            code="layer-read-only",
            why="what a package brings is only read" if layer.kind == PACKAGE else "config.yaml says so",
            hint="cas layer list",
        )
    return layer


def check_path(request: Request) -> None:
    """Check that there can be a whiteout at the path.

    Raises:
        InvalidError: It is the root, or too long for the index.
    """
    what = f"cannot hide '{request.path}'"
    if not request.path and not request.is_opaque:
        raise InvalidError(
            what, code="bad-path", why="the root of the view is always there", hint="cas hide --opaque ''"
        )
    ours = next((name for name in request.path.split("/") if is_ours(name)), None)
    if request.layer.kind == DIRECTORY and ours is not None:
        raise InvalidError(
            what,
            code="bad-path",
            why=f"in a directory, '{ours}' is never part of the view",
            hint="cas ls --files",
        )
    size = len(path_bytes(request.path))
    if request.layer.kind == REFS and size > MAX_WHITEOUT_SIZE:
        raise InvalidError(
            what, code="bad-path", why=f"it has {size} bytes, and {MAX_WHITEOUT_SIZE} can be hidden at most"
        )


def require_effect(request: Request, found: Node | None, layers: Sequence[LayerConfig]) -> None:
    """Check that the view will not show what it shows at the path now.

    Raises:
        ConflictError: It comes from a layer above, or is in the very directory that would hide it.
    """
    if found is None:
        return
    # what is no layer of the file is the directory that a program has set, and above all others
    layer = next((one for one in layers if one.name == found.layer), _SET_DIRECTORY)
    is_directory = found.kind is Kind.DIRECTORY
    if request.is_opaque and is_directory:
        return
    what = f"cannot hide '{request.path}' in layer '{request.layer.name}'"
    if layer is _SET_DIRECTORY or index_of(layer.name, layers) < index_of(request.layer.name, layers):
        raise ConflictError(
            what,
            code="cannot-hide",
            why=f"it is in layer '{found.layer}', which is above",
            hint=_hint_above(request.path, layer, found),
        )
    if layer.name != request.layer.name:
        return
    if layer.kind == DIRECTORY:
        hint = f"delete '{found.host}'"
        if is_directory:
            hint = f"delete '{found.host}', or hide what lower layers have in it with --opaque"
        raise ConflictError(
            what,
            code="cannot-hide",
            why="it is in this very directory, which hides lower layers only",
            hint=hint,
        )
    if request.is_opaque:
        raise ConflictError(
            what,
            code="cannot-hide",
            why="it is a file of this layer, and --opaque makes a directory",
            hint=f"cas hide --layer {shlex.quote(request.layer.name)} {shlex.quote(request.path)}",
        )


def require_way(request: Request, above: Iterable[tuple[str, Node | None]]) -> None:
    """Check that a whiteout hides what is at its path, and changes nothing else that the view shows.

    Args:
        request: What is to be hidden.
        above: The paths above it, from the top, and what the view shows there.

    Raises:
        ConflictError: A symlink is above; or a directory would appear there, as one that has a whiteout in it
            has to, where the view shows a file or nothing.
    """
    makes_directories = request.is_opaque or request.layer.kind == DIRECTORY
    what = f"cannot hide '{request.path}'"
    for path, node in above:
        quoted = shlex.quote(path)
        if node is None:
            if request.layer.kind == DIRECTORY and not request.is_opaque:
                why = f"nothing is at '{path}', and an empty directory would be shown there"
                hint = f"note it among the refs: `cas hide {shlex.quote(request.path)}`"
                raise ConflictError(what, code="cannot-hide", why=why, hint=hint)
            return
        if node.kind is Kind.SYMLINK:
            why = f"'{path}' is a symlink in layer '{node.layer}', and would go on leading there"
            hint = f"hide what it leads to by its own path, or the symlink: `cas hide {quoted}`"
            raise ConflictError(what, code="cannot-hide", why=why, hint=hint)
        if not node.is_directory:
            if makes_directories:
                why = f"'{path}' is a file in layer '{node.layer}', and a directory would hide it"
                raise ConflictError(what, code="cannot-hide", why=why, hint=f"cas which {quoted}")
            return


def _hint_above(path: str, layer: LayerConfig, found: Node) -> str:
    if not layer.writable:
        above = shlex.quote(layer.name)
        return f"hide it above that: `cas layer add NAME --above {above}`, then --layer NAME"
    if layer.kind == DIRECTORY:
        return f"delete '{found.host}'"
    return f"cas hide --layer {shlex.quote(layer.name)} {shlex.quote(path)}"


def not_hidden(path: str, layer: str | None, over: Sequence[Over]) -> NotFoundError:
    """Build the error for what has no whiteout to take away; `over` are those at the path and above it."""
    where = f" in layer '{layer}'" if layer is not None else ""
    why, hint = "there is no whiteout at this path", f"cas which {shlex.quote(path)}"
    if over:
        one = over[-1]
        what = "it" if one.path == path else f"it is below '{one.path}', which"
        if one.is_writable:
            why = f"it is '{one.path}' that is hidden, and all below it"
            hint = f"cas unhide {shlex.quote(one.path)}"
        else:
            why = f"{what} is hidden in layer '{one.layer}', which is read-only"
            hint = "cas layer list"
    return NotFoundError(f"cannot show '{path}' again{where}", code="not-hidden", why=why, hint=hint)
