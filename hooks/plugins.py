"""Hooks in Python: what `cas` brings, what a program registers, what packages announce.

pluggy would stop at the first implementation that raises and lose its name, so each is called on its own,
in pluggy's order.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

import pluggy

from cas.hooks import specs
from cas.hooks.calls import Hook, Kind, describe, failing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from importlib.metadata import EntryPoint

    from cas.hooks.events import Event

GROUP: Final = "cas.hooks"
"""The entry point group in which packages announce their plug-ins."""


class Plugins:
    """The plug-ins of one repository."""

    def __init__(self, plugins: Sequence[object], built_in: Mapping[str, object]) -> None:
        """Register `plugins`, which are called by the names of their classes, and `built_in` by key."""
        self._manager = pluggy.PluginManager(specs.PROJECT)
        self._manager.add_hookspecs(specs)
        self._origins: dict[str, tuple[Kind, str]] = {}
        for number, plugin in enumerate(plugins, 1):
            name = getattr(plugin, "__name__", type(plugin).__name__)
            free = f"{name} {number}" if self._manager.has_plugin(name) else name
            self._register(plugin, free, Kind.PLUGIN, "the program that opened the repository")
        for name, plugin in built_in.items():
            self._register(plugin, name, Kind.BUILT_IN, "config.yaml")

    def load_installed(self) -> list[Hook]:
        """Import what entry points announce; what cannot be used comes back, each as a hook that fails."""
        from importlib.metadata import entry_points  # noqa: PLC0415 - 30 ms that a command which only looks need not pay

        return [hook for entry in entry_points(group=GROUP) if (hook := self._load(entry)) is not None]

    def at(self, point: str) -> list[Hook]:
        """List the implementations of `point`, in the order of their calls."""
        caller = getattr(self._manager.hook, point)
        plugins = self._manager.get_plugins()
        hooks = []
        for implementation in reversed(caller.get_hookimpls()):
            others = plugins - {implementation.plugin}
            alone = self._manager.subset_hook_caller(point, others)
            kind, origin = self._origins[implementation.plugin_name]
            hooks.append(Hook(point, kind, implementation.plugin_name, origin, partial(_call, alone)))
        return hooks

    def _load(self, entry: EntryPoint) -> Hook | None:
        origin = f"{entry.dist.name} {entry.dist.version}" if entry.dist is not None else entry.value
        try:
            plugin = entry.load()
            if not self._manager.is_registered(plugin):
                self._register(plugin, entry.name, Kind.PLUGIN, origin)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - importing runs code that is not ours
            return _unloadable(entry, origin, error)
        try:
            self._manager.check_pending()  # a misspelt point would be a policy that never runs
        except pluggy.PluginValidationError as error:
            self._manager.unregister(plugin)  # or it would be held against those that come after it
            return _unloadable(entry, origin, error)
        return None

    def _register(self, plugin: object, name: str, kind: Kind, origin: str) -> None:
        self._manager.register(plugin, name)
        self._origins[name] = (kind, origin)


def _call(caller: Any, event: Event) -> str:  # noqa: ANN401 - pluggy's relay is untyped
    caller(event=event)
    return ""


def _unloadable(entry: EntryPoint, origin: str, error: BaseException) -> Hook:
    words = f"({entry.value}) does not load: {describe(error)}"
    hint = "repair or uninstall the package that announces it"
    return Hook(
        None,
        Kind.PLUGIN,
        entry.name,
        origin,
        call=failing(words, code="hook-unloadable", hint=hint),
        problem=words,
    )
