"""Names and files of all layers in one list: what `cas ls` shows.

Every layer gives its names, its files and its whiteouts in order of the bytes of their paths, so they are
merged in one pass, in flat memory. A name is hidden by the same path, or by what is not a directory at a path
above it, in a layer above. All of those have keys that are prefixes of its own, so they came just before: few
are remembered at a time. Whether a name lies under a directory that a layer above has, too, cannot be told
from what came before; the next key of that layer tells, and in doubt the layer is asked.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from cas.view.layer import Sign
from cas.view.merge import Merge
from cas.view.node import Named
from cas.view.paths import components

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from cas.objects.index import Txn
    from cas.view.layer import Layer, Seen

    Reading: TypeAlias = Callable[[], AbstractContextManager[Txn | None]]


class _Before(NamedTuple):
    """Something whose key the current key begins with."""

    key: bytes
    at: int
    """Which layer has it."""
    is_whiteout: bool

    def covers(self, key: bytes) -> bool:
        """Whether it is at `key`, or at a path above."""
        rest = key[len(self.key) : len(self.key) + 1]
        return rest in {b"", b"/"} or not self.key or self.key.endswith(b"/")


def names(layers: Sequence[Layer], prefix: str, reading: Reading) -> Iterator[Named]:
    """Iterate over names and files that start with `prefix`, each from the uppermost layer that has it.

    Args:
        layers: From the uppermost to the lowest.
        prefix: Of the text, not of components.
        reading: Opens a snapshot of the index.
    """
    folder, _, _ = prefix.rpartition("/")
    return _Merge(_showing(layers, folder, reading), prefix, reading).run()


def _showing(layers: Sequence[Layer], folder: str, reading: Reading) -> Sequence[Layer]:
    """Leave out the layers of which nothing is seen in a folder."""
    with reading() as txn:
        for count, layer in enumerate(layers, start=1):
            if look_as_walked(layer, folder, txn).is_final:
                return layers[:count]
    return layers


class _Merge:
    """One pass over all layers."""

    def __init__(self, layers: Sequence[Layer], prefix: str, reading: Reading) -> None:
        self._layers = layers
        self._reading = reading
        self._marks = Merge([layer.marks(prefix) for layer in layers])
        self._before = list(_above(layers, prefix))
        """A stack: the key of each begins with that of the one before."""

    def run(self) -> Iterator[Named]:
        """Iterate over what is seen."""
        marks, before, lowest = self._marks, self._before, len(self._layers) - 1
        for key, at, mark in marks:
            while before and not key.startswith(before[-1].key):
                before.pop()
            goes_on = marks.goes_on(key)  # for most it does not, and nothing else has to be done
            if not isinstance(mark, Sign) and not (
                at and (before or goes_on) and self._is_hidden(mark.path, key, at)
            ):
                yield mark
            if goes_on and at < lowest and mark is not Sign.DIRECTORY:
                before.append(_Before(key, at, mark is Sign.WHITEOUT))

    def _is_hidden(self, path: str, key: bytes, at: int) -> bool:
        """Whether a layer above `at` hides what that has at a path."""
        doubtful = {above for above in self._marks.follow(key) if above < at}
        for one in self._before:
            if one.at < at and one.covers(key):
                if one.is_whiteout or one.key == key:
                    return True
                doubtful.add(one.at)
        return any(self._hides(self._layers[above], path, self._layers[at]) for above in sorted(doubtful))

    def _hides(self, above: Layer, path: str, layer: Layer) -> bool:
        with self._reading() as txn:
            seen = look_as_walked(above, path, txn)
            if seen.node is None or seen.is_final:
                return seen.is_final
            node = look_as_walked(layer, path, txn).node
            return node is None or not node.is_directory


def _above(layers: Sequence[Layer], prefix: str) -> Iterator[_Before]:
    """Iterate over names that are directories above `prefix`."""
    parts = prefix.split("/")[:-1]
    for count in range(1, len(parts) + 1):
        path = "/".join(parts[:count])
        key = os.fsencode(path)
        for at, layer in enumerate(layers):
            found, mark = next(layer.marks(path), (b"", None))
            if found == key and isinstance(mark, Named):
                yield _Before(key, at, is_whiteout=False)


def look_as_walked(layer: Layer, path: str, txn: Txn | None) -> Seen:
    """Say what a walk would find at a path: symlinks are not followed, but shut out what is below."""
    return layer.look(path, is_followed=False, covered=len(components(path)), at=txn)
