"""Making a repository: all of it or nothing."""

from __future__ import annotations

import os
import secrets
import shutil
from typing import TYPE_CHECKING

from cas import config as configuration
from cas import fs
from cas.errors import AlreadyExistsError
from cas.layout import DIRECTORY_NAME, Layout
from cas.maintenance import reserve
from cas.objects.index import Index

if TYPE_CHECKING:
    from pathlib import Path


def create(directory: Path) -> Layout:
    """Make the repository `directory/.cas`; `directory` is created if needed.

    It is put together under a temporary name and renamed, so a crash leaves no half of a repository.

    Raises:
        AlreadyExistsError: There is one already.
        InvalidError: The directory is on a network file system.
    """
    home = directory.absolute()
    root = home / DIRECTORY_NAME
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


def _exists(root: Path) -> AlreadyExistsError:
    return AlreadyExistsError(
        f"cannot make a repository at '{root}'",
        code="repository-exists",
        why="there is one already",
        hint="cas ls",
    )
