"""Why a version is another one than before, or would have to be made: records, compared down to the root.

Both answers come from records alone, so they hold after the content was removed and collected.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cas.errors import NotFoundError
from cas.graph.causes import Cause, Kind, Recipe, causes
from cas.graph.records import Records
from cas.versions.identity import version_id
from cas.versions.version import State

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cas.ids import VersionId
    from cas.repo.repository import Repository
    from cas.versions.values import JSON
    from cas.versions.version import Version


@dataclass(frozen=True, slots=True)
class Difference:
    """Why one version is not the other."""

    old: Version
    new: Version
    causes: tuple[Cause, ...]
    """The nearest first; empty if both have the same properties and inputs."""


class Explainer:
    """Explains the versions of one repository; whoever has many questions asks one of these."""

    def __init__(self, repository: Repository, planned: Mapping[VersionId, Recipe] | None = None) -> None:
        """Look for recipes in `planned` first: those of versions that are not there yet."""
        self._records = Records(repository)
        self._planned = planned or {}

    def compare(self, old: Version, new: Version) -> Difference:
        """Say which properties and inputs make `new` another version than `old`."""
        found = causes(_recipe(old), _recipe(new), self._find)
        return Difference(old, new, tuple(found))

    def explain(
        self, name: str, properties: Mapping[str, JSON], inputs: Mapping[str, VersionId]
    ) -> tuple[Cause, ...]:
        """Say why the repository does not have `name` with these properties and inputs; nothing if it does.

        That it was removed, that nothing of that name was ever made, or what makes it differ from the
        version that is current now. An input that is neither in the repository nor planned is named and
        not followed. Cost: a few look-ups, unless an input has another name than its role: then, once, a
        scan of all version ids.

        Args:
            name: The resource.
            properties: As `check_properties` returns them.
            inputs: Role → version.
        """
        wanted = version_id(properties, inputs)
        there = self._records.get(name, wanted)
        if there is not None:
            return () if there.state is State.LIVE else (_gone(there),)
        newest = self._records.newest(name)
        if newest is None:
            return (Cause(Kind.NEVER_MADE, name),)
        return tuple(causes(_recipe(newest), Recipe(properties, inputs), self._find))

    def _find(self, role: str, version: VersionId) -> Recipe | None:
        if version in self._planned:
            return self._planned[version]
        holder = self._records.holder(role, version)
        return None if holder is None else _recipe(holder.version)


def explain(
    repository: Repository, name: str, properties: Mapping[str, JSON], inputs: Mapping[str, VersionId]
) -> tuple[Cause, ...]:
    """Answer one question; see `Explainer.explain`, which is for many."""
    return Explainer(repository).explain(name, properties, inputs)


def compare_versions(repository: Repository, a: Version, b: Version) -> Difference:
    """Say which properties and inputs make `b` another version than `a`, down to the root causes."""
    return Explainer(repository).compare(a, b)


def version_before(repository: Repository, version: Version) -> Version:
    """Return the version of the same name, in the same layer, that was committed just before `version`.

    Removed ones count: what was there before was there.

    Raises:
        NotFoundError: It is the first.
    """
    known = repository.versions(version.name, layer=version.layer, include_removed=True)
    before = next((one for one in known if one.sequence < version.sequence), None)
    if before is None:
        raise NotFoundError(
            f"cannot compare '{version.ref}' with the version before it",
            code="no-version-before",
            why="it is the first of its name",
            hint=f"name the version to compare it with: `cas why OTHER {version.ref}`",
        )
    return before


def _gone(version: Version) -> Cause:
    kind = Kind.REMOVED if version.state is State.REMOVED else Kind.COLLECTED
    return Cause(kind, version.ref)


def _recipe(version: Version) -> Recipe:
    return Recipe(version.properties, version.inputs)
