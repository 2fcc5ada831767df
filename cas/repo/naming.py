"""The part of the facade that moves refs and touches no bytes: tags, and the way back from a removal."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from cas import fs
from cas.errors import ReadOnlyError
from cas.repo import removal
from cas.repo.health import Health
from cas.versions import refs
from cas.versions.events import Restored, Tagged, Untagged
from cas.versions.names import parse_tag
from cas.versions.resolve import resolve, resolve_removed
from cas.versions.spec import Spec

if TYPE_CHECKING:
    from collections.abc import Callable

    from cas.objects.index import Txn
    from cas.versions.events import AnyEvent
    from cas.versions.version import Version

T = TypeVar("T")


class Naming(Health):
    """An open repository whose refs can be moved."""

    def tag(self, spec: str, tag: str, *, force: bool = False) -> Version:
        """Give a version another name. A tag moves only with `force`.

        Raises:
            ConflictError: The tag names another version.
            ReadOnlyError: Its layer is only for reading.
        """
        parse_tag(tag)
        parsed = Spec.parse(spec)

        def change(txn: Txn) -> Version:
            version = resolve(txn, self._layers, parsed)
            removal.require_free_tag(txn, version, tag, force=force)
            event = Tagged(version.layer, version.name, version.version.raw, tag)
            return self._record(txn, event, version)

        return self._write(change)

    def untag(self, spec: str) -> Version:
        """Drop a tag, given as `NAME@TAG`; the version stays.

        Raises:
            NotFoundError: There is no such tag.
        """
        parsed = Spec.parse(spec)

        def change(txn: Txn) -> Version:
            version, tag = removal.tagged(txn, self._layers, parsed)
            return self._record(txn, Untagged(version.layer, version.name, version.version.raw, tag), version)

        return self._write(change)

    def restore(self, spec: str) -> Version:
        """Bring a removed version back, with those of its tags that are still free.

        Raises:
            NotFoundError: Unknown, or gc took its bytes.
            ConflictError: It is not removed.
        """
        parsed = Spec.parse(spec)

        def change(txn: Txn) -> Version:
            version = resolve_removed(txn, self._layers, parsed)
            return self._record(txn, Restored.on(version), version)

        return self._write(change)

    def _write(self, change: Callable[[Txn], T]) -> T:
        self._require_writable()
        with fs.explained("cannot write to the repository"):
            return self._store.index.write(change)

    def _record(self, txn: Txn, event: AnyEvent, version: Version) -> Version:
        """Make `event` happen and return `version` as it is afterwards."""
        self.config.require_writable(version.layer)
        self._ledger.record(txn, [event], self._clock_ns())
        return self._after(txn, version)

    @staticmethod
    def _after(txn: Txn, version: Version) -> Version:
        """Return `version` as it is now, in the transaction that changed it."""
        after = refs.get(txn, version.layer, version.name, version.version)
        assert after is not None, "a record outlives everything that happens to its version"
        return after

    def _require_writable(self) -> None:
        self._store.index.require_writable()
        if not self.config.is_writable:
            raise ReadOnlyError(
                f"cannot write to the repository '{self.layout.root}'",
                code="newer-format",
                why="it uses features that this version of cas can only read",
                hint="upgrade with `pip install --upgrade cas-store`",
            )
