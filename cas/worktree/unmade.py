"""Errors of files that are made under a temporary path, which means nothing to the user."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from cas import fs
from cas.errors import CorruptError, InvalidError
from cas.worktree import reserved

if TYPE_CHECKING:
    from collections.abc import Callable

    from cas.errors import CasError
    from cas.worktree.wanted import Place


TAKE_ANOTHER_PART: Final = "take a part of the version that is without it, with --path"


class UnmadeError(Exception):
    """A file could not be made; who knows where it was to go in the end says so.

    It is made under a temporary path, which means nothing to the user.
    """

    def __init__(self, directory: bytes, name: bytes, explain: Callable[[str], CasError]) -> None:
        """`explain` gives the error for the user, from the path that it was to have in the end."""
        super().__init__()
        self.path = os.path.join(directory, name)
        self.explain = explain


def name_collision(directory: bytes, name: bytes) -> UnmadeError:
    """Explain why a name in a fresh directory is taken: the tree has it in another case or normal form."""
    return UnmadeError(
        directory,
        name,
        lambda path: InvalidError(
            f"cannot write '{path}'",
            code="name-collision",
            why="this file system takes it for the same name as another one in its directory",
            hint="check out to a case-sensitive file system, or take a part with --path",
        ),
    )


def not_safe(directory: bytes, name: bytes) -> UnmadeError:
    """Explain why a tree that holds a repository is not written."""
    return UnmadeError(directory, name, lambda path: reserved.refused(path, hint=TAKE_ANOTHER_PART))


def not_written(place: Place, error: OSError) -> UnmadeError:
    """Explain what the system refused."""
    return UnmadeError(
        place.directory, place.name, lambda path: fs.explain(_bare(error), f"cannot write '{path}'")
    )


def _bare(error: OSError) -> OSError:
    """Drop the path of an error: it is a temporary one."""
    return OSError(error.errno, error.strerror)


def not_read(place: Place, error: CasError) -> UnmadeError:
    """Explain that the bytes of a file are damaged or missing."""
    kind = type(error)
    return UnmadeError(
        place.directory,
        place.name,
        lambda path: kind(f"cannot write '{path}'", code=error.code, why=str(error), hint=error.hint),
    )


def wrong_size(place: Place, size: int) -> UnmadeError:
    """Explain that a tree promised another size than its blob has."""
    why = f"its directory's entry says {place.size} bytes, the blob has {size}"
    return UnmadeError(
        place.directory,
        place.name,
        lambda path: CorruptError(
            f"cannot write '{path}'", code="size-mismatch", why=why, hint="run `cas verify`"
        ),
    )
