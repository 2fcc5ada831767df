"""What a host adds to a resource: a repository, room to work, somebody to tell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cas.repo.repository import Repository


@dataclass(frozen=True, slots=True)
class Environment:
    """The settings of one host. Nothing of it reaches a record, a version or a pickle."""

    repository: Repository
    """Where payloads are stored and found."""
    workspace: Path
    """A directory that exists; resources make folders of their own in it. It is the caller's to delete."""
    log: Callable[[str], None]
    """Told what was stored, in a sentence."""
    origin: str = ""
    """Who or what commits, for the record."""
