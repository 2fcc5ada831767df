"""The half of the facade that only looks: open, resolve, list, read, compare.

What only some methods need (canonical JSON, the stat cache) is imported inside them: `cas ls` opens a
repository too, and must start fast.
"""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

from cas import config as configuration
from cas.errors import InvalidError, NotFoundError
from cas.layer_names import no_such_layer
from cas.layout import Layout
from cas.objects.index import Index
from cas.objects.store import ObjectStore
from cas.progress import Progress, Silent
from cas.repo import look
from cas.repo.needed import each, needed
from cas.repo.results import Listing, LogEntry
from cas.versions import ledger as history
from cas.versions import refs
from cas.versions.journal import Journal
from cas.versions.ledger import Ledger
from cas.versions.resolve import resolve
from cas.versions.spec import Spec
from cas.versions.times import from_nanoseconds
from cas.versions.version import State
from cas.view.stamp import Stamp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from cas.hooks import Hooks
    from cas.ids import VersionId
    from cas.objects.index import Txn
    from cas.repo.results import CheckoutStatus, Difference, TreeItem
    from cas.versions.version import Version
    from cas.view.export import ExportReport
    from cas.view.view import View
    from cas.worktree.materialise import Materialiser

T = TypeVar("T")

SILENT = Silent()


class Reader:
    """An open repository, for looking."""

    def __init__(self, layout: Layout, *, clock_ns: Callable[[], int] = time.time_ns) -> None:
        """Use `open` or `discover`. `clock_ns` gives the time since 1970 in ns."""
        self.layout = layout
        self._config_stamp = Stamp.of(layout.config)
        self.config = configuration.load(layout)
        self._clock_ns = clock_ns
        self._index = Index.open(layout.index)
        self._journal = Journal(layout)
        self._hooks: Hooks | None = None
        try:
            self._journal.check(self._index)
        except BaseException:
            self._index.close()
            raise
        self._opened: ObjectStore | None = ObjectStore(layout, self._index)
        self._view: View | None = None
        self._view_lock = threading.Lock()
        self._ledger = Ledger(self._journal)

    @classmethod
    def open(cls, directory: Path | str) -> Self:
        """Open the repository in `directory`, which holds `.cas/` or is it.

        Raises:
            NotFoundError: There is none.
            InvalidError: It has a newer format, or its configuration is broken.
            CorruptError: Its index is lost or damaged.
        """
        return cls(Layout.at(Path(directory)))

    @classmethod
    def discover(cls, start: Path) -> Self:
        """Open the nearest repository at or above `start`; raises as `open` does."""
        return cls(Layout.find(start))

    def close(self) -> None:
        """Close it; every later use is an error. Closing again does nothing."""
        if self._opened is not None:
            if self._view is not None:
                self._view.close()
            self._opened.close()
            self._opened = None
            self._index.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def resolve(self, spec: str) -> Version:
        """Find the version that `spec` means: `[LAYER:]NAME[@SELECTOR]`.

        Raises:
            InvalidError: The spec breaks the grammar, or is ambiguous.
            NotFoundError: Nothing matches.
        """
        parsed = Spec.parse(spec)
        try:
            return self._read(lambda txn: resolve(txn, self._layers, parsed))
        except NotFoundError as error:
            from cas.repo.unversioned import explained

            raise explained(error, parsed, self.view()) from None

    def names(self, prefix: str = "", *, layer: str | None = None) -> list[Listing]:
        """List names that start with `prefix`, each from the uppermost layer that has it, or from `layer`."""

        def read(txn: Txn) -> list[Listing]:
            found: dict[str, Listing] = {}
            for one in self._searched(layer):
                for ref in refs.names(txn, one, prefix):
                    current = refs.get(txn, one, ref.name, ref.current)
                    if current is not None and ref.name not in found:
                        found[ref.name] = Listing(ref.name, one, current, ref.version_count)
            return [found[name] for name in sorted(found)]

        return self._read(read)

    def versions(
        self, name: str, *, layer: str | None = None, include_removed: bool = False
    ) -> list[Version]:
        """List the versions of `name`, newest first, of all layers or one."""
        return self._read(
            lambda txn: [
                version
                for one in self._searched(layer)
                for version in refs.versions(txn, one, name, include_removed=include_removed)
            ]
        )

    def lookup(self, keys: Iterable[tuple[str, VersionId]]) -> dict[tuple[str, VersionId], Version]:
        """Find live versions by name and version id, each in the uppermost layer that has it.

        What is missing, removed or collected is left out. One transaction, however many keys there are.
        """

        def read(txn: Txn) -> dict[tuple[str, VersionId], Version]:
            found = {}
            for name, wanted in keys:
                for layer in self._layers:
                    version = refs.get(txn, layer, name, wanted)
                    if version is not None and version.state is State.LIVE:
                        found[name, wanted] = version
                        break
            return found

        return self._read(read)

    def snapshot(self) -> AbstractContextManager[Txn]:
        """Open a consistent view of the index, for what walks records by itself. Keep it short."""
        return self._store.index.read()

    def log(self, name: str | None = None, *, limit: int | None = None) -> list[LogEntry]:
        """List what happened, newest first: everything, or to `name`."""
        return [
            LogEntry(
                sequence=entry.sequence,
                at=from_nanoseconds(entry.at_ns),
                kind=entry.event.kind,
                layer=entry.event.layer,
                name=entry.event.name,
                version=entry.event.version_id,
                detail=entry.event.detail,
            )
            for entry in self._read(lambda txn: history.history(txn, name=name, limit=limit))
        ]

    def tree(self, spec: str, path: str | None = None) -> Iterator[TreeItem]:
        """Iterate over everything in a version, or below `path` in it, depth first, by name.

        Raises:
            NotFoundError: No such version or path.
            CorruptError: A directory of the version was lost, or is damaged.
        """
        version = self.resolve(spec)
        return each(self._store, version, look.walk(self._store, version, path))

    def read(self, spec: str, path: str | None = None) -> bytes:
        """Return the bytes of a file: the version, or the file at `path` in it; raises as `stream` does."""
        return b"".join(self.stream(spec, path))

    def stream(self, spec: str, path: str | None = None) -> Iterator[bytes]:
        """Iterate over the bytes of a file, each piece verified before it is handed out.

        Raises:
            NotFoundError: No such version or path.
            CorruptError: Some of its bytes were lost, or are damaged.
            InvalidError: It is a directory or a symlink.
        """
        version = self.resolve(spec)
        with needed(self._store, version):
            blob = look.blob_at(self._store, version, path)
        return each(self._store, version, self._store.stream(blob))

    def diff(self, a: str, b: str) -> Difference:
        """Compare two versions: content, properties, inputs; raises as `tree` does."""
        from cas.repo import differences

        return differences.between(self._store, self.resolve(a), self.resolve(b))

    def find(self, conditions: Mapping[str, Any]) -> list[Version]:
        """List the live versions that have all these properties, newest first."""
        from cas.versions import query

        return self._read(lambda txn: query.find(txn, self._layers, conditions))

    def status(self, destination: Path | None = None, *, progress: Progress = SILENT) -> list[CheckoutStatus]:
        """Compare one checkout, or all, with what was put there.

        Raises:
            NotFoundError: Nothing was checked out at `destination`.
        """
        from cas.repo import differences

        return differences.status(self._store, self._clock_ns, destination, progress)

    def export_view(
        self, destination: Path | str, *, force: bool = False, progress: Progress = SILENT
    ) -> ExportReport:
        """Make `destination` hold everything that the view shows, as copies; raises as `export` does.

        What was put there before and has gone from the view is deleted. What else is not in the view stays;
        so does what somebody changed. No hook is fired, and `status` knows nothing of it.

        Args:
            destination: A directory outside of the repository and of every layer; made if it is missing.
            force: Overwrite what differs and was changed, or put there, by others. Without it nothing is
                written then.
            progress: Told about bytes as they are written.
        """
        from cas.view.export import export

        return export(self.view(), self._store, Path(destination), force=force, progress=progress)

    def view(self) -> View:
        """Give the union of all layers: one object for as long as the repository is open.

        What is committed and what is edited in `config.yaml` is seen in it, whoever does that.
        """
        from cas.view.build import ConfiguredLayers
        from cas.view.stored import Stored
        from cas.view.view import View

        store = self._store
        with self._view_lock:
            if self._view is None:
                layers = ConfiguredLayers(store, self.config, self._config_stamp)
                self._view = View(layers, index=self._index, stored=Stored(self._materialiser))
            return self._view

    def _materialiser(self) -> Materialiser:
        from cas.worktree.materialise import Materialiser

        return Materialiser(self._store, max_size=self.config.views.max_size, clock_ns=self._clock_ns)

    def version_id(
        self, properties: Mapping[str, Any] | None = None, inputs: Sequence[str] = ()
    ) -> tuple[VersionId, list[Version]]:
        """Say which version these properties and inputs make, and which live versions have that id."""
        from cas.repo.commit import resolve_inputs
        from cas.versions.identity import version_id

        def read(txn: Txn) -> tuple[VersionId, list[Version]]:
            wanted = version_id(properties or {}, resolve_inputs(txn, self._layers, inputs))
            return wanted, [one for one in refs.live_versions(txn) if one.version == wanted]

        return self._read(read)

    @property
    def _store(self) -> ObjectStore:
        if self._opened is None:
            raise InvalidError(
                f"cannot use the repository '{self.layout.root}'",
                code="repository-closed",
                why="it has been closed",
            )
        return self._opened

    @property
    def _layers(self) -> list[str]:
        return self.config.refs_layers()

    def _searched(self, layer: str | None) -> list[str]:
        """Give the layers to look in: all that hold refs, uppermost first, or `layer` alone.

        Raises:
            NotFoundError: No layer of refs is called so.
        """
        layers = self._layers
        if layer is None:
            return layers
        if layer not in layers:
            raise no_such_layer(layer, layers, are_refs=True)
        return [layer]

    def _read(self, look_up: Callable[[Txn], T]) -> T:
        with self._store.index.read() as txn:
            return look_up(txn)
