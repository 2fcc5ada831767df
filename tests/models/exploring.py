"""Visiting every state that some actors can reach together, each state once.

An actor is a generator; what it does between two yields is one step. Generators cannot be copied, so a state
is reached by replaying the steps that lead to it; it is recognised by the store's `key` and by where each
actor is, with which local variables.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

Actor = Generator[Any, None, None]

BLOCKED = "blocked: "
"""What an actor yields, followed by the name of a lock, when it has to be asked again once that is free."""


class World(Protocol):
    """What the actors share."""

    def key(self) -> tuple[object, ...]:
        """Tell two states apart."""

    def is_free(self, lock: str) -> bool:
        """Whether nobody holds `lock`."""

    def kill(self, who: str) -> None:
        """Let an actor die."""


W = TypeVar("W", bound=World)


@dataclass
class Run(Generic[W]):
    """A state."""

    world: W
    actors: dict[str, Actor]
    waiting: dict[str, str] = field(default_factory=dict)
    """Actor → the lock it found taken."""

    def take(self, step: str) -> None:
        """Let an actor take one step; "!c" is the death of actor c."""
        if step[0] == "!":
            self.world.kill(step[1:])
            del self.actors[step[1:]]
            return
        self.waiting.pop(step, None)
        try:
            found = next(self.actors[step])
        except StopIteration:
            del self.actors[step]
        else:
            if isinstance(found, str):
                self.waiting[step] = found.removeprefix(BLOCKED)

    def enabled(self) -> list[str]:
        """Name the actors that can go on."""
        return [
            name for name in self.actors if name not in self.waiting or self.world.is_free(self.waiting[name])
        ]

    def key(self) -> int:
        """Recognise the state."""
        return hash(
            (self.world.key(), *((name, *_frames(actor)) for name, actor in sorted(self.actors.items())))
        )


def _frames(actor: object) -> list[object]:
    """Describe a generator and those it delegates to."""
    found: list[object] = []
    while (frame := getattr(actor, "gi_frame", None)) is not None:
        found.append(frame.f_lasti)
        found += [_frozen(value) for name, value in sorted(frame.f_locals.items()) if name != "s"]
        actor = getattr(actor, "gi_yieldfrom", None)
    return found


def _frozen(value: object) -> object:
    match value:
        case set():
            return frozenset(value)
        case dict():
            return frozenset(value.items())
        case list():
            return tuple(value)
        case _:
            return value


def explore(
    make: Callable[[], tuple[W, dict[str, Actor]]],
    broken: Callable[[W], str],
    untidy: Callable[[W], str],
    *,
    mortal: str = "",
) -> tuple[int, str]:
    """Visit every state, depth first; one actor of `mortal` may die on each path, at any yield.

    Args:
        make: Builds the first state.
        broken: Says what is wrong with a state, or "".
        untidy: The same for a state in which every actor is done; may change it.
        mortal: Names of actors, one letter each.

    Returns:
        How many states there are, and the first failure with the steps to it, or "".
    """
    seen: set[int] = set()
    stack: list[tuple[str, ...]] = [()]
    while stack:
        path = stack.pop()
        run = Run(*make())
        for step in path:
            run.take(step)
        while (state := run.key()) not in seen:
            seen.add(state)
            failure = broken(run.world) or ("" if run.actors else untidy(run.world))
            if failure:
                return len(seen), f"{failure}, after {' '.join(path)}"
            steps = run.enabled()
            if not any(step[0] == "!" for step in path):
                steps += [f"!{name}" for name in run.actors if name in mortal]
            if not steps:
                break
            stack += [(*path, step) for step in steps[1:]]
            run.take(steps[0])  # the first one goes on in place; the others are replayed later
            path = (*path, steps[0])
    return len(seen), ""
