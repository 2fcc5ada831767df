"""The base of all resources: identity, life cycle, and what a type of resource has to say for itself.

Invariants
1. Properties and inputs never change once they are registered, at any depth: the version would lie.
2. `exists` is set only after the store has said that the version is there.
3. What an object knows of a host is its environment, and what `_discard` deletes. It can be pickled only
   while it has neither, so no path, token or handle is ever sent along.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cas.errors import InvalidError, NotFoundError
from cas.repo.results import OnConflict
from cas.resources.frozen import FrozenDict, freeze
from cas.resources.stage import Stage, Step, out_of_order, require
from cas.versions.identity import version_id
from cas.versions.names import parse_name
from cas.versions.properties import check_properties
from cas.versions.version import State

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import BinaryIO

    from cas.ids import VersionId
    from cas.repo.repository import Repository
    from cas.repo.results import CommitResult
    from cas.resources.environment import Environment
    from cas.versions.values import JSON
    from cas.versions.version import Version


@dataclass(slots=True)
class Life:
    """All of a resource that changes. An optional one shares it with its base, so they never disagree."""

    stage: Stage = Stage.DECLARED
    properties: FrozenDict = field(default_factory=FrozenDict)
    inputs: FrozenDict = field(default_factory=FrozenDict)
    version: VersionId | None = None
    exists: bool = False
    environment: Environment | None = None


class Resource(ABC):
    """Something that a module makes or uses; one object stands for one version of it. For one thread.

    A type of resource is a subclass that can be made of a name alone, says its `type_name`, and has the
    methods under "what types differ in"; only `_payload` and `_fetch` must be there. What it adds for tasks
    asks `_at_host` first, and calls `_note_written` where a task writes. Third parties announce theirs by an
    entry point in the group `cas.resource_types`, under the name that records are to have.
    """

    type_name: str
    """What records call this type."""

    has_payload: bool = True
    """Whether a task has to write something before a commit."""

    def __init__(self, name: str) -> None:
        """Declare a resource: it has no version until it is registered.

        Raises:
            InvalidError: The name breaks a rule.
        """
        self._name = parse_name(name)
        self._life = Life()

    def __repr__(self) -> str:
        version = self._life.version
        return f"<{type(self).__name__} {self._name}{f'@{version.short}' if version else ''}, {self.stage}>"

    # ---- identity

    @property
    def name(self) -> str:
        """The resource's name; with the version, it is the key."""
        return self._name

    @property
    def properties(self) -> Mapping[str, JSON]:
        """What it was registered with; to change it, however deep, is an InvalidError."""
        return self._life.properties

    @property
    def inputs(self) -> Mapping[str, VersionId]:
        """Role → version of what it is made from."""
        return self._life.inputs

    @property
    def version(self) -> VersionId:
        """The hash of properties and inputs.

        Raises:
            InvalidError: It is not registered yet.
        """
        if self._life.version is None:
            raise out_of_order(self._name, "version", "it is declared, and register() comes first")
        return self._life.version

    @property
    def stage(self) -> Stage:
        """Where in its life it is."""
        return self._life.stage

    @property
    def exists(self) -> bool:
        """Whether this object knows it to be stored: it stored it, or fetched it."""
        return self._life.exists

    def register(
        self, properties: Mapping[str, object], inputs: Mapping[str, VersionId] | None = None
    ) -> None:
        """Give it properties and inputs, and with them its version, once and for all.

        Args:
            properties: JSON values by string keys.
            inputs: Role → version of what it is made from.

        Raises:
            InvalidError: A property is not a JSON value or does not fit this type; or there are neither
                properties nor inputs; or it is registered already.
            NotFoundError: A template needs a property that is not there.
        """
        life = self._life
        if life.stage is not Stage.DECLARED:
            raise InvalidError(
                f"cannot register the resource '{self._name}' again",
                code="frozen-properties",
                why=f"it is version {self.version.short}, which is made of its properties",
                hint="make another object for another version",
            )
        frozen = freeze(check_properties(properties))
        if not frozen and not inputs:
            raise InvalidError(
                f"cannot register the resource '{self._name}'",
                code="no-identity",
                why="it has neither properties nor inputs, so it has no version before it is made",
                hint="give it a property",
            )
        roles = FrozenDict(sorted((inputs or {}).items()))
        version = version_id(frozen, roles)
        self._check(frozen, version)
        life.properties, life.inputs, life.version = frozen, roles, version
        life.stage = Stage.NEW

    # ---- life

    def load_environment_settings(self, environment: Environment) -> None:
        """Tell it about the host that it is on; name, properties and version stay as they are.

        Raises:
            InvalidError: It is not registered, or has not been cleaned since the last time.
        """
        self._require(Step.SETTINGS)
        self._life.environment = environment
        self._life.stage = Stage.CONFIGURED

    def ensure_available(self) -> None:
        """Make what is stored usable here, verified and read-only. Nothing to do if there is no payload.

        Raises:
            InvalidError: It is not configured, or has been written; or another type of resource is stored.
            NotFoundError: The version is not stored, or not any more.
            CorruptError: Stored bytes are damaged or lost.
            StorageError: The disk is full.
        """
        environment = self._at_host(Step.FETCH)
        if self.has_payload and self.stage is not Stage.AVAILABLE:
            version = self._stored(environment)
            try:
                self._fetch(environment, version)
            except BaseException:
                self._discard()  # half of it would be in the way of the next attempt
                raise
            self._life.exists = True
        self._life.stage = Stage.AVAILABLE

    def commit(self, *, on_conflict: OnConflict = OnConflict.FAIL) -> CommitResult:
        """Store what was written, under the version that was known before. The same again is a no-op.

        Args:
            on_conflict: What to do if the version is stored already, with other content.

        Raises:
            NotFoundError: Nothing was written.
            InvalidError: It is too early, or what was written does not fit this type.
            ConflictError: The version is stored with other content, and `on_conflict` is FAIL.
            HookRefusedError: A hook refused.
            StorageError: The disk is full.
        """
        environment = self._ready_to_commit("commit")
        result = environment.repository.commit(
            self._name,
            self._payload(environment),
            type=self.type_name,
            properties=self._life.properties,
            inputs=self._life.inputs,
            on_conflict=on_conflict,
            origin=environment.origin,
        )
        assert result.version.version == self.version, "the version was known before"
        self._life.stage = Stage.COMMITTED
        return result

    def logged_commit(self, *, on_conflict: OnConflict = OnConflict.FAIL) -> CommitResult:
        """Commit, note that it exists now, and log what was stored; raises as `commit` does."""
        environment = self._ready_to_commit("logged_commit")
        result = self.commit(on_conflict=on_conflict)
        self._life.exists = True
        environment.log(f"{result.outcome} {result.version.ref} ({self.type_name}, {result.size} bytes)")
        for note in result.notes:
            environment.log(note)
        return result

    def written_to(self) -> Path | None:
        """Find a file of what was fetched that somebody wrote to since; types without files have none."""
        return None

    def clean(self) -> None:
        """Delete local files, and forget the host. What is stored stays. Always allowed, also twice."""
        try:
            self._discard()
        finally:
            self._life.environment = None
            if self.stage not in {Stage.DECLARED, Stage.NEW, Stage.REMOVED}:
                self._life.stage = Stage.CLEANED

    def remove(self, *, force: bool = False) -> None:
        """Delete what is stored; it need not be available. The record stays, as a tombstone.

        Quiet if it was removed before.

        Args:
            force: Remove it though others were made from it.

        Raises:
            InvalidError: It is not configured, or has been written.
            ConflictError: Others were made from it, and not `force`.
            NotFoundError: It was never stored.
        """
        self._require(Step.REMOVE)
        life = self._life
        if life.environment is not None:
            self._delete(life.environment.repository, force=force)
            life.stage, life.exists = Stage.REMOVED, False
            self.clean()

    # ---- what types differ in

    @abstractmethod
    def _payload(self, environment: Environment) -> Path | BinaryIO:
        """Give what is to be stored: a file, a directory, or an open stream.

        Raises:
            NotFoundError: Nothing was written.
            InvalidError: What was written does not fit this type.
        """

    @abstractmethod
    def _fetch(self, environment: Environment, version: Version) -> None:
        """Make `version` usable on this host, verified, below the environment's workspace."""

    def _check(self, properties: Mapping[str, JSON], version: VersionId) -> None:  # noqa: B027 - most fit
        """Refuse properties that do not fit this type, before they are registered."""

    def _discard(self) -> None:  # noqa: B027 - some have nothing here
        """Delete what `_fetch` and the task made on this host, and drop every path, handle and token.

        It must not fail if there is nothing, and is called in every stage.
        """

    # ---- for types to call

    def _require(self, step: Step, *, call: str | None = None) -> None:
        """Check that this is the time for `step`; raises an InvalidError that names `call`."""
        require(self._name, step, self.stage, call=call)

    def _at_host(self, step: Step, *, call: str | None = None) -> Environment:
        """Check that this is the time for a step that needs a host, and return the host's settings."""
        self._require(step, call=call)
        environment = self._life.environment
        assert environment is not None, "the stages in which such a step is allowed have one"
        return environment

    def _note_written(self) -> None:
        """Note that a task writes it, so that it can be committed."""
        self._life.stage = Stage.WRITTEN

    def _ready_to_commit(self, call: str) -> Environment:
        return self._at_host(Step.COMMIT if self.has_payload else Step.WRITE, call=call)

    def _stored(self, environment: Environment) -> Version:
        """Find the version that this object stands for among those that are live."""
        repository, key = environment.repository, (self._name, self.version)
        version = repository.lookup([key]).get(key)
        if version is None:
            version = repository.resolve(f"{self._name}@{self.version}")  # it has the words for what is gone
        if version.type != self.type_name:
            raise InvalidError(
                f"cannot use '{version.ref}' as a resource of type '{self.type_name}'",
                code="wrong-type",
                why=f"it was stored as one of type '{version.type}'",
            )
        return version

    def _delete(self, repository: Repository, *, force: bool) -> None:
        known = [
            one
            for one in repository.versions(self._name, include_removed=True)
            if one.version == self.version
        ]
        if not known:
            raise NotFoundError(
                f"cannot remove '{self._name}@{self.version.short}'",
                code="no-such-version",
                why="it was never stored here",
                hint=f"run `cas ls --versions {self._name}`",
            )
        live = [f"{one.layer}:{one.name}@{one.version}" for one in known if one.state is State.LIVE]
        if live:
            repository.remove(live, force=force)

    def __getstate__(self) -> dict[str, Any]:
        """Pickle and copy only while it knows of no host (invariant 3)."""
        self._require(Step.PICKLE)
        return self.__dict__
