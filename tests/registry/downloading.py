"""Downloads as programs make them: without a repository, and in processes of their own."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from cas.lookup import default_view
from cas.registry.downloads import Result, download
from cas.registry.entry import RemoteEntry
from cas.remotes.settings import Settings
from cas.repo import Repository
from tests.processes import say

if TYPE_CHECKING:
    from collections.abc import Sequence


def without_repository(*entries: RemoteEntry, is_offline: bool = False) -> Sequence[Result]:
    """Download into the layer alone."""
    return download(entries, view=default_view(), settings=Settings(), is_offline=is_offline)


def in_a_child(here: str, url: str, dst_path: str) -> None:
    """Wait for a word, download one file in `here`, and say what that did."""
    os.chdir(here)
    with Repository.open(Path(here)) as repository:
        say("ready")
        sys.stdin.readline()
        (result,) = download(
            [RemoteEntry("net", dst_path, url)],
            view=repository.view(),
            repository=repository,
            settings=Settings(),
        )
    say(result.outcome.value, result.is_committed)
