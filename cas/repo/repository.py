"""The facade: one object for one repository, one method for each thing people do with it.

Everything here resolves names, fires hooks and hands on; the work is done below. This is the only file
that fires hooks. What only some methods need (the chunker, thread pools, canonical JSON, plug-ins) is
imported inside them: `cas ls` opens a repository too, and must start fast.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Self, TypeVar

from msgspec.structs import replace

from cas import fs
from cas.errors import ReadOnlyError
from cas.layout import Layout
from cas.repo import look, removal
from cas.repo.reader import SILENT, Reader
from cas.repo.results import OnConflict
from cas.versions import refs
from cas.versions.events import Removed, Restored, Tagged, Untagged
from cas.versions.names import parse_name, parse_tag
from cas.versions.resolve import resolve, resolve_removed
from cas.versions.spec import Spec

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import timedelta

    from cas.hooks import Hooks, Subject
    from cas.maintenance.collect import GcReport
    from cas.maintenance.recover import RecoverReport
    from cas.maintenance.stats import Stats
    from cas.maintenance.verify import VerifyReport
    from cas.objects.index import Txn
    from cas.progress import Progress
    from cas.repo.results import CheckoutResult, CommitResult
    from cas.versions.events import AnyEvent
    from cas.versions.record import Record
    from cas.versions.version import Version
    from cas.worktree.link import Link

T = TypeVar("T")


class Repository(Reader):
    r"""An open repository. Share it between threads that read; give each writer its own; close it.

    >>> import tempfile, pathlib
    >>> with tempfile.TemporaryDirectory() as folder, Repository.init(pathlib.Path(folder)) as repository:
    ...     _ = pathlib.Path(folder, "hello.txt").write_text("hello\n")
    ...     result = repository.commit("greeting", pathlib.Path(folder, "hello.txt"))
    ...     repository.read("greeting")
    b'hello\n'
    """

    @classmethod
    def init(cls, directory: Path | str) -> Self:
        """Make the repository `directory/.cas` and open it.

        Raises:
            AlreadyExistsError: There is one already.
            InvalidError: The directory is on a network file system.
        """
        from cas.repo.create import create

        return cls(create(Path(directory)))

    # ---- putting in and taking out

    def commit(  # noqa: PLR0913 - each is a word of its own on the command line
        self,
        name: str,
        source: Path | str | IO[bytes],
        *,
        properties: Mapping[str, Any] | None = None,
        inputs: Sequence[str] = (),
        layer: str | None = None,
        message: str = "",
        tag: str | None = None,
        on_conflict: OnConflict = OnConflict.FAIL,
        dry_run: bool = False,
        origin: str = "",
        progress: Progress = SILENT,
    ) -> CommitResult:
        """Store a file, a directory or an open binary stream as a version of `name`.

        Args:
            name: The resource's name.
            source: What to store; symlinks in a directory are stored as links.
            properties: JSON values by string keys; they and the inputs make the version id.
            inputs: Specs of versions it was made from, each `SPEC` or `role=SPEC`.
            layer: Where the ref goes; by default the uppermost writable layer.
            message: A sentence for the log.
            tag: A tag for the new version.
            on_conflict: What to do if the version exists with other content.
            dry_run: Read and decide, but store nothing.
            origin: Who or what made it, for the record.
            progress: Told about files as they are read.

        Raises:
            InvalidError: A bad name or property, or something that cannot be stored.
            NotFoundError: No such source, input or layer.
            ConflictError: The version exists with other content, or the tag is taken.
            StorageError: The disk is full, or a file kept changing.
        """
        from cas.hooks import PostCommit
        from cas.repo.commit import Committer, Request, resolve_inputs
        from cas.versions.properties import check_properties

        request = Request(
            layer=self.config.layer_for_writing(layer),
            name=parse_name(name),
            source=Path(source) if isinstance(source, str) else source,
            properties=check_properties(properties or {}),
            inputs=self._read(lambda txn: resolve_inputs(txn, self._layers, inputs)),
            message=message,
            origin=origin,
            tag=None if tag is None else parse_tag(tag),
            on_conflict=OnConflict(on_conflict),
        )
        committer = Committer(self._store, self._ledger, self.config, self._clock_ns, progress, self._approve)
        if dry_run:
            return committer.preview(request)
        self._require_writable()
        result = committer.commit(request)
        event = PostCommit(
            repository=self.layout.root,
            subject=_subject(result.version),
            content=result.version.content,
            outcome=result.outcome.value,
            new_size=result.new_bytes,
        )
        return replace(result, notes=result.notes + self._fire.post_commit(event))

    def checkout(  # noqa: PLR0913 - each is a word of its own on the command line
        self,
        spec: str,
        destination: Path | str | None = None,
        *,
        path: str | None = None,
        link: Link | None = None,
        force: bool = False,
        progress: Progress = SILENT,
    ) -> CheckoutResult:
        """Put a version, or the part of it at `path`, at `destination`.

        Only what differs is written. By default the destination is the last part of the name, here.

        Args:
            spec: Which version.
            destination: Where to; a path for a file, a directory for a directory.
            path: Only this part of the version.
            link: Copy (the default) or link to read-only files; see `Link`.
            force: Overwrite local edits and files that are in the way.
            progress: Told about bytes as they are written.

        Raises:
            NotFoundError: No such version or path.
            ConflictError: Local edits, or other files, would be overwritten; nothing was.
            CorruptError: Stored bytes are damaged; nothing was published.
        """
        from cas.hooks import PostCheckout, PreCheckout
        from cas.repo.results import CheckoutResult
        from cas.worktree.checkout import Label, checkout
        from cas.worktree.link import Link

        version = self.resolve(spec)
        content = look.descend(self._store, version, path)
        target = (
            Path(destination) if destination else Path((path or version.name).rstrip("/").rpartition("/")[2])
        )
        subject = _subject(version)
        self._fire.pre_checkout(PreCheckout(self.layout.root, subject, target, path))
        report = checkout(
            self._store,
            content,
            target,
            label=Label(version.layer, version.name, version.version.raw, path or ""),
            clock_ns=self._clock_ns,
            link=link or Link.COPY,
            force=force,
            progress=progress,
        )
        event = PostCheckout(
            self.layout.root, subject, target, path, written=report.written, removed=report.removed
        )
        return CheckoutResult(
            version=version,
            destination=report.destination,
            written=report.written,
            removed=report.removed,
            unchanged=report.unchanged,
            bytes_written=report.bytes_written,
            notes=self._fire.post_checkout(event),
        )

    # ---- naming, removing, bringing back

    def tag(self, spec: str, tag: str, *, force: bool = False) -> Version:
        """Give a version another name. A tag moves only with `force`.

        Raises:
            ConflictError: The tag names another version.
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

    def remove(
        self, specs: Sequence[str], *, all_versions: bool = False, force: bool = False
    ) -> list[Version]:
        """Take versions out of sight; `restore` undoes it until gc takes their bytes.

        Raises:
            NotFoundError: One of them does not exist; none was removed.
            ConflictError: Others were made from one of them, and not `force`; none was removed.
        """
        from cas.hooks import PostRemove, PreRemove

        parsed = [Spec.parse(spec) for spec in specs]

        def choose(txn: Txn) -> list[Version]:
            chosen = removal.chosen(txn, self._layers, parsed, all_versions=all_versions)
            removal.refuse_if_used(txn, [] if force else chosen)
            return chosen

        subjects = tuple(_subject(version) for version in self._read(choose))
        self._fire.pre_remove(PreRemove(self.layout.root, subjects))

        def change(txn: Txn) -> list[Version]:
            chosen = choose(txn)
            self._ledger.record(txn, [Removed.on(version) for version in chosen], self._clock_ns())
            return [self._after(txn, version) for version in chosen]

        removed = self._write(change)
        self._fire.post_remove(PostRemove(self.layout.root, tuple(_subject(version) for version in removed)))
        return removed

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

    # ---- health

    def gc(
        self, *, dry_run: bool = False, keep_removed: timedelta | None = None, progress: Progress = SILENT
    ) -> GcReport:
        """Free what no live version uses, exactly, while others may commit.

        Args:
            dry_run: Only say what would be freed.
            keep_removed: Spare versions that were removed less than this ago.
            progress: Told about objects as they are marked.
        """
        from cas.hooks import PostGc, PreGc
        from cas.maintenance import collect

        if not dry_run:
            self._require_writable()
            self._fire.pre_gc(PreGc(self.layout.root))
        report = collect.gc(
            self._store,
            self._ledger,
            now_ns=self._clock_ns(),
            dry_run=dry_run,
            keep_removed=keep_removed,
            progress=progress,
        )
        if not dry_run:
            event = PostGc(self.layout.root, report.objects_deleted, report.packs_deleted, report.bytes_freed)
            self._fire.post_gc(event)
        return report

    def verify(
        self, *, quick: bool = False, repair: bool = False, progress: Progress = SILENT
    ) -> VerifyReport:
        """Check that every live version is whole; fully means that every byte is hashed again.

        Args:
            quick: Only that everything is present, not that the bytes are right.
            repair: Mend what can be mended from other copies: packs, views, checkouts.
            progress: Told about bytes as they are hashed.
        """
        from cas.maintenance import verify

        return verify.verify(self._store, self._ledger, quick=quick, repair=repair, progress=progress)

    @staticmethod
    def recover(directory: Path, *, progress: Progress = SILENT) -> RecoverReport:
        """Rebuild the index of the repository in `directory` from its packs and its journal.

        Raises:
            ConflictError: Somebody is writing to the repository.
        """
        from cas.maintenance import recover

        return recover.recover(Layout.at(directory), now_ns=time.time_ns(), progress=progress)

    def stats(self, *, progress: Progress = SILENT) -> Stats:
        """Say how much is stored, how much that saves, and where it is."""
        from cas.maintenance import stats

        return stats.stats(self._store, progress=progress)

    # ---- shared by the above

    @property
    def _fire(self) -> Hooks:
        if self._hooks is None:
            from cas.hooks import Hooks

            self._hooks = Hooks()
        return self._hooks

    def _approve(self, layer: str, record: Record) -> None:
        from cas.hooks import PreCommit, Subject

        self._fire.pre_commit(
            PreCommit(
                repository=self.layout.root,
                subject=Subject(layer, record.name, record.version),
                content=record.content,
                size=record.size,
                file_count=record.file_count,
                properties=record.properties,
                inputs=record.inputs,
                message=record.message,
            )
        )

    def _write(self, change: Callable[[Txn], T]) -> T:
        self._require_writable()
        with fs.explained("cannot write to the repository"):
            return self._store.index.write(change)

    def _record(self, txn: Txn, event: AnyEvent, version: Version) -> Version:
        """Make `event` happen and return `version` as it is afterwards."""
        self._ledger.record(txn, [event], self._clock_ns())
        return self._after(txn, version)

    @staticmethod
    def _after(txn: Txn, version: Version) -> Version:
        """Return `version` as it is now, in the transaction that changed it."""
        after = refs.get(txn, version.layer, version.name, version.version)
        assert after is not None, "a record outlives everything that happens to its version"
        return after

    def _require_writable(self) -> None:
        if not self.config.is_writable:
            raise ReadOnlyError(
                f"cannot write to the repository '{self.layout.root}'",
                code="newer-format",
                why="it uses features that this version of cas can only read",
                hint="upgrade with `pip install --upgrade cas-store`",
            )


def _subject(version: Version) -> Subject:
    from cas.hooks import Subject

    return Subject(version.layer, version.name, version.version)
