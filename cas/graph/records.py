"""Records by version id, whatever became of their versions: what lineage and explanations are made of.

A record says of an input its role and its version id, not the name of the resource. So whoever follows an
input looks for versions with that id, and takes the one that is called as the role is, or whose name ends in
it, because that is what an input is called by default. Where there is none, any will do for its properties
and inputs, because the id is their hash, but not for its name: two resources may have one recipe. Then the
answer carries all the names.

Version ids are looked for in an index made by one scan of the keys, when the first is asked for that is not
found under its role. It is as old as that: later commits are not in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Final, TypeAlias

from cas.errors import NotFoundError
from cas.versions import query, refs, rows
from cas.versions.resolve import resolve
from cas.versions.spec import Spec, Where, Word
from cas.versions.version import State

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cas.ids import VersionId
    from cas.objects.index import Txn
    from cas.repo.repository import Repository
    from cas.versions.version import Version

_BEST_FIRST: Final = (State.LIVE, State.REMOVED, State.COLLECTED)


Key: TypeAlias = "tuple[str, VersionId]"
"""What one version is known by, in whatever layer it is."""


@dataclass(frozen=True, slots=True)
class Use:
    """A version that was made from another."""

    user: Version
    role: str
    """The input's name in the record of `user`."""
    others: tuple[str, ...] = ()
    """Names of other resources that this input may be just as well, sorted."""


@dataclass(frozen=True, slots=True)
class Holder:
    """The version behind an input."""

    version: Version
    others: tuple[str, ...] = ()
    """Names of the other resources that may have been meant just as well, sorted."""


class Records:
    """The records of a repository, live or not."""

    def __init__(self, repository: Repository) -> None:
        self._read = repository.snapshot
        self._layers = repository.config.refs_layers()
        self._names: dict[VersionId, list[str]] | None = None
        self._users: dict[VersionId, set[Key]] | None = None

    def find(self, text: str) -> Version:
        """Find what a spec means, or, where it means nothing alive, what it meant last.

        Raises:
            InvalidError: The spec breaks the grammar, or is ambiguous.
            NotFoundError: There never was such a version.
        """
        spec = Spec.parse(text)
        with self._read() as txn:
            try:
                return resolve(txn, self._layers, spec, include_removed=True)
            except NotFoundError:
                layers = self._layers if spec.layer is None else [spec.layer]
                known = chain.from_iterable(_known(txn, layer, spec.name) for layer in layers)
                meant = [version for version in known if _is_meant(version, spec)]
                if not meant:
                    raise
                return _latest(meant)

    def get(self, name: str, version: VersionId) -> Version | None:
        """Look a version up: in the uppermost layer that has it alive, or else in any that knows it."""
        with self._read() as txn:
            return self._get(txn, name, version)

    def newest(self, name: str) -> Version | None:
        """Return the current version of `name`; if none is live, the one that was made last."""
        with self._read() as txn:
            for layer in self._layers:
                current = refs.current(txn, layer, name)
                if current is not None:
                    return current
            known = [one for layer in self._layers for one in _known(txn, layer, name)]
            return _latest(known) if known else None

    def holder(self, role: str, version: VersionId) -> Holder | None:
        """Find the version that an input called `role` is; None if there is no record of it."""
        with self._read() as txn:
            found = self._get(txn, role, version)
            if found is not None:
                return Holder(found)
            names = _likely(role, self._named(txn, version))
            if not names:
                return None
            best = self._get(txn, names[0], version)
            assert best is not None, "a record outlives everything that happens to its version"
            return Holder(best, tuple(names[1:]))

    def users(self, name: str, version: VersionId) -> list[Use]:
        """List what was made from `name` at `version`, in whatever state it is now, sorted.

        An input that is called as another resource with this very id is that resource.
        """
        with self._read() as txn:
            names = self._named(txn, version)
            found = []
            for key in sorted(self._made_from(txn).get(version, ())):
                user = self._get(txn, *key)
                assert user is not None, "it has just been seen, and records stay"
                for role in sorted(role for role, used in user.inputs.items() if used == version):
                    meant = _likely(role, names)
                    if name in meant:
                        found.append(Use(user, role, tuple(one for one in meant if one != name)))
            return found

    def _get(self, txn: Txn, name: str, version: VersionId) -> Version | None:
        layers = [*self._layers, *(layer for layer in refs.layers(txn) if layer not in self._layers)]
        found = [one for layer in layers if (one := refs.get(txn, layer, name, version)) is not None]
        return min(found, key=lambda one: _BEST_FIRST.index(one.state), default=None)

    def _named(self, txn: Txn, version: VersionId) -> list[str]:
        """List the resources that have or had a version with this id, sorted."""
        if self._names is None:
            self._names = {}
            for key, value in txn.scan(txn.tables.versions):
                if not rows.is_order(value):
                    ref, found = rows.split_version_key(key)
                    self._names.setdefault(found, []).append(rows.split_ref_key(ref)[1])
        return sorted(set(self._names.get(version, ())))

    def _made_from(self, txn: Txn) -> dict[VersionId, set[Key]]:
        """Map each input to what was made from it; the table `dependents` has live versions only."""
        if self._users is None:
            self._users = {}
            for version in refs.all_versions(txn):
                for used in version.inputs.values():
                    self._users.setdefault(used, set()).add((version.name, version.version))
        return self._users


def _likely(role: str, names: list[str]) -> list[str]:
    """Choose whom an input called `role` may mean: whoever is called so, or ends so, or else anybody."""
    if role in names:
        return [role]
    return [name for name in names if name.rpartition("/")[2] == role] or names


def _known(txn: Txn, layer: str, name: str) -> list[Version]:
    return refs.versions(txn, layer, name, include_removed=True)


def _is_meant(version: Version, spec: Spec) -> bool:
    """Whether the spec could have meant `version` while it was live; an id has been looked for already."""
    match spec.selector:
        case None:
            return True
        case Word(text):
            return text in version.tags
        case Where(conditions):
            return query.is_match(version.properties, conditions)
        case _:
            return False


def _latest(versions: Iterable[Version]) -> Version:
    return max(versions, key=lambda version: version.sequence)
