"""The life of a resource: its stages, and which call is allowed in which.

    declared → new → configured → written → committed ┐
                         │  └─→ available ────────────┼→ cleaned → configured → …
                         └─→ removed                  ┘

`clean()` is allowed everywhere, and leads to *cleaned* from every stage that knows of a host. For the other
calls the table below is the only place that says what may be called when.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

from cas.errors import InvalidError

if TYPE_CHECKING:
    from collections.abc import Mapping


class Stage(StrEnum):
    """Where in its life a resource object is."""

    DECLARED = "declared"
    """It has a name and no version: a prototype, as graphs hold them."""
    NEW = "new"
    """Registered: properties and version are known and never change again."""
    CONFIGURED = "configured"
    """It knows the host that it is on."""
    WRITTEN = "written"
    """A task asked for the place to write to, or set the value."""
    COMMITTED = "committed"
    """What was written is stored."""
    AVAILABLE = "available"
    """What is stored can be read here."""
    CLEANED = "cleaned"
    """It has forgotten the host, and can be pickled; or configured again, on any host."""
    REMOVED = "removed"
    """What was stored is deleted. The end."""


class Step(StrEnum):
    """What a call does to a resource. The values are the calls that people make, as errors name them."""

    SETTINGS = "load_environment_settings"
    USE = "path"
    """Get at the payload, be it to write it or to read it."""
    WRITE = "set"
    READ = "load"
    COMMIT = "commit"
    FETCH = "ensure_available"
    REMOVE = "remove"
    PICKLE = "pickle.dumps"


_HOSTLESS: Final = {
    Stage.DECLARED: "register()",
    Stage.NEW: "load_environment_settings()",
    Stage.CLEANED: "load_environment_settings()",
}
_OUTPUT: Final = dict.fromkeys((Stage.WRITTEN, Stage.COMMITTED), "clean()")
_INPUT: Final = {Stage.AVAILABLE: "clean()"}
_HOST: Final = {Stage.CONFIGURED: "clean()", **_OUTPUT, **_INPUT}

_MISSING: Final[Mapping[Step, Mapping[Stage, str]]] = {
    Step.SETTINGS: {Stage.DECLARED: "register()", **_HOST},
    Step.USE: _HOSTLESS,
    Step.WRITE: {**_HOSTLESS, **_INPUT},
    Step.READ: {**_HOSTLESS, **_OUTPUT, Stage.CONFIGURED: "ensure_available()"},
    Step.COMMIT: {**_HOSTLESS, **_INPUT, Stage.CONFIGURED: "writing it"},
    Step.FETCH: {**_HOSTLESS, **_OUTPUT},
    Step.REMOVE: {**_HOSTLESS, **_OUTPUT},
    Step.PICKLE: _HOST,
}
"""Step → stages in which it is refused → what has to come first."""

_AFTER_THE_END: Final = frozenset({Step.REMOVE, Step.PICKLE})
"""What may still be done to a resource that was removed."""


def require(name: str, step: Step, stage: Stage, *, call: str | None = None) -> None:
    """Check that the resource `name`, which is at `stage`, may take `step`; `call` is the method's name.

    Raises:
        InvalidError: It may not; the message has the resource, the call and the missing step.
    """
    if stage is Stage.REMOVED and step not in _AFTER_THE_END:
        raise out_of_order(name, call or step.value, "it has been removed, and that is the end")
    missing = _MISSING[step].get(stage)
    if missing is not None:
        raise out_of_order(name, call or step.value, f"it is {stage}, and {missing} comes first")


def out_of_order(name: str, call: str, why: str) -> InvalidError:
    """Build the error for a call that comes too early or too late."""
    return InvalidError(f"cannot call {call}() on the resource '{name}'", code="out-of-order", why=why)
