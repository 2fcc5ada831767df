"""Everything ambient that fetching depends on, handed in by whoever may look at it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Settings:
    """The environment and the home directory of the user; neither is ever looked up by the library.

    Credentials are in there, so it does not show what it holds.
    """

    environment: Mapping[str, str] = field(repr=False, default_factory=dict)
    """Environment variables. Which of them count is in `docs/decisions/0012-downloads.md`."""
    home: Path | None = None
    """Where `.aws` and `.config/gcloud` are; None where there is no home."""

    def first(self, *names: str) -> str | None:
        """The first of these variables that is set to something."""
        return next((value for name in names if (value := self.environment.get(name))), None)

    def file_in_home(self, *parts: str) -> Path | None:
        """The path of a file below the home directory, if there is such a file."""
        if self.home is None:
            return None
        path = self.home.joinpath(*parts)
        return path if path.is_file() else None
