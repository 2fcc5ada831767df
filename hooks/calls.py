"""A hook, whichever kind it is of, and what came of calling it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from cas.errors import HookRefusedError
from cas.hooks.events import is_before

if TYPE_CHECKING:
    from collections.abc import Callable

    from cas.hooks.events import Event


class Kind(StrEnum):
    """Where the code of a hook comes from."""

    BUILT_IN = "built-in"
    """From `cas` itself; `config.yaml` switches it on."""
    PLUGIN = "plug-in"
    """From a Python package, or from the program that opened the repository."""
    EXECUTABLE = "executable"
    """From `.cas/hooks`."""


class Outcome(StrEnum):
    """What a call came to."""

    AGREED = "agreed"
    """It ended well, which from a pre-hook means that the command may go on."""
    REFUSED = "refused"
    """It said no."""
    FAILED = "failed"
    """It crashed, could not be started, or did not end in time."""


class FaultError(Exception):
    """A hook that did not end well, in words that follow its name: "the hook '…' is not executable"."""

    def __init__(self, words: str, *, code: str, hint: str | None = None, said: str = "") -> None:
        super().__init__(words)
        self.words = words
        self.code = code
        self.hint = hint
        self.said = said
        """What it had printed until then."""


def failing(words: str, *, code: str, hint: str | None = None) -> Callable[[Event], str]:
    """Make the `call` of a hook that cannot be called: it raises a FaultError of these words."""

    def call(_event: Event) -> str:
        raise FaultError(words, code=code, hint=hint)

    return call


@dataclass(frozen=True, slots=True)
class Hook:
    """What is called at a point."""

    point: str | None
    """The point, or None if nobody can say: a plug-in that does not load, a file named after no point."""
    kind: Kind
    name: str
    """The entry point's name, the key in `config.yaml`, or the path of the file beside `.cas`."""
    origin: str
    """Where it comes from: a distribution, a file."""
    call: Callable[[Event], str]
    """Calls it and returns what it printed; raises what it raises, or a FaultError."""
    problem: str = ""
    """Why it cannot be called, as far as that can be seen without trying, in words that follow its name."""

    def __str__(self) -> str:
        if self.point is None:
            return f"the {self.kind} '{self.name}'"
        if self.kind is Kind.EXECUTABLE:
            return f"the hook '{self.name}'"
        return f"the hook {self.point} of {self.kind} '{self.name}'"


@dataclass(frozen=True, slots=True)
class HookCall:
    """One call of a hook, when it is over."""

    hook: Hook
    point: str
    outcome: Outcome
    seconds: float
    said: str
    """The end of what it printed; plug-ins, which write where the program does, have nothing here."""
    error: HookRefusedError | None
    """What stops the command, if this is a pre-hook; None when it agreed."""

    @property
    def reason(self) -> str:
        """Why it refused or failed; "" when it agreed."""
        return (self.error.why or self.error.what) if self.error is not None else ""


def make_call(hook: Hook, event: Event, point: str) -> HookCall:
    """Call `hook` and tell what came of it; nothing that it raises gets out but an interruption."""
    started = time.perf_counter()
    error: HookRefusedError | None = None
    outcome = Outcome.AGREED
    try:
        said = hook.call(event)
    except (Exception, SystemExit) as raised:  # noqa: BLE001 - it is somebody else's code; whoever exits has not agreed
        error = _error(hook, event, point, raised)
        outcome = Outcome.REFUSED if error.code == "hook-refused" else Outcome.FAILED
        said = raised.said if isinstance(raised, FaultError) else ""
    return HookCall(hook, point, outcome, time.perf_counter() - started, said, error)


def describe(error: BaseException) -> str:
    """Write an error of code that is not ours."""
    return f"{type(error).__name__}: {error}"


def _error(hook: Hook, event: Event, point: str, raised: BaseException) -> HookRefusedError:
    if isinstance(raised, HookRefusedError) and is_before(point):
        return raised
    if isinstance(raised, FaultError):
        code, words, hint = raised.code, raised.words, raised.hint
    else:
        code, words, hint = "hook-failed", f"failed: {describe(raised)}", None
    error = HookRefusedError(f"cannot {event}", code=code, why=f"{hook} {words}", hint=hint)
    error.__cause__ = raised
    return error
