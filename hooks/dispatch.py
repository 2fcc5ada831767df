"""Firing hooks through typed methods, so that a type checker sees every firing site.

At each point the built-in hooks are called first, then plug-ins, then the executable. Before a command the
first that does not agree stops it; after one all are called, and what went wrong becomes notes. So one
broken post-hook hides no other, and every refusal says who refused.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, TypeAlias

from cas.errors import HookRefusedError
from cas.hooks.calls import Kind, make_call
from cas.hooks.events import POINTS, is_before
from cas.hooks.plugins import Plugins

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from cas.hooks.calls import Hook, HookCall
    from cas.hooks.events import (
        After,
        Before,
        Event,
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
    from cas.hooks.scripts import Scripts

Trace: TypeAlias = "Callable[[HookCall], None]"
"""Told about every call of a hook, when it is over; must not raise."""


def refusal(event: Before, why: str, *, hint: str | None = None) -> HookRefusedError:
    """Build the error with which a pre-hook stops the command; raise what this returns."""
    return HookRefusedError(f"cannot {event}", code="hook-refused", why=why, hint=hint)


class Hooks:
    """The hooks of one repository; threads may share them.

    Executables are looked for, and installed plug-ins imported, when the first hook fires, not before.
    """

    def __init__(
        self,
        *plugins: object,
        built_in: Mapping[str, object] | None = None,
        installed: bool = True,
        scripts: Scripts | None = None,
        trace: Trace | None = None,
    ) -> None:
        """Gather hooks.

        Args:
            plugins: Objects or modules with functions that carry `hookimpl`.
            built_in: Such objects of `cas` itself, by their keys in `config.yaml`.
            installed: Whether to take the plug-ins that entry points announce, too.
            scripts: The executables of the repository.
            trace: Told about every call.
        """
        self._plugins = Plugins(plugins, built_in or {})
        self._has_installed = installed
        self._scripts = scripts
        self._trace = trace
        self._lock = threading.Lock()
        self._found: dict[str | None, list[Hook]] | None = None

    def pre_commit(self, event: PreCommit) -> None:
        """Fire before a version becomes visible.

        Raises:
            HookRefusedError: A hook refused, failed or cannot be called. So for every pre-hook.
        """
        self._ask("pre_commit", event)

    def post_commit(self, event: PostCommit) -> tuple[str, ...]:
        """Fire after a commit; what went wrong in hooks comes back as notes. So for every post-hook."""
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

    def pre_run(self, event: PreRun) -> None:
        """Fire before a module runs."""
        self._ask("pre_run", event)

    def post_run(self, event: PostRun) -> tuple[str, ...]:
        """Fire after a module has run, well or not."""
        return self._tell("post_run", event)

    def listing(self) -> list[Hook]:
        """List every hook, by point, in the order of their calls; what is of no point comes first."""
        found = self._find()
        return [hook for point in (None, *POINTS) for hook in found[point]]

    def try_out(self, point: str, event: Event) -> list[HookCall]:
        """Call every hook of `point`, also after a refusal, though nothing happens."""
        return list(self._calls(point, event, is_trial=True))

    def _ask(self, point: str, event: Before) -> None:
        for call in self._calls(point, event):
            if call.error is not None:
                raise call.error

    def _tell(self, point: str, event: After) -> tuple[str, ...]:
        return tuple(call.reason for call in self._calls(point, event) if call.error is not None)

    def _calls(self, point: str, event: Event, *, is_trial: bool = False) -> Iterator[HookCall]:
        found = self._find()
        # What cannot be used at all might have been meant for any point: it stops whatever can be stopped.
        stray = found[None] if is_before(point) else []
        for hook in (*stray, *found[point]):
            if is_trial and hook.kind is Kind.BUILT_IN and not is_before(point):
                continue  # it would write down what has not happened
            call = make_call(hook, event, point)
            if self._trace is not None:
                self._trace(call)
            yield call

    def _find(self) -> Mapping[str | None, list[Hook]]:
        with self._lock:
            if self._found is None:
                stray = self._plugins.load_installed() if self._has_installed else []
                scripts = self._scripts.find() if self._scripts is not None else []
                hooks = [*stray, *(hook for point in POINTS for hook in self._plugins.at(point)), *scripts]
                self._found = {
                    point: [hook for hook in hooks if hook.point == point] for point in (None, *POINTS)
                }
            return self._found
