"""Filling a graph: every property and version id, before anything ran.

The outputs' properties are what the propagator makes of the inputs' properties, and the module's own
constants over it. Their version is the hash of these and of the inputs' versions by role. So a graph and the
pins of its external inputs say all; no disk, no network and no credentials are needed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cas.errors import CasError, InvalidError, NotFoundError
from cas.graph.arguments import placeholders_of, property_text
from cas.graph.module import Command
from cas.versions.identity import version_id
from cas.versions.properties import check_properties

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cas.graph.graph import Graph
    from cas.graph.module import Module
    from cas.ids import VersionId
    from cas.versions.values import JSON


@dataclass(frozen=True, slots=True)
class Pin:
    """The version of an external resource that a run uses, whatever is committed meanwhile."""

    properties: Mapping[str, JSON]
    version: VersionId
    type: str = "file"
    """The type of resource, as records have it."""
    is_declared: bool = False
    """Whether the graph says all about it, so that it has no payload: build parameters, an empty optional."""


@dataclass(frozen=True, slots=True)
class FilledGraph:
    """A graph of which every version is known."""

    graph: Graph
    pins: Mapping[str, Pin]
    """External resource → what was pinned."""
    properties: Mapping[str, Mapping[str, JSON]]
    """Resource, external or made here → its properties."""
    versions: Mapping[str, VersionId]
    """Resource, external or made here → its version."""

    def input_versions(self, module: Module) -> dict[str, VersionId]:
        """Role → version, as the records of the module's outputs will have them."""
        return {one.role: self.versions[one.name] for one in module.inputs}


def fill_graph(graph: Graph, pins: Mapping[str, Pin]) -> FilledGraph:
    """Find the properties and the version of every resource in `graph`.

    Args:
        graph: What is to be run.
        pins: Every external resource of `graph` → its version; see `pins.pin`.

    Raises:
        ConflictError: Inputs disagree about a property that a propagator wants equal.
        InvalidError: A propagator fails or gives what cannot be properties, an output would have neither
            properties nor inputs, or a command asks for a property that is not there.
        NotFoundError: There is no pin for an external resource, or an input lacks a property.
    """
    properties: dict[str, Mapping[str, JSON]] = {name: pin.properties for name, pin in pins.items()}
    versions = {name: pin.version for name, pin in pins.items()}
    filled = FilledGraph(graph, pins, properties, versions)
    for module in graph.order:
        made = _output_properties(module, properties)
        version = version_id(made, filled.input_versions(module))
        for output in module.outputs:
            properties[output.name] = made
            versions[output.name] = version
        _check_command(module, properties)
    return filled


def _output_properties(module: Module, known: Mapping[str, Mapping[str, JSON]]) -> dict[str, JSON]:
    """Propagate: all outputs of a module have the same properties."""
    unknown = [one for one in module.inputs if one.name not in known]
    if unknown:
        raise NotFoundError(
            f"cannot plan module '{module.name}'",
            code="no-such-input",
            why=f"its input '{unknown[0].role}' is '{unknown[0].name}', which no module makes and no pin has",
        )
    try:
        propagated = module.propagator({one.role: known[one.name] for one in module.inputs})
        made = check_properties({**propagated, **module.properties})
    except CasError as error:
        raise type(error)(
            f"cannot plan module '{module.name}'", code=error.code, why=str(error), hint=error.hint
        ) from error
    except Exception as error:  # whatever somebody else's function raises, it is this module's fault
        raise InvalidError(
            f"cannot plan module '{module.name}'",
            code="propagator-failed",
            why=f"its propagator failed with {type(error).__name__}: {error}",
        ) from error
    if not made and not module.inputs:
        raise InvalidError(
            f"cannot plan module '{module.name}'",
            code="no-identity",
            why="it has neither inputs nor properties, so its outputs have no version before they are made",
            hint="give it a property, for example `code_version: 1`",
        )
    return made


def _check_command(module: Module, known: Mapping[str, Mapping[str, JSON]]) -> None:
    """Find out now, and not in the middle of a run, that a command asks for a property that is not there."""
    if not isinstance(module.task, Command):
        return
    if not any("[" in text for text in (*module.task.argv, *module.task.env.values())):
        return
    for wanted in placeholders_of(module.task):
        if wanted.key is not None:
            things = module.inputs if wanted.side == "inputs" else module.outputs
            name = next(one.name for one in things if one.role == wanted.role)
            property_text(known[name], wanted, module.name)
