"""Scan: files that come from outside become versions, by rules.

A version is the hash of its properties, so what a path says about a file is not enough: when the file changes
under its path, it must become another version. So each version that a scan makes also has the property
`content`, the content id, as a resource without any properties has. Scanning twice gives the same versions;
a file that changed gives one more.

All files are read and all versions worked out before the first is committed, so that a rule which is wrong
leaves nothing behind. What NAME alone means after a scan is the last of its files, by the values of the
placeholders from left to right, whatever order they came in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from msgspec.structs import replace

from cas import fs
from cas.errors import ConflictError, InvalidError
from cas.graph.scan_file import load_rules
from cas.progress import Silent
from cas.repo.results import Outcome
from cas.versions.identity import CONTENT_PROPERTY, version_id
from cas.versions.names import parse_new_name
from cas.versions.properties import canonical, check_properties

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from cas.graph.patterns import Match
    from cas.graph.scan_file import Rule
    from cas.ids import VersionId
    from cas.progress import Progress
    from cas.repo.repository import Repository
    from cas.versions.values import JSON
    from cas.versions.version import Version

_SILENT = Silent()

_Key: TypeAlias = "tuple[str, bytes]"
"""Name and canonical properties, `content` left out: what one path of a rule is, whatever it holds."""


@dataclass(frozen=True, slots=True)
class Scanned:
    """A path that was found, and the version that it is."""

    path: str
    """As the rule has it: relative to the directory of the scan file, or absolute."""
    outcome: Outcome
    """CREATED, UNCHANGED or WOULD_CREATE."""
    version: Version


@dataclass(frozen=True, slots=True)
class ScanReport:
    """What a scan found and did."""

    scanned: tuple[Scanned, ...]
    """By name, and within one by the values of the placeholders."""
    vanished: tuple[Version, ...]
    """The newest version of each path that an earlier scan found and this one did not. They stay."""
    notes: tuple[str, ...]
    """What was left out, and why."""


@dataclass(frozen=True, slots=True)
class _Found:
    """A path that is to be a version."""

    match: Match
    name: str
    properties: Mapping[str, JSON]
    """Without `content`."""
    preview: Version
    """What the content alone would be."""

    @property
    def key(self) -> _Key:
        return _key(self.name, self.properties)

    @property
    def full(self) -> dict[str, JSON]:
        """The properties of the version."""
        return {**self.properties, CONTENT_PROPERTY: str(self.preview.content)}

    @property
    def version(self) -> VersionId:
        """The id of the version."""
        return version_id(self.full, {})


def scan(
    repository: Repository,
    file: Path,
    *,
    dry_run: bool = False,
    origin: str = "",
    progress: Progress = _SILENT,
) -> ScanReport:
    """Commit what the rules in `file` find.

    Args:
        repository: Where to.
        file: The YAML file; relative paths in it begin at its directory.
        dry_run: Read and decide, but store nothing.
        origin: Who or what made the versions, for their records.
        progress: Told about files as they are read.

    Raises:
        InvalidError: A rule is none, or a path gives a name or a property that cannot be; nothing was stored.
        ConflictError: Two paths give one name the same properties and differ; nothing was stored.
        NotFoundError: There is no such file.
        StorageError: A file kept changing while it was read.
    """
    rules = load_rules(file)
    notes: list[str] = []
    matches = [(rule, match) for rule in rules for match in _matches(rule, file.parent, notes)]
    progress.start("scanning", len(matches), "files")
    found: dict[_Key, _Found] = {}
    for rule, match in matches:
        one = _read(repository, rule, match, file.parent)
        _keep(found, one, notes)
        progress.advance(1)
    ordered = sorted(found.values(), key=lambda one: one.name)  # stable: within a name as they were found
    there = repository.lookup((one.name, one.version) for one in ordered)
    scanned = tuple(
        _settle(
            repository, one, file.parent, there.get((one.name, one.version)), dry_run=dry_run, origin=origin
        )
        for one in ordered
    )
    if not dry_run:
        _point(repository, ordered, file.parent, origin)
    return ScanReport(scanned, tuple(_vanished(repository, rules, found)), tuple(notes))


def _matches(rule: Rule, base: Path, notes: list[str]) -> list[Match]:
    """List the paths of a rule, in the order of what their placeholders stand for."""
    kept, others, home = [], 0, base.resolve()
    for match in rule.path.matches(base):
        path = base / match.path
        if not rule.path.is_absolute and not path.resolve().is_relative_to(home):
            notes.append(f"'{match.path}' leads out of the directory of the file; write an absolute path")
        elif _is_fit(rule, path):
            kept.append(match)
        else:
            others += 1
    if others:
        kind = "directories" if rule.is_directory else "files"
        notes.append(f"'{rule.path.text}' matches {others} that are no {kind}, as its type says")
    if not kept:
        notes.append(f"'{rule.path.text}' matches nothing")
    return sorted(kept, key=lambda match: ([*match.values.values()], match.path))


def _is_fit(rule: Rule, path: Path) -> bool:
    with fs.explained(f"cannot read '{path}'"):
        return path.is_dir() if rule.is_directory else path.is_file()


def _read(repository: Repository, rule: Rule, match: Match, base: Path) -> _Found:
    """Work out the name and the properties of a path, and hash what is there.

    Raises:
        InvalidError: They break a rule.
    """
    try:
        name = parse_new_name(rule.name.expand(match.values))
        properties = check_properties({**rule.properties, **match.values})
    except InvalidError as error:
        raise InvalidError(
            f"cannot scan '{match.path}'", code=error.code, why=str(error), hint=error.hint
        ) from None
    preview = repository.commit(name, base / match.path, dry_run=True)
    return _Found(match, name, properties, preview.version)


def _keep(found: dict[_Key, _Found], one: _Found, notes: list[str]) -> None:
    """Add a path, unless another is the same already.

    Raises:
        ConflictError: Another says the same about other content.
    """
    other = found.setdefault(one.key, one)
    if other is one:
        return
    if other.preview.content.id != one.preview.content.id:
        raise ConflictError(
            f"cannot scan '{one.match.path}'",
            code="scan-conflict",
            why=f"'{other.match.path}' has the same name, '{one.name}', and the same properties, "
            "and other content",
            hint="put what tells them apart into a placeholder or a property of the rule",
        )
    notes.append(f"'{one.match.path}' is the same as '{other.match.path}'")


def _settle(  # noqa: PLR0913 - two switches of the caller
    repository: Repository, one: _Found, base: Path, there: Version | None, *, dry_run: bool, origin: str
) -> Scanned:
    """Commit a path unless its version is there."""
    if there is not None:
        return Scanned(one.match.path, Outcome.UNCHANGED, there)
    if dry_run:
        record = replace(one.preview.record, properties=one.full, version=one.version)
        return Scanned(one.match.path, Outcome.WOULD_CREATE, replace(one.preview, record=record, tags=()))
    return Scanned(one.match.path, Outcome.CREATED, _commit(repository, one, base, origin))


def _commit(repository: Repository, one: _Found, base: Path, origin: str) -> Version:
    """Commit a path as what it holds now, even if that is not what was hashed."""
    message = f"scan of {one.match.path}"
    return repository.commit(
        one.name,
        base / one.match.path,
        properties=one.properties,
        by_content=True,
        message=message,
        origin=origin,
    ).version


def _point(repository: Repository, ordered: Iterable[_Found], base: Path, origin: str) -> None:
    """Make each name mean the last of its paths, which a commit of the same content does."""
    last = {one.name: one for one in ordered}
    for name, one in last.items():
        if repository.resolve(name).version != one.version:
            _commit(repository, one, base, origin)


def _vanished(
    repository: Repository, rules: Iterable[Rule], found: Mapping[_Key, _Found]
) -> Iterator[Version]:
    """Find the versions that a scan by these rules made of paths that it does not find now."""
    met = set(found)
    for rule in rules:
        for listing in repository.names(rule.name.prefix):
            for version in repository.versions(listing.name):
                key = _key(version.name, _without_content(version))
                if key not in met and _is_made_by(rule, version):
                    met.add(key)
                    yield version


def _is_made_by(rule: Rule, version: Version) -> bool:
    """Whether a scan by `rule` may have made `version`."""
    properties = version.properties
    return (
        not version.inputs
        and properties.keys() == rule.keys
        and canonical({key: properties[key] for key in rule.properties}) == canonical(dict(rule.properties))
        and rule.name.expand(properties) == version.name
    )


def _without_content(version: Version) -> dict[str, JSON]:
    return {key: value for key, value in version.properties.items() if key != CONTENT_PROPERTY}


def _key(name: str, properties: Mapping[str, JSON]) -> _Key:
    return name, canonical(dict(properties))
