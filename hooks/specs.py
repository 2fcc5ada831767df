"""The points at which `cas` calls plug-ins. Reading this file is learning how to extend the program.

Each point has one argument, `event`, the value of the same name in `cas.hooks.events`. Pre-hooks may stop
the command by raising `HookRefusedError` (`cas.hooks.refusal` builds one); any other exception stops it
too, because a policy that crashed has not agreed. Post-hooks come too late to stop anything: what they
raise is reported as a note.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pluggy

if TYPE_CHECKING:
    from cas.hooks.events import (
        PostCheckout,
        PostCommit,
        PostGc,
        PostRemove,
        PostRun,
        PreCheckout,
        PreCommit,
        PreGc,
        PreRemove,
        PreRun,
    )

PROJECT: Final = "cas"

hookimpl = pluggy.HookimplMarker(PROJECT)
"""Marks a function of a plug-in as the implementation of the point that it is named after."""

_spec = pluggy.HookspecMarker(PROJECT)


@_spec
def pre_commit(event: PreCommit) -> None:
    """Before a version becomes visible; its content id and size are known."""


@_spec
def post_commit(event: PostCommit) -> None:
    """After a version became durable and visible."""


@_spec
def pre_checkout(event: PreCheckout) -> None:
    """Before the first file is written at the destination."""


@_spec
def post_checkout(event: PostCheckout) -> None:
    """After the destination became the version."""


@_spec
def pre_remove(event: PreRemove) -> None:
    """Before versions become invisible."""


@_spec
def post_remove(event: PostRemove) -> None:
    """After versions became invisible."""


@_spec
def pre_gc(event: PreGc) -> None:
    """Before a collection starts."""


@_spec
def post_gc(event: PostGc) -> None:
    """After a collection is over."""


@_spec
def pre_run(event: PreRun) -> None:
    """Before a module of a graph runs; one whose outputs all exist does not run."""


@_spec
def post_run(event: PostRun) -> None:
    """After a module of a graph has run, well or not."""
