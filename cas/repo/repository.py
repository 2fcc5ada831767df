"""The facade: one object for one repository, one method for each thing people do with it.

Everything here resolves names, fires hooks and hands on; the work is done below. This is the only file
that fires hooks. What only some methods need (the chunker, thread pools, canonical JSON, plug-ins) is
imported inside them: `cas ls` opens a repository too, and must start fast.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, Self, TypeVar

from msgspec.structs import replace

from cas.objects.session import Session
from cas.repo import look, removal
from cas.repo.firing import Firing
from cas.repo.layering import Layering
from cas.repo.needed import needed
from cas.repo.reader import SILENT
from cas.repo.results import OnConflict
from cas.versions.events import Removed
from cas.versions.names import parse_new_name, parse_tag
from cas.versions.spec import Spec

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    from cas.hooks import Hooks, PostRun, PreRun, Subject
    from cas.hooks.calls import Hook, HookCall
    from cas.hooks.dispatch import Trace
    from cas.ids import VersionId
    from cas.maintenance.collect import GcReport
    from cas.objects.index import Txn
    from cas.progress import Progress
    from cas.repo.results import CheckoutResult, CommitResult, RemoveResult
    from cas.versions.record import Record
    from cas.versions.version import Version
    from cas.worktree.link import Link

T = TypeVar("T")

NOT_RECORDED: Final = "the repository cannot be written: `cas status` will not know of this checkout"
"""The note of a checkout of which there is no record."""


class Repository(Layering):
    r"""An open repository. Share it between threads that read; give each writer its own; close it.

    >>> import tempfile, pathlib
    >>> with tempfile.TemporaryDirectory() as folder, Repository.init(pathlib.Path(folder)) as repository:
    ...     _ = pathlib.Path(folder, "hello.txt").write_text("hello\n")
    ...     result = repository.commit("greeting", pathlib.Path(folder, "hello.txt"))
    ...     repository.read("greeting")
    b'hello\n'
    """

    _firing = Firing()

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
        type: str | None = None,  # noqa: A002 - the word that people know from `--json`
        properties: Mapping[str, Any] | None = None,
        inputs: Sequence[str] | Mapping[str, VersionId] = (),
        layer: str | None = None,
        message: str = "",
        tag: str | None = None,
        on_conflict: OnConflict = OnConflict.FAIL,
        by_content: bool = False,
        dry_run: bool = False,
        origin: str = "",
        progress: Progress = SILENT,
    ) -> CommitResult:
        """Store a file, a directory or an open binary stream as a version of `name`.

        Args:
            name: The resource's name.
            source: What to store; symlinks in a directory are stored as links.
            type: The type of resource; by default "file" or "directory", as the source is.
            properties: JSON values by string keys; they and the inputs make the version id.
            inputs: What it was made from: specs, each `SPEC` or `role=SPEC`, or version ids by role.
            layer: Where the ref goes; by default the uppermost writable layer.
            message: A sentence for the log.
            tag: A tag for the new version.
            on_conflict: What to do if the version exists with other content.
            by_content: Add the content id to the properties, so that other content is another version, as
                a resource with neither properties nor inputs always has it.
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
            name=parse_new_name(name),
            source=Path(source) if isinstance(source, str) else source,
            type=type,
            properties=check_properties(properties or {}),
            inputs=inputs
            if isinstance(inputs, Mapping)
            else self._read(lambda txn: resolve_inputs(txn, self._layers, inputs)),
            message=message,
            origin=origin,
            tag=None if tag is None else parse_tag(tag),
            on_conflict=OnConflict(on_conflict),
            by_content=by_content,
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

        Only what differs is written. By default the destination is the last part of the name, here. From a
        repository that cannot be written too, but then there is no record of it for `status`; a note says so.

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
            CorruptError: Stored bytes are damaged or lost; nothing was published.
            ReadOnlyError: The repository cannot be written, and files were to be linked to it.
        """
        from cas.hooks import PostCheckout, PreCheckout
        from cas.repo.results import CheckoutResult
        from cas.worktree.checkout import Label, checkout
        from cas.worktree.link import Link

        version = self.resolve(spec)
        with needed(self._store, version):
            content = look.descend(self._store, version, path)
        target = (
            Path(destination) if destination else Path((path or version.name).rstrip("/").rpartition("/")[2])
        )
        subject = _subject(version)
        place = target.absolute()  # a hook's working directory is another
        self._fire.pre_checkout(PreCheckout(self.layout.root, subject, place, path))
        with needed(self._store, version):
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
            self.layout.root, subject, place, path, written=report.written, removed=report.removed
        )
        return CheckoutResult(
            version=version,
            destination=report.destination,
            written=report.written,
            removed=report.removed,
            unchanged=report.unchanged,
            bytes_written=report.bytes_written,
            notes=(() if report.is_recorded else (NOT_RECORDED,)) + self._fire.post_checkout(event),
        )

    def session(self) -> Session:
        """Begin a session: a folder of its own, `tmp`, that gc deletes once its owner is dead. Close it."""
        self._require_writable()
        return Session.start(self.layout)

    def place(
        self,
        version: Version,
        destination: Path,
        *,
        session: Session,
        link: Link,
        progress: Progress = SILENT,
    ) -> None:
        """Write a version to `destination`, where nothing is yet, and keep no record of that.

        For scratch places, such as those below `session.tmp`; `checkout` is for where people work. After an
        error a part of it may be there.

        Raises:
            ConflictError: Something is there.
            CorruptError: Stored bytes are damaged or lost.
            StorageError: The disk is full, or does not know this kind of link.
        """
        from cas.worktree.place import place

        with needed(self._store, version):
            place(self._store, version.content, destination, session=session, link=link, progress=progress)

    # ---- removing, making room

    def remove(
        self, specs: Sequence[str], *, all_versions: bool = False, force: bool = False
    ) -> RemoveResult:
        """Take versions out of sight; `restore` undoes it until gc takes their bytes.

        Raises:
            NotFoundError: One of them does not exist; none was removed.
            ConflictError: Others were made from one of them, and not `force`; none was removed.
            ReadOnlyError: The layer of one of them is only for reading; none was removed.
        """
        from cas.hooks import PostRemove, PreRemove
        from cas.repo.results import RemoveResult

        parsed = [Spec.parse(spec) for spec in specs]

        def choose(txn: Txn) -> list[Version]:
            chosen = removal.chosen(txn, self._layers, parsed, all_versions=all_versions)
            for version in chosen:
                self.config.require_writable(version.layer)
            removal.refuse_if_used(txn, [] if force else chosen)
            return chosen

        subjects = tuple(_subject(version) for version in self._read(choose))
        self._fire.pre_remove(PreRemove(self.layout.root, subjects))

        def change(txn: Txn) -> tuple[Version, ...]:
            chosen = choose(txn)
            self._ledger.record(txn, [Removed.on(version) for version in chosen], self._clock_ns())
            return tuple(self._after(txn, version) for version in chosen)

        removed = self._write(change)
        event = PostRemove(self.layout.root, tuple(_subject(version) for version in removed))
        return RemoveResult(removed, self._fire.post_remove(event))

    def gc(
        self, *, dry_run: bool = False, keep_removed: timedelta | None = None, progress: Progress = SILENT
    ) -> GcReport:
        """Free what no live version uses, exactly, while others may commit.

        What the symlinks of a checkout lead to stays as long as they do.

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
        if dry_run:
            return report
        event = PostGc(self.layout.root, report.objects_deleted, report.packs_deleted, report.bytes_freed)
        return dataclasses.replace(report, notes=report.notes + self._fire.post_gc(event))

    # ---- hooks

    def set_hooks(
        self,
        *plugins: object,
        are_fired: bool = True,
        has_executables: bool = True,
        actor: str = "",
        trace: Trace | None = None,
    ) -> None:
        """Say how hooks are fired from now on.

        Args:
            plugins: Objects or modules with functions that carry `cas.hooks.hookimpl`, besides those of
                installed packages.
            are_fired: False fires none at all: no plug-in, no executable, nothing from `config.yaml`.
            has_executables: False leaves the executables in `.cas/hooks` out.
            actor: Who acts, for the audit log.
            trace: Told about every call of a hook when it is over; must not raise.
        """
        self._firing = Firing(plugins, are_fired, has_executables, actor, trace)
        self._hooks = None

    def hooks(self) -> list[Hook]:
        """List what is called at each point, in the order of the calls; nothing is called."""
        return self._fire.listing()

    def try_hooks(self, point: str, event: bytes | None = None) -> list[HookCall]:
        """Call the hooks of a point though nothing happens; the audit log stays as it is.

        Args:
            point: The point, such as "pre_commit".
            event: What they are told, as JSON; by default a made-up event.

        Raises:
            NotFoundError: There is no such point.
            InvalidError: It is not an event of this point.
        """
        from cas.hooks.wire import event_at

        return self._fire.try_out(point, event_at(point, event, self.layout.root))

    def before_run(self, event: PreRun) -> None:
        """Fire the hooks before a module of a graph runs.

        Raises:
            HookRefusedError: One refused; the module must not run.
        """
        self._fire.pre_run(event)

    def after_run(self, event: PostRun) -> tuple[str, ...]:
        """Fire the hooks after a module has run, well or not; notes of what went wrong in them."""
        return self._fire.post_run(event)

    # ---- shared by the above

    @property
    def _fire(self) -> Hooks:
        if self._hooks is None:
            self._hooks = self._firing.hooks(self.layout, self.config.hooks, self._clock_ns)
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


def _subject(version: Version) -> Subject:
    from cas.hooks import Subject

    return Subject(version.layer, version.name, version.version)
