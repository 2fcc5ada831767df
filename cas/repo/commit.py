"""One commit: read the source, decide what it means for the refs, store it.

Theory of operation
-------------------
The version is known from properties and inputs before anything is read; whether it is new, the same again
or a conflict is known once the content has an id. That is decided twice: before anything is published, so
that a refusal leaves nothing behind, and again inside the write transaction, because another process may
have committed the same version in between. If gc took objects that this commit had counted on, nothing has
moved and the source is read again (DESIGN 5, rule 4); what was stored the first time is found again.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from cas import fs
from cas.errors import ConflictError, InvalidError, StorageError
from cas.objects.chunker import Chunker
from cas.objects.session import Session
from cas.objects.writer import ObjectWriter, ReusedObjectsGoneError
from cas.repo.removal import require_free_tag
from cas.repo.results import CommitResult, OnConflict, Outcome
from cas.versions import refs
from cas.versions.events import Committed, Renewed, Tagged
from cas.versions.identity import identifying_properties, version_id
from cas.versions.names import parse_name
from cas.versions.record import Record
from cas.versions.resolve import resolve
from cas.versions.spec import Spec
from cas.versions.times import from_nanoseconds
from cas.versions.version import State, Version
from cas.worktree.ingest import Ingest, Settings
from cas.worktree.sinks import HashingSink, StoringSink
from cas.worktree.statcache import StatCache

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from cas.config import Config
    from cas.ids import Content, VersionId
    from cas.objects.index import Txn
    from cas.objects.store import ObjectStore
    from cas.progress import Progress
    from cas.versions.events import AnyEvent
    from cas.versions.ledger import Ledger
    from cas.worktree.ingest import Ingested
    from cas.worktree.sinks import Sink


_STORES: Final = frozenset({Outcome.CREATED, Outcome.REPLACED})
"""Outcomes that bring a new record."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be committed, checked and resolved."""

    layer: str
    name: str
    source: Path | IO[bytes]
    type: str | None
    """None: "file" or "directory", as the content is."""
    properties: Mapping[str, Any]
    inputs: Mapping[str, VersionId]
    message: str
    origin: str
    tag: str | None
    on_conflict: OnConflict
    by_content: bool = False
    """Whether the content id is one of the properties."""


@dataclass(frozen=True, slots=True)
class Committer:
    """Carries commits out on one repository."""

    store: ObjectStore
    ledger: Ledger
    config: Config
    clock_ns: Callable[[], int]
    progress: Progress
    approve: Callable[[str, Record], None]
    """Called with layer and record when everything is read and nothing is visible; may raise to refuse."""

    def commit(self, request: Request) -> CommitResult:
        """Store the source of `request` as a version.

        Raises:
            ConflictError: The version exists with other content, or the tag names another version.
            StorageError: gc took what the bytes of a pipe had in common with the store; run it again.
        """
        start = _position(request.source)
        with Session.start(self.store.layout) as session:
            while True:
                writer = ObjectWriter(self.store, session)
                try:
                    return self._attempt(request, writer)
                except ReusedObjectsGoneError:
                    writer.abort()
                    _rewind(request.source, start)
                except BaseException:
                    writer.abort()
                    raise

    def preview(self, request: Request) -> CommitResult:
        """Say what `commit` would do; store nothing."""
        sink = HashingSink(self.store)
        ingested = self._read(request.source, sink, StatCache(self.store.index))
        record = self._record(request, ingested)
        version = _as_version(request.layer, record)
        with self.store.index.read() as txn:
            outcome = _decide(txn, request, record)
            if outcome not in _STORES:
                version = refs.get(txn, request.layer, request.name, record.version) or version
        preview = {Outcome.CREATED: Outcome.WOULD_CREATE, Outcome.REPLACED: Outcome.WOULD_REPLACE}
        return CommitResult(
            version=version,
            outcome=preview.get(outcome, outcome),
            files=ingested.file_count,
            size=ingested.size,
            new_bytes=0,
            new_objects=0,
            reused_objects=0,
            notes=ingested.notes,
        )

    def _attempt(self, request: Request, writer: ObjectWriter) -> CommitResult:
        cache = StatCache(self.store.index)
        with closing(StoringSink(writer, Chunker(self.config.chunking))) as sink:
            ingested = self._read(request.source, sink, cache)
        record = self._record(request, ingested)
        with self.store.index.read() as txn:
            outcome = _decide(txn, request, record)
            existing = refs.get(txn, request.layer, request.name, record.version)
        if outcome in _STORES:
            self.approve(request.layer, record)
        # The version may be there and its bytes not: that is how damage is mended by committing again.
        is_storing = outcome in _STORES or (outcome is Outcome.UNCHANGED and writer.has_new())
        if is_storing:
            kept = existing.record if existing is not None and outcome is Outcome.UNCHANGED else record
            writer.put_record(kept.id, kept.encode())

        def change(txn: Txn) -> tuple[Outcome, Version]:
            cache.save(txn)
            decided = _decide(txn, request, record)
            if decided in _STORES and outcome not in _STORES:
                raise ReusedObjectsGoneError  # removed since we looked: its record must be stored again
            events = _events(txn, request, record, decided)
            if events:
                self.ledger.record(txn, events, self.clock_ns())
            version = refs.get(txn, request.layer, request.name, record.version)
            assert version is not None, "it was there or has just been added"
            return decided, version

        if is_storing:
            outcome, version = writer.finish(change)
        else:  # there is a version already, with all that it needs
            writer.abort()
            with fs.explained("cannot write to the repository"):
                outcome, version = self.store.index.write(change)
        return CommitResult(
            version=version,
            outcome=outcome,
            files=ingested.file_count,
            size=ingested.size,
            new_bytes=writer.stored_size if is_storing else 0,
            new_objects=writer.new_objects if is_storing else 0,
            reused_objects=writer.reused_objects,
            notes=ingested.notes,
        )

    def _read(self, source: Path | IO[bytes], sink: Sink, cache: StatCache) -> Ingested:
        self.progress.start("reading", None, "bytes")
        settings = Settings(self.clock_ns, self.config.chunking.whole_below, self.store.layout.root)
        ingest = Ingest(sink, cache, settings, self.progress)
        return ingest.read(source) if isinstance(source, Path) else ingest.read_stream(source)

    def _record(self, request: Request, ingested: Ingested) -> Record:
        content = ingested.content
        properties = identifying_properties(
            request.properties, request.inputs, content, by_content=request.by_content
        )
        return Record(
            name=request.name,
            type=request.type or ("directory" if content.is_directory else "file"),
            version=version_id(properties, request.inputs),
            properties=properties,
            inputs=dict(request.inputs),
            content=content,
            size=ingested.size,
            file_count=ingested.file_count,
            created_at=from_nanoseconds(self.clock_ns()),
            message=request.message,
            origin=request.origin,
        )


