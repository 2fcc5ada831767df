"""How properties of tide tables follow from each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cas.versions.values import JSON


def same_station(inputs: Mapping[str, Mapping[str, JSON]]) -> dict[str, JSON]:
    """What is made of tides is about the stations at which they were measured."""
    return {"station": "+".join(sorted({str(one["station"]) for one in inputs.values()}))}
