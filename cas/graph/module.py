"""Modules: what takes resources in, makes others, and says how their properties follow.

A module names its inputs and outputs by *role*, the word by which its task asks for them; the role of an
input is also the key under which its version goes into the version of the outputs. Nothing here is checked
until a `Graph` is made of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from cas.resources.base import Resource
    from cas.resources.propagators import Propagator
    from cas.versions.values import JSON


@dataclass(frozen=True, slots=True)
class Input:
    """A resource that a module reads."""

    role: str
    """What the module calls it."""
    name: str
    """The resource's name."""


@dataclass(frozen=True, slots=True)
class Output:
    """A resource that a module makes."""

    role: str
    """What the module calls it."""
    resource: Resource
    """An unregistered prototype; each run works on a copy."""

    @property
    def name(self) -> str:
        """The resource's name."""
        return self.resource.name


@dataclass(frozen=True, slots=True)
class External:
    """What is said about a resource that comes from outside. Nothing needs to be said."""

    name: str
    """The resource's name."""
    selector: str | None = None
    """Which version, as after the `@` of a spec; by default the current one."""
    resource: Resource | None = None
    """An unregistered prototype; by default the type is that of the version that is found."""
    properties: Mapping[str, JSON] | None = None
    """Of a resource that has no payload: the properties, which make the version."""


@dataclass(frozen=True, slots=True)
class TaskContext:
    """What a task is given."""

    module: str
    """The module's name."""
    inputs: Mapping[str, Any]
    """Role → resource, available. What it can do (`path`, `load`) depends on its type, hence Any."""
    outputs: Mapping[str, Any]
    """Role → resource, configured; the task writes them, and does not commit."""
    workspace: Path
    """A directory for whatever the task likes to leave there; it is deleted afterwards."""


@dataclass(frozen=True, slots=True)
class Command:
    """A task that is a program."""

    argv: tuple[str, ...]
    """The program and its arguments; `{inputs.ROLE}` and the like in them are filled in, see `arguments`."""
    cwd: Path | None = None
    """Where it runs; by default in the workspace."""
    env: Mapping[str, str] = field(default_factory=dict)
    """Variables beside those that it inherits; filled in as `argv` is."""


@dataclass(frozen=True, slots=True)
class Module:
    """A step of a pipeline."""

    name: str
    inputs: tuple[Input, ...]
    outputs: tuple[Output, ...]
    propagator: Propagator
    """Makes the outputs' properties of the inputs'."""
    task: Callable[[TaskContext], None] | Command
    properties: Mapping[str, JSON] = field(default_factory=dict)
    """Constants that every output gets, such as `code_version`; they win over what is propagated."""
