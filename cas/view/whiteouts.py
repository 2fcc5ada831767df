"""The whiteouts of one layer of refs, in memory, and what they hide of the layer itself."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING

from cas.versions.rows import path_bytes, path_text
from cas.view.paths import components

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cas.versions.refs import Whiteout


class Whiteouts:
    """All whiteouts of a layer, as they were in one snapshot."""

    def __init__(self, found: Mapping[str, Whiteout]) -> None:
        self._found = found
        self._keys = sorted(map(path_bytes, found))
        self._opaque = sorted(path_bytes(path) for path, one in found.items() if one.is_opaque)

    def __bool__(self) -> bool:
        return bool(self._found)

    def __iter__(self) -> Iterator[Whiteout]:
        return iter(self._found.values())

    def at(self, path: str) -> Whiteout | None:
        """Give the whiteout at a path itself."""
        return self._found.get(path)

    def over(self, path: str) -> Iterator[Whiteout]:
        """Iterate over those that cover a path: at the root, at each directory above it, at itself."""
        if self._found:
            parts = components(path)
            for count in range(len(parts) + 1):
                found = self._found.get("/".join(parts[:count]))
                if found is not None:
                    yield found

    def limit(self, path: str) -> int:
        """Say up to which sequence what the layer has at a path is hidden; 0 is not at all."""
        return max((one.sequence for one in self.over(path) if not one.is_opaque), default=0)

    def change(self, path: str, sequence: int) -> bool:
        """Whether they change what a version of this sequence has below a path."""
        below = (self._found[path_text(key)] for key in _below(self._keys, path))
        return any(one.is_opaque or one.sequence > sequence for one in below)

    def are_below(self, path: str) -> bool:
        """Whether there is one below a path, the path itself excluded."""
        return bool(_below(self._keys, path))

    def make_directory(self, path: str) -> bool:
        """Whether a path has to be a directory, because it, or something below it, is opaque."""
        if not self._opaque:
            return False
        at = bisect_left(self._opaque, path_bytes(path))
        return (at < len(self._opaque) and self._opaque[at] == path_bytes(path)) or bool(
            _below(self._opaque, path)
        )

    def opaque_names(self, path: str) -> set[str]:
        """Give the names in the directory `path` that have to be directories."""
        start = len(_prefix(path))
        return {path_text(key[start:].partition(b"/")[0]) for key in _below(self._opaque, path)}


def _prefix(path: str) -> bytes:
    return path_bytes(f"{path}/") if path else b""


def _below(keys: list[bytes], path: str) -> list[bytes]:
    """Give the keys that are below a path, the path itself excluded."""
    prefix = _prefix(path)
    if not prefix:
        return keys[bisect_right(keys, b"") :]
    return keys[bisect_left(keys, prefix) : bisect_left(keys, prefix[:-1] + b"0")]  # "0" follows "/"