def _position(source: Path | IO[bytes]) -> int | None:
    """Say where a stream begins, if one can go back there."""
    return source.tell() if not isinstance(source, Path) and source.seekable() else None


def _rewind(source: Path | IO[bytes], start: int | None) -> None:
    """Make a source give its bytes once more. Read again where it ended, a stream would be an empty file."""
    if isinstance(source, Path):
        return
    if start is None:
        raise StorageError(
            "cannot store the stream",
            code="stream-used-up",
            why="gc took what it had in common with the store, and it cannot be read a second time",
            hint="run the same command again",
        )
    source.seek(start)


def _decide(txn: Txn, request: Request, record: Record) -> Outcome:
    """Say what committing `record` means, given what is there.

    Raises:
        ConflictError: The key exists with other content, and `on_conflict` is FAIL; or the tag is taken.
    """
    if request.tag is not None:
        require_free_tag(txn, _as_version(request.layer, record), request.tag)
    existing = refs.get(txn, request.layer, request.name, record.version)
    if existing is None or existing.state is not State.LIVE:
        return Outcome.CREATED
    if existing.content == record.content:
        return Outcome.UNCHANGED
    match request.on_conflict:
        case OnConflict.KEEP:
            return Outcome.KEPT
        case OnConflict.REPLACE:
            return Outcome.REPLACED
        case OnConflict.FAIL:
            raise ConflictError(
                f"cannot commit '{request.name}': version {record.version.short} exists with other content",
                code="version-conflict",
                why=_both(existing.content, record.content),
                hint="add a property that tells them apart, or use --on-conflict keep|replace",
            )


def _both(old: Content, new: Content) -> str:
    """Tell two contents apart: by their ids, or by the executable bit, which no id shows."""
    if old.id == new.id:
        return f"both hold {old}, but one is executable and the other is not"
    return f"it holds {old} and the new content is {new}"


def _events(txn: Txn, request: Request, record: Record, outcome: Outcome) -> list[AnyEvent]:
    events: list[AnyEvent] = []
    existing = refs.get(txn, request.layer, request.name, record.version)
    if outcome in _STORES:
        events.append(Committed.of(request.layer, record, replaces=outcome is Outcome.REPLACED))
    elif outcome is Outcome.UNCHANGED and existing is not None and not _is_found(txn, existing):
        events.append(Renewed.on(existing))  # whoever commits a content expects to get it by the name
    if request.tag is not None and (existing is None or request.tag not in existing.tags):
        events.append(Tagged(request.layer, request.name, record.version.raw, request.tag))
    return events


def _is_found(txn: Txn, version: Version) -> bool:
    """Whether its layer gives this version for its name, and the view is not told to hide it."""
    over = refs.whiteouts_over(txn, version.layer, version.name)
    is_hidden = any(one.sequence > version.sequence and not one.is_opaque for one in over)
    return version.is_current and not is_hidden


def _as_version(layer: str, record: Record) -> Version:
    """Give the version that `record` would be, for a dry run."""
    return Version(
        layer=layer, record=record, sequence=0, state=State.LIVE, removed_at=None, tags=(), is_current=True
    )


def resolve_inputs(txn: Txn, layers: Sequence[str], texts: Sequence[str]) -> dict[str, VersionId]:
    """Read inputs, each `SPEC` or `role=SPEC`; without a role, the input is called as the resource is.

    Raises:
        NotFoundError: One of them does not exist.
        InvalidError: Two have one role.
    """
    inputs: dict[str, VersionId] = {}
    for text in texts:
        role, spec = _split_role(text)
        version = resolve(txn, layers, Spec.parse(spec))
        name = role or version.name
        if inputs.setdefault(name, version.version) != version.version:
            raise InvalidError(
                f"cannot use two inputs called '{name}'",
                code="duplicate-input",
                why=f"{inputs[name].short} and {version.version.short} would have one name",
                hint=f"give one of them another name: -i other={spec}",
            )
    return inputs


def _split_role(text: str) -> tuple[str, str]:
    """Take `role=SPEC` apart; an `=` after the `@` belongs to the selector."""
    head, equals, rest = text.partition("=")
    return (parse_name(head), rest) if equals and "@" not in head else ("", text)
