"""Finding a path in one layer, symlinks included.

Symlinks are followed component by component, as the kernel would, but in the folders of a layer, so that
nothing outside of them is ever looked at: a target that leads out is an error, not a hit. What is not
closed: somebody who can write to the layer may put a symlink in the place of a directory between two looks,
or between the lookup and the opening of the path that it returns. Only the kernel could see to that
(`openat2`), and only for a file descriptor.

- A symlink that leads nowhere counts as absent: lower layers are asked. A warning is logged.
- One that leads somewhere shuts lower layers out, whether or not what is asked for is there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

import msgspec

from cas.ids import Kind
from cas.view.errors import leaves_layer
from cas.view.layer import Folder, Seen
from cas.view.paths import components
from cas.view.renamed import Renamed, renamed
from cas.view.warning import warn

if TYPE_CHECKING:
    from cas.view.node import Node

MAX_LINKS: Final = 40
"""As many in a row as Linux follows."""


class Anchored(Folder, Protocol):
    """A folder of one layer."""

    @property
    def node(self) -> Node:
        """What it is itself."""

    def enter(self, name: str) -> Anchored:
        """Open the directory that `look` found under a name."""

    def anchor(self) -> tuple[Anchored, list[str]]:
        """Say where symlinks in it may lead: a folder that they must not leave, and the way from there."""

    def target(self, name: str) -> str | None:
        """Read a symlink in it, be it absolute or relative to this folder; None if it is gone."""

    def hides(self, name: str) -> bool:
        """Whether there is a whiteout for a name."""

    def inside(self, target: str) -> str | None:
        """Make an absolute target relative to the anchor; None if it leads out."""


class Place(msgspec.Struct, frozen=True):
    """Where a path leads in one layer."""

    seen: Seen
    folder: Folder | None = None
    """Where it is a directory, or has whiteouts below."""
    is_renamed: bool = False
    """Whether symlinks led there."""


class _Spot(msgspec.Struct, frozen=True):
    """Something in a layer, with all symlinks followed."""

    node: Node | None
    """None where there are only whiteouts below."""
    folder: Anchored | None
    """Where it is a directory, or has whiteouts below."""


def find(root: Anchored, path: str, *, is_followed: bool, covered: int, is_final: bool) -> Place:
    """Find `path` from the root of a layer.

    Args:
        root: The root of the layer.
        path: A path of the view.
        is_followed: Whether a symlink at its end is followed.
        covered: How many components, from the start, are directories in a layer above.
        is_final: Whether the root shuts lower layers out.

    Raises:
        ResourceNotFound: A symlink leads out of the layer.
    """
    here = _Spot(root.node, root)
    is_renamed = False
    depth = 0
    parts = components(path)
    for count, part in enumerate(parts, start=1):
        if here.folder is None:
            return Place(Seen(None, is_final=True, depth=depth))
        folder, seen = here.folder, here.folder.look(part)
        spot = _spot(folder, part, seen)
        node = seen.node
        if node is not None and node.kind is Kind.SYMLINK and (is_followed or count < len(parts)):
            if count <= covered:
                return Place(Seen(None, is_final=True, depth=depth))
            spot = _resolve(folder, node, path)
            if spot is None:  # as if it were not there
                return Place(Seen(None, is_final or folder.hides(part), depth))
            is_renamed = True
        is_final = is_final or seen.is_final
        if spot is None:
            return Place(Seen(None, is_final, depth))
        here = spot
        depth += here.folder is not None and here.node is not None
    if not is_renamed or here.node is None:
        return Place(Seen(here.node, is_final, depth), here.folder)
    shown = Seen(renamed(here.node, here.node.path, path), is_final, depth)
    return Place(
        shown, None if here.folder is None else Renamed(here.folder, here.node.path, path), is_renamed=True
    )


def _spot(folder: Anchored, name: str, seen: Seen) -> _Spot | None:
    node = seen.node
    if node is None:
        return _Spot(None, folder.enter(name)) if seen.has_whiteouts else None
    return _Spot(node, folder.enter(name) if node.is_directory else None)


def _resolve(start: Anchored, link: Node, path: str) -> _Spot | None:
    """Follow a symlink in the folder `start` to its end; None if it leads nowhere."""
    trail = _trail(start)
    pending: list[str] = []
    """What is still to go, the next component last."""
    is_there = _turn(trail, link, pending, path)
    node: Node | None = None
    links = 1
    while is_there and pending:
        part = pending.pop()
        if part == "..":
            if len(trail) == 1:
                raise leaves_layer(path, link.layer, link.path)
            trail.pop()
            node = None
            continue
        node = trail[-1].look(part).node
        if node is None:
            is_there = False
        elif node.kind is Kind.SYMLINK:
            links += 1
            is_there = links <= MAX_LINKS and _turn(trail, node, pending, path)
            node = None
        elif node.is_directory:
            trail.append(trail[-1].enter(part))
        elif pending:
            is_there = False
    if not is_there:
        warn(__name__, "the symlink '%s' in layer '%s' leads nowhere", link.path, link.layer)
        return None
    is_file = node is not None and not node.is_directory
    return _Spot(node, None) if node is not None and is_file else _Spot(trail[-1].node, trail[-1])


def _trail(end: Anchored) -> list[Anchored]:
    anchor, way = end.anchor()
    trail = [anchor]
    for part in way:
        trail.append(trail[-1].enter(part))
    return trail


def _turn(trail: list[Anchored], link: Node, pending: list[str], path: str) -> bool:
    """Go on where a symlink in the last folder of the trail says; whether it is still there."""
    target = trail[-1].target(link.basename)
    if target is None:
        return False
    if target.startswith("/"):
        inside = trail[0].inside(target)
        if inside is None:
            raise leaves_layer(path, link.layer, link.path)
        del trail[1:]
        target = inside
    pending.extend(part for part in reversed(target.split("/")) if part not in {"", "."})
    return True
