"""Hooks: code of yours that `cas` calls before and after what it does.

A plug-in is a module or an object whose functions carry the marker `hookimpl` and the names that
`cas.hooks.specs` lists. It is found by an entry point in the group `cas.hooks`:

    [project.entry-points."cas.hooks"]
    policy = "my_package.policy"

    from cas.hooks import PreCommit, hookimpl, refusal

    @hookimpl
    def pre_commit(event: PreCommit) -> None:
        if "source" not in event.properties:
            raise refusal(event, "it has no property 'source'", hint="add `-p source=URL`")

A pre-hook that raises stops the command before anything is visible. A post-hook cannot: what it raises
becomes a note on the result. Executables in `.cas/hooks` and the built-in hooks of `config.yaml` are held to
the same; docs/hooks.md describes all three.
"""

from cas.hooks.dispatch import Hooks, refusal
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
    Subject,
)
from cas.hooks.specs import hookimpl

__all__ = [
    "Hooks",
    "PostCheckout",
    "PostCommit",
    "PostGc",
    "PostRemove",
    "PostRun",
    "PreCheckout",
    "PreCommit",
    "PreGc",
    "PreRemove",
    "PreRun",
    "Subject",
    "hookimpl",
    "refusal",
]
