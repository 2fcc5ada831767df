"""Modules declared in Python: a function becomes the task of a module.

@module(
    inputs={"raw": "docs/raw"},
    outputs=[FileResource("docs/text", "{lang}.txt")],
    propagator=EnsureEqualProperties("lang"),
    properties={"code_version": 1},
)
def clean(context: TaskContext) -> None:
    ...

graph = Graph([clean, …])
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

from cas.graph.module import Input, Module, Output
from cas.resources.base import Resource

if TYPE_CHECKING:
    from collections.abc import Callable

    from cas.graph.module import TaskContext
    from cas.resources.propagators import Propagator
    from cas.versions.values import JSON

Inputs: TypeAlias = "str | Sequence[str] | Mapping[str, str]"
"""Names of resources by role; a name alone has its last component as role."""

Outputs: TypeAlias = "Resource | Sequence[Resource] | Mapping[str, Resource]"
"""Prototypes of resources by role; one alone has the last component of its name as role."""


def module(
    *,
    inputs: Inputs = (),
    outputs: Outputs,
    propagator: Propagator | None = None,
    properties: Mapping[str, JSON] | None = None,
    name: str | None = None,
) -> Callable[[Callable[[TaskContext], None]], Module]:
    """Make a module of the function below; what is wrong with it is said when a `Graph` is made of it.

    Args:
        inputs: What it reads.
        outputs: What it makes.
        propagator: Makes the outputs' properties of the inputs'; by default they get none from there.
        properties: Constants for every output, such as `code_version`; they win over what is propagated.
        name: What the module is called; by default as the function is.
    """

    def declare(task: Callable[[TaskContext], None]) -> Module:
        return Module(
            name=name or task.__name__,
            inputs=inputs_by_role(inputs),
            outputs=outputs_by_role(outputs),
            propagator=propagator or no_properties,
            task=task,
            properties=dict(properties or {}),
        )

    return declare


def no_properties(_: Mapping[str, Mapping[str, JSON]]) -> dict[str, JSON]:
    """Propagate nothing: what a module does that has no propagator."""
    return {}


def inputs_by_role(given: Inputs) -> tuple[Input, ...]:
    """Give every input its role."""
    if isinstance(given, Mapping):
        return tuple(Input(role, name) for role, name in given.items())
    names = [given] if isinstance(given, str) else given
    return tuple(Input(_role(name), name) for name in names)


def outputs_by_role(given: Outputs) -> tuple[Output, ...]:
    """Give every output its role."""
    if isinstance(given, Mapping):
        return tuple(Output(role, resource) for role, resource in given.items())
    resources = [given] if isinstance(given, Resource) else given
    return tuple(Output(_role(resource.name), resource) for resource in resources)


def _role(name: str) -> str:
    return name.rpartition("/")[2]
