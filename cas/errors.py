"""The public tree of errors, grouped by what a caller would do next.

    CasError
    ├── NotFoundError        (also KeyError)     look the name up again, or create it
    ├── AlreadyExistsError                       choose another name or open what is there
    ├── ConflictError                            decide which of two things wins
    ├── InvalidError         (also ValueError)   correct the input
    ├── ReadOnlyError                            get permission, or write elsewhere
    ├── CorruptError                             verify, repair, recover
    ├── StorageError                             the disk or file system failed
    ├── HookRefusedError                         a hook vetoed the command
    └── InternalError                            report it: a promise of our own broke

Every error names *what* failed, *why* (an observed fact) and a *hint* (one thing to do next).
`code` names the precise failure in kebab-case; codes are only ever added, never renamed, and
each is documented in `docs/errors.md`.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class CasError(Exception):
    """Root of everything `cas` raises on purpose."""

    def __init__(self, what: str, *, code: str, why: str | None = None, hint: str | None = None) -> None:
        super().__init__(what)
        self.code = code
        self.what = what
        self.why = why
        self.hint = hint

    def __str__(self) -> str:
        """Give the one-line form: what failed and the observed fact behind it."""
        return f"{self.what}: {self.why}" if self.why else self.what

    def __reduce__(self) -> tuple[Callable[[], CasError], tuple[()]]:
        """Survive pickling: an error that cannot cross a process boundary hangs a multiprocessing pool."""
        return partial(type(self), self.what, code=self.code, why=self.why, hint=self.hint), ()

    def as_dict(self) -> dict[str, str | None]:
        """Return the four public fields, as `--json` prints them."""
        return {"code": self.code, "what": self.what, "why": self.why, "hint": self.hint}


class NotFoundError(CasError, KeyError):
    """A name, version, object or path does not exist."""

    __str__ = CasError.__str__  # KeyError would print the repr of its argument


class AlreadyExistsError(CasError):
    """Something is already there and would be overwritten."""


class ConflictError(CasError):
    """Two truths for one key: a version with other content, a moved ref, local edits."""


class InvalidError(CasError, ValueError):
    """The input breaks a rule; the message states the rule."""


class ReadOnlyError(CasError):
    """The repository or destination may not be written."""


class CorruptError(CasError):
    """Stored bytes do not match their id, or the index contradicts the packs."""


class StorageError(CasError):
    """The operating system refused: disk full, I/O error, unsupported file system."""


class HookRefusedError(CasError):
    """A pre-hook vetoed the operation."""


class InternalError(CasError):
    """An invariant of `cas` itself does not hold."""
