"""Why a pipeline would build something: what it wants, compared with what is there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cas.graph.causes import Recipe
from cas.graph.fill import fill_graph
from cas.graph.pins import pin
from cas.graph.why import Explainer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cas.graph.causes import Cause
    from cas.graph.fill import FilledGraph
    from cas.graph.graph import Graph
    from cas.ids import VersionId
    from cas.repo.repository import Repository


@dataclass(frozen=True, slots=True)
class Expected:
    """A version that a pipeline makes, and why it is not there."""

    name: str
    version: VersionId
    causes: tuple[Cause, ...]
    """As of `Explainer.explain`; empty if it is there."""


def explain_target(repository: Repository, graph: Graph, target: str) -> list[Expected]:
    """Say for a module of `graph`, or for one resource that it makes, why it would be built now.

    The differences are followed through what is not built yet, down to the external resources.

    Raises:
        NotFoundError: The graph makes nothing called so, or an external resource is not there.
        InvalidError: The properties of the graph's resources cannot be worked out.
        ConflictError: They contradict each other.
    """
    chosen = graph.select([target])
    filled = fill_graph(chosen, pin(repository, chosen))
    recipes = _recipes(filled)
    explainer = Explainer(repository, {filled.versions[name]: recipe for name, recipe in recipes.items()})
    module = chosen.modules.get(target)
    return [
        Expected(
            name,
            filled.versions[name],
            explainer.explain(name, recipes[name].properties, recipes[name].inputs),
        )
        for name in ([output.name for output in module.outputs] if module is not None else [target])
    ]


def _recipes(filled: FilledGraph) -> Mapping[str, Recipe]:
    """Say what makes each resource that the repository may not have."""
    made = {
        output.name: Recipe(filled.properties[output.name], filled.input_versions(module))
        for module in filled.graph.order
        for output in module.outputs
    }
    declared = {name: Recipe(one.properties, {}) for name, one in filled.pins.items() if one.is_declared}
    return declared | made
