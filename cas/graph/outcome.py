"""What became of the modules of a run: frozen values, ready to be printed or inspected."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from cas.errors import CasError
    from cas.graph.plan import PlannedOutput
    from cas.ids import Content
    from cas.repo.results import CommitResult


class State(StrEnum):
    """What happened to a module. The values are the wire form."""

    BUILT = "built"
    SKIPPED = "skipped"
    """What it makes is there, or nobody needs it; of a check: there is nothing to compare with."""
    FAILED = "failed"
    NOT_RUN = "not-run"
    """It needs what a failed module would have made."""
    SAME = "same"
    """Checked: it made the same bytes again."""
    DIFFERENT = "different"
    """Checked: it made other bytes of the same version."""


@dataclass(frozen=True, slots=True)
class Mismatch:
    """An output of which a second build made other bytes."""

    output: PlannedOutput
    stored: Content
    """What the repository has."""
    made: Content
    """What came out this time; it was not stored."""


@dataclass(frozen=True, slots=True)
class ModuleResult:
    """What happened to one module."""

    module: str
    state: State
    outputs: tuple[PlannedOutput, ...]
    """What it makes, in the order of the module; whether they exist is as it was before the run."""
    reasons: tuple[str, ...] = ()
    """Why it was to be built, or was not, in words."""
    made: tuple[CommitResult, ...] = ()
    """What was committed; of a failed module too, see invariant 2 of `cas.graph.wrapper`."""
    seconds: float = 0.0
    """How long it took, commits included."""
    mismatches: tuple[Mismatch, ...] = ()
    error: CasError | None = None
    """Why it failed."""
    blockers: tuple[str, ...] = ()
    """The failed modules because of which it did not run."""
    kept: Path | None = None
    """The folder that it worked in, if that was to be kept."""
    notes: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """Bytes of what was committed."""
        return sum(one.size for one in self.made)


@dataclass(frozen=True, slots=True)
class RunReport:
    """What a run did."""

    modules: tuple[ModuleResult, ...]
    """Every module of the graph, makers first."""
