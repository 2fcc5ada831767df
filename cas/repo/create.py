"""Making a repository: all of it or nothing."""

from __future__ import annotations

import os
import secrets
import shutil
from typing import TYPE_CHECKING

from cas import config as configuration
from cas import fs
from cas.errors import AlreadyExistsError, InvalidError
from cas.layout import DIRECTORY_NAME, Layout, is_repository
from cas.maintenance import reserve
from cas.objects.index import Index

if TYPE_CHECKING:
    from pathlib import Path


def create(directory: Path) -> Layout:
    """Make the repository `directory/.cas`; `directory` is created if needed.

    It is put together under a temporary name and renamed, so a crash leaves no half of a repository.

    Raises:
        AlreadyExistsError: There is one already.
        InvalidError: The directory is on a network file system, or is part of a repository.
    """
    home = directory.absolute()
    root = home / DIRECTORY_NAME
    _refuse_repository(home)
    with fs.explained(f"cannot make a repository in '{home}'"):
        home.mkdir(parents=True, exist_ok=True)
        if root.exists():
            raise _exists(root)
        draft = Layout(home / f"{DIRECTORY_NAME}.{secrets.token_hex(4)}.tmp")
        draft.root.mkdir()
        try:
            _fill(draft)
            os.rename(draft.root, root)
        except BaseException as error:
            shutil.rmtree(draft.root, ignore_errors=True)
            if isinstance(error, OSError) and root.exists():
                raise _exists(root) from error
            raise
        fs.fsync_directory(home)
    return Layout(root)


def _fill(draft: Layout) -> None:
    for folder in (
        draft.index,
        draft.packs,
        draft.journal,
        draft.sessions,
        draft.tmp,
        draft.views,
        draft.hooks,
    ):
        folder.mkdir()
    reserve.create(draft)
    Index.open(draft.index, create=True).close()
    configuration.save(draft, configuration.new())
    fs.fsync_directory(draft.root)


def _refuse_repository(home: Path) -> None:
    """Leave alone what belongs to a repository: its gc would delete what it does not know."""
    real = home.resolve()
    for folder in (real, *real.parents):
        if folder.name == DIRECTORY_NAME and is_repository(folder):
            raise InvalidError(
                f"cannot make a repository in '{home}'",
                code="inside-repository",
                why=f"it is part of the repository '{folder}'",
                hint="choose another directory",
            )


def _exists(root: Path) -> AlreadyExistsError:
    if not is_repository(root):
        return AlreadyExistsError(
            f"cannot make a repository at '{root}'",
            code="repository-exists",
            why="something else is there already",
            hint=f"move '{root}' away and run the same command again",
        )
    return AlreadyExistsError(
        f"cannot make a repository at '{root}'",
        code="repository-exists",
        why="there is one already",
        hint="cas ls",
    )
