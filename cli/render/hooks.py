"""Hooks and their calls, as lines and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cas.cli import text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cas.hooks.calls import Hook, HookCall


def hook(one: Hook) -> dict[str, Any]:
    """Describe a hook."""
    return {
        "point": one.point,
        "kind": one.kind.value,
        "name": one.name,
        "origin": one.origin,
        "problem": one.problem or None,
    }


def source(one: Hook) -> str:
    """Say where a hook comes from, if its name does not."""
    return "" if one.origin.endswith(one.name) else one.origin


def call(one: HookCall) -> dict[str, Any]:
    """Describe what came of calling a hook."""
    return {
        **hook(one.hook),
        "point": one.point,
        "outcome": one.outcome.value,
        "seconds": one.seconds,
        "reason": one.reason or None,
        "said": one.said,
    }


def traced(one: HookCall) -> Iterator[str]:
    """Tell what came of calling a hook: a line about it, and what it said."""
    yield f"{one.point}: {_named(one.hook)} {one.outcome} after {_duration(one.seconds)}"
    for line in _words(one).splitlines():
        yield f"    {text.printable(line)}"


def _named(one: Hook) -> str:
    return f"{one.kind} {text.printable(one.name)}"


def _words(one: HookCall) -> str:
    """Give what a hook printed, and why it did not agree, unless that is the end of what it printed."""
    is_told = bool(one.said) and one.reason.endswith(one.said.splitlines()[-1])
    return "\n".join(filter(None, (one.said, "" if is_told else one.reason)))


def _duration(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"
