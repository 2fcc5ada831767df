"""Small graphs for the tests: modules that say what they read and make, and do nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cas.graph.declare import inputs_by_role, no_properties, outputs_by_role
from cas.graph.fill import Pin
from cas.graph.module import Command, Module
from cas.resources.files import FileResource
from cas.versions.identity import version_id

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cas.graph.declare import Inputs
    from cas.graph.module import TaskContext
    from cas.resources.propagators import Propagator
    from cas.versions.values import JSON

NOTHING = Command(("true",))


def step(
    name: str,
    inputs: Inputs,
    *outputs: str,
    propagator: Propagator = no_properties,
    task: Callable[[TaskContext], None] | Command = NOTHING,
    properties: Mapping[str, JSON] | None = None,
) -> Module:
    """Declare a module whose outputs are files."""
    return Module(
        name=name,
        inputs=inputs_by_role(inputs),
        outputs=outputs_by_role([FileResource(output) for output in outputs]),
        propagator=propagator,
        task=task,
        properties=properties or {},
    )


def pinned(**properties: JSON) -> Pin:
    """Pin a resource with these properties and no inputs."""
    return Pin(properties, version_id(properties, {}))
