"""A new `config.yaml` for a repository that lost its own: what can be known of it, and what cannot.

Layers of refs are known by the journal, which names one in every event, but not in which order they were. Of
those that are directories or packages, of chunking, remotes and the like nothing is left. The directory that
every new repository has is put on top again; chunking is advice for new data.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from cas import config as configuration
from cas import fs
from cas.config import LayerConfig
from cas.layer_settings import DEFAULT_LAYERS, DIRECTORY
from cas.versions.journal import Journal

if TYPE_CHECKING:
    from cas.layout import Layout


def write_missing(layout: Layout) -> tuple[str, ...]:
    """Write a default `config.yaml` if there is none; a sentence for each thing that was lost with it."""
    if layout.config.exists():
        return ()
    config = configuration.new()
    refs = _refs_layers(layout)
    layers = _with_directory(refs) if refs else config.layers
    with fs.explained(f"cannot write '{layout.config}'"):
        configuration.save(layout, replace(config, layers=layers))
    lost = "config.yaml: a default one was written; the repository has a new id, and what was set up is gone"
    if len(refs) <= 1:
        return (f"{lost}: chunking, hooks, remotes, layers",)
    names = ", ".join(f"'{layer.name}'" for layer in refs)
    return (
        f"{lost}: chunking, hooks, remotes, layers of other kinds",
        f"the order of the layers {names}, and which were read-only: put them right in config.yaml",
    )


def _with_directory(refs: tuple[LayerConfig, ...]) -> tuple[LayerConfig, ...]:
    taken = {layer.name for layer in refs}
    others = (layer for layer in DEFAULT_LAYERS if layer.kind == DIRECTORY and layer.name not in taken)
    return (*others, *refs)


def _refs_layers(layout: Layout) -> tuple[LayerConfig, ...]:
    """Give the layers that the journal names; the one that is newest comes first, as an overlay would."""
    names = dict.fromkeys(entry.event.layer for entry in Journal(layout).entries(_ignore))
    return tuple(LayerConfig(name) for name in reversed(names))


def _ignore(_: str) -> None:
    """Leave damage in the journal to `recover`, which reports it."""
