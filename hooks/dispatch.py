"""Firing hooks through typed methods, so that a type checker sees every firing site.

pluggy would stop at the first implementation that raises and lose its name. Here each implementation is
called on its own, in pluggy's order, so that one broken post-hook hides no other and every refusal says
who refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pluggy

from cas.errors import HookRefusedError
from cas.hooks import specs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cas.hooks.events import (
        PostCheckout,
        PostCommit,
        PostGc,
        PostRemove,
        PreCheckout,
        PreCommit,
        PreGc,
        PreRemove,
    )

    PreEvent = PreCommit | PreCheckout | PreRemove | PreGc
    PostEvent = PostCommit | PostCheckout | PostRemove | PostGc

GROUP: Final = "cas.hooks"
"""The entry point group in which packages announce their plug-ins."""


def refusal(event: PreEvent, why: str, *, hint: str | None = None) -> HookRefusedError:
    """Build the error with which a pre-hook stops the command; raise what this returns."""
    return HookRefusedError(f"cannot {event}", code="hook-refused", why=why, hint=hint)


class Hooks:
    """The plug-ins of one repository. Installed ones are imported when the first hook fires, not before."""

    def __init__(self, *plugins: object, installed: bool = True) -> None:
        """Start with `plugins`; with `installed`, also those that entry points announce."""
        self._manager = pluggy.PluginManager(specs.PROJECT)
        self._manager.add_hookspecs(specs)
        for number, plugin in enumerate(plugins, 1):
            name = getattr(plugin, "__name__", type(plugin).__name__)
            self._manager.register(plugin, f"{name} {number}" if self._manager.has_plugin(name) else name)
        self._is_complete = not installed

    def pre_commit(self, event: PreCommit) -> None:
        """Fire before a version becomes visible.

        Raises:
            HookRefusedError: A plug-in refused, failed or could not be loaded. So for every pre-hook.
        """
        self._ask("pre_commit", event)

    def post_commit(self, event: PostCommit) -> tuple[str, ...]:
        """Fire after a commit; what went wrong in plug-ins comes back as notes. So for every post-hook."""
        return self._tell("post_commit", event)

    def pre_checkout(self, event: PreCheckout) -> None:
        """Fire before the first file is written."""
        self._ask("pre_checkout", event)

    def post_checkout(self, event: PostCheckout) -> tuple[str, ...]:
        """Fire after the destination became the version."""
        return self._tell("post_checkout", event)

    def pre_remove(self, event: PreRemove) -> None:
        """Fire before versions become invisible."""
        self._ask("pre_remove", event)

    def post_remove(self, event: PostRemove) -> tuple[str, ...]:
        """Fire after versions became invisible."""
        return self._tell("post_remove", event)

    def pre_gc(self, event: PreGc) -> None:
        """Fire before a collection starts."""
        self._ask("pre_gc", event)

    def post_gc(self, event: PostGc) -> tuple[str, ...]:
        """Fire after a collection is over."""
        return self._tell("post_gc", event)

    def _ask(self, point: str, event: PreEvent) -> None:
        self._load_installed(event)
        for plugin, call in self._callers(point):
            try:
                call(event=event)
            except HookRefusedError:
                raise
            except Exception as error:
                raise HookRefusedError(
                    f"cannot {event}",
                    code="hook-failed",
                    why=f"the hook {point} of plug-in '{plugin}' failed: {_describe(error)}",
                ) from error

    def _tell(self, point: str, event: PostEvent) -> tuple[str, ...]:
        notes = []
        for plugin, call in self._callers(point):
            try:
                call(event=event)
            except Exception as error:  # noqa: BLE001 - what has been done is done; the note says what went wrong
                notes.append(f"the hook {point} of plug-in '{plugin}' failed: {_describe(error)}")
        return tuple(notes)

    def _callers(self, point: str) -> Iterator[tuple[str, Any]]:
        """Each implementation of `point` alone, with the name of its plug-in, first to last."""
        caller = getattr(self._manager.hook, point)
        plugins = self._manager.get_plugins()
        for implementation in reversed(caller.get_hookimpls()):
            others = plugins - {implementation.plugin}
            yield implementation.plugin_name, self._manager.subset_hook_caller(point, others)

    def _load_installed(self, event: PreEvent) -> None:
        """Import what entry points announce, once.

        Only pre-hooks do it: every operation fires one first, and there a broken plug-in can still stop it.
        """
        if self._is_complete:
            return
        from importlib.metadata import entry_points  # noqa: PLC0415 - 30 ms that a command which only looks need not pay

        for entry in entry_points(group=GROUP):
            try:
                plugin = entry.load()
                if not self._manager.is_registered(plugin):
                    self._manager.register(plugin, name=entry.name)
                self._manager.check_pending()  # a misspelt point would be a policy that never runs
            except Exception as error:
                raise HookRefusedError(
                    f"cannot {event}",
                    code="hook-unloadable",
                    why=f"plug-in '{entry.name}' ({entry.value}) does not load: {_describe(error)}",
                    hint="repair or uninstall the package that announces it",
                ) from error
        self._is_complete = True


def _describe(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
