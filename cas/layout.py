"""Where things are inside `.cas/`; nothing else in the program spells these names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cas import fs
from cas.errors import NotFoundError

if TYPE_CHECKING:
    from pathlib import Path

    from cas.ids import PackId

DIRECTORY_NAME = ".cas"
"""The repository's directory, below the directory that it serves."""

_ENOUGH_PARTS: Final = 2
"""Of configuration, packs, journal and index: with so many, it is a repository and no accident."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Paths of one repository."""

    root: Path
    """The `.cas` directory itself, absolute."""

    @property
    def config(self) -> Path:
        """Format version, feature flags, layers, chunker: YAML for humans."""
        return self.root / "config.yaml"

    @property
    def index(self) -> Path:
        """The directory of the LMDB environment."""
        return self.root / "index"

    @property
    def packs(self) -> Path:
        """Sealed packs, in 256 folders by the first two hex digits of their id."""
        return self.root / "packs"

    @property
    def journal(self) -> Path:
        """Events that move refs, so that the index can be lost."""
        return self.root / "journal"

    @property
    def sessions(self) -> Path:
        """One locked file for each running writer."""
        return self.root / "sessions"

    @property
    def tmp(self) -> Path:
        """Unsealed packs of live sessions, one folder each."""
        return self.root / "tmp"

    @property
    def views(self) -> Path:
        """Read-only materialised content; a cache."""
        return self.root / "views"

    @property
    def hooks(self) -> Path:
        """Executables, one per hook point."""
        return self.root / "hooks"

    @property
    def audit_log(self) -> Path:
        """What was done, as JSON lines, if `config.yaml` asks for it."""
        return self.root / "audit.jsonl"

    @property
    def gc_lock(self) -> Path:
        """Locked by whoever collects, repairs or recovers."""
        return self.root / "gc.lock"

    @property
    def reserve(self) -> Path:
        """Room that gc may use when the disk is full."""
        return self.root / "reserve"

    @property
    def damaged(self) -> Path:
        """Packs that `verify --repair` took out of service, kept as evidence."""
        return self.root / "damaged"

    @property
    def index_draft(self) -> Path:
        """An index that `recover` is building."""
        return self.root / "index.new"

    def pack(self, pack: PackId) -> Path:
        """Where the sealed pack `pack` lives."""
        name = str(pack)
        return self.packs / name[:2] / f"{name}.pack"

    @classmethod
    def at(cls, directory: Path) -> Layout:
        """Take `directory` as the one that holds `.cas/`, or as `.cas/` itself.

        Raises:
            NotFoundError: It is neither.
            ReadOnlyError: It may not be looked at.
        """
        here = directory.absolute()
        for candidate in (here / DIRECTORY_NAME, here):
            if is_repository(candidate):
                return cls(candidate)
        raise _not_a_repository(here, why="it holds no repository '.cas' and is none itself")

    @classmethod
    def find(cls, start: Path) -> Layout:
        """Walk up from `start` to the nearest directory that holds a repository.

        Raises:
            NotFoundError: There is none up to the root of the file system.
            ReadOnlyError: What is on the way may not be looked at.
        """
        here = start.absolute()
        for folder in (here, *here.parents):
            if is_repository(folder / DIRECTORY_NAME):
                return cls(folder / DIRECTORY_NAME)
        raise _not_a_repository(here, why="neither it nor any directory above it holds a repository '.cas'")


def is_repository(root: Path) -> bool:
    """Whether `root` is a repository, be it one that has lost parts: those who use it say which.

    A `config.yaml` says so only in a directory called `.cas`: other programs have files of that name.

    Raises:
        ReadOnlyError: It may not be looked at.
    """
    layout = Layout(root)
    with fs.explained(f"cannot look for a repository at '{root}'"):
        has_config = layout.config.is_file()
        if has_config and root.name == DIRECTORY_NAME:
            return True
        folders = (layout.packs, layout.journal, layout.index)
        return has_config + sum(folder.is_dir() for folder in folders) >= _ENOUGH_PARTS


def _not_a_repository(where: Path, *, why: str) -> NotFoundError:
    return NotFoundError(
        f"cannot find a repository at '{where}'",
        code="no-repository",
        why=why,
        hint="run `cas init`, or name one with --repo DIR",
    )
