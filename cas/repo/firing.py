"""How the hooks of an open repository are fired; `Repository.set_hooks` says it, the first event uses it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable

    from cas.hook_settings import HookSettings
    from cas.hooks import Hooks
    from cas.hooks.dispatch import Trace
    from cas.layout import Layout


class Firing(msgspec.Struct, frozen=True):
    """What whoever opened the repository says about its hooks."""

    plugins: tuple[object, ...] = ()
    """Plug-ins of the program, besides those of installed packages."""
    are_fired: bool = True
    """False fires none at all."""
    has_executables: bool = True
    """False leaves those of the repository out."""
    actor: str = ""
    """Who acts, for the audit log."""
    trace: Trace | None = None
    """Told about every call."""

    def hooks(self, layout: Layout, settings: HookSettings, clock_ns: Callable[[], int]) -> Hooks:
        """Put the hooks together."""
        from cas.hooks import Hooks  # noqa: PLC0415 - pluggy, for a command that only looks
        from cas.hooks.builtin import built_in  # noqa: PLC0415 - as above
        from cas.hooks.scripts import Scripts  # noqa: PLC0415 - as above

        if not self.are_fired:
            return Hooks(installed=False)
        scripts = Scripts(layout.root, layout.hooks, timeout_s=settings.timeout_s)
        return Hooks(
            *self.plugins,
            built_in=built_in(layout, settings, clock_ns=clock_ns, actor=self.actor),
            scripts=scripts if self.has_executables else None,
            trace=self.trace,
        )
