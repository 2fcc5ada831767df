"""The one name that content never gets on disk: a repository's.

Whoever runs `cas` in a directory that holds a `.cas`, or anywhere below it, has the hooks in there run and
its index believed. So nothing that is checked out, handed out, copied or mounted is called so, at any depth,
nor by a name that some file systems do not tell from it. `ingest` leaves it out of what is committed.
"""

from __future__ import annotations

import os
from typing import Final

from cas.errors import InvalidError
from cas.layout import DIRECTORY_NAME

_NAME: Final = os.fsencode(DIRECTORY_NAME)


def is_reserved(name: bytes) -> bool:
    """Whether a name is that of repositories, in any case."""
    return len(name) == len(_NAME) and name.lower() == _NAME


def has_reserved(path: bytes) -> bool:
    """Whether a component of a path is."""
    return any(map(is_reserved, path.split(b"/")))


def refused(path: str, *, hint: str) -> InvalidError:
    """Build the error for content at `path` that would pass for a repository."""
    return InvalidError(
        f"cannot write '{path}'",
        code="inside-repository",
        why=f"'{DIRECTORY_NAME}' is the name of repositories, and what is in one would be run",
        hint=hint,
    )
