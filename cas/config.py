"""`config.yaml`: the format version, feature flags, layers and chunker of one repository.

It is read by people, so it is YAML with a comment; it is parsed by the safe loader only. Feature flags
come in three classes, so that an older `cas` refuses instead of doing damage: an unknown *compatible*
flag is ignored, an unknown *read_only_compatible* one forbids writing, an unknown *incompatible* one
forbids opening.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from cas import fs
from cas.errors import InvalidError, NotFoundError, ReadOnlyError

if TYPE_CHECKING:
    from cas.layout import Layout

FORMAT = 1
"""The repository format that this code writes."""

_BOUNDS = {
    "min_size": (64, 1 << 20),
    "average_size": (256, 4 << 20),
    "max_size": (1024, 16 << 20),
    "whole_below": (1, 16 << 20),
}
"""What `pyfastcdc` takes; whole files are read into memory, so they are bounded too. All in bytes."""

_HEADER = "# A `cas` repository. docs/format/repository.md explains every key.\n"
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Chunking:
    """Parameters of FastCDC; advice for new data, never part of an identity. All in bytes."""

    min_size: int = 16 * 1024
    average_size: int = 64 * 1024
    max_size: int = 256 * 1024
    whole_below: int = 128 * 1024
    """Files smaller than this are one chunk."""


@dataclass(frozen=True, slots=True)
class LayerConfig:
    """One layer of the view, in the order of the file: the first has the highest priority."""

    name: str
    kind: str = "refs"
    writable: bool = True


@dataclass(frozen=True, slots=True)
class Config:
    """What `config.yaml` says."""

    repository_id: str
    """A UUID; two repositories are the same if and only if this is."""

    layers: tuple[LayerConfig, ...] = (LayerConfig("main"),)
    chunking: Chunking = Chunking()
    is_writable: bool = True
    """False when the repository uses a feature that this version can read but not write."""

    def refs_layers(self) -> list[str]:
        """Names of the layers that hold refs, uppermost first."""
        return [layer.name for layer in self.layers if layer.kind == "refs"]

    def layer_for_writing(self, name: str | None) -> str:
        """Choose the layer a commit goes to: `name`, or the uppermost writable refs layer.

        Raises:
            NotFoundError: No layer is called `name`, or none holds refs and is writable.
            ReadOnlyError: The layer called `name` is not a writable refs layer.
        """
        if name is None:
            for layer in self.layers:
                if layer.kind == "refs" and layer.writable:
                    return layer.name
            raise NotFoundError("cannot find a writable layer of refs", code="no-writable-layer")
        for layer in self.layers:
            if layer.name == name:
                if layer.kind != "refs" or not layer.writable:
                    raise ReadOnlyError(f"cannot commit to layer '{name}'", code="layer-read-only")
                return name
        raise NotFoundError(
            f"cannot find layer '{name}'",
            code="no-such-layer",
            why=f"config.yaml lists {', '.join(repr(layer.name) for layer in self.layers)}",
        )


def new() -> Config:
    """A fresh configuration, with a new repository id."""
    return Config(repository_id=str(uuid.uuid4()))


def save(layout: Layout, config: Config) -> None:
    """Write `config.yaml` durably."""
    document = {
        "format": FORMAT,
        "repository": config.repository_id,
        "features": {"compatible": [], "read_only_compatible": [], "incompatible": []},
        "layers": [{"name": x.name, "kind": x.kind, "writable": x.writable} for x in config.layers],
        "chunking": {
            "min_size": config.chunking.min_size,
            "average_size": config.chunking.average_size,
            "max_size": config.chunking.max_size,
            "whole_below": config.chunking.whole_below,
        },
    }
    text = _HEADER + yaml.safe_dump(document, sort_keys=False)
    fs.write_atomically(layout.config, text.encode())


def load(layout: Layout) -> Config:
    """Read and check `config.yaml`.

    Raises:
        InvalidError: It is not YAML, or a key has the wrong type, or the format is a newer one.
    """
    with fs.explained(f"cannot read '{layout.config}'"):
        text = layout.config.read_bytes()
    try:
        document = yaml.load(text, Loader=_Loader)  # noqa: S506 - _Loader is the safe loader, in C where there is one
    except yaml.YAMLError as error:
        raise _broken(layout, str(error).replace("\n", " ")) from error
    if not isinstance(document, dict):
        raise _broken(layout, "it is not a mapping")
    try:
        _check_format(layout, document["format"])
        features = document.get("features") or {}
        _check_features(layout, features.get("incompatible") or [])
        return Config(
            repository_id=str(uuid.UUID(document["repository"])),
            layers=_layers(document["layers"]),
            chunking=_chunking(document["chunking"]),
            is_writable=not features.get("read_only_compatible"),
        )
    except InvalidError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _broken(layout, f"{type(error).__name__}: {error}") from error


def _layers(entries: list[dict[str, Any]]) -> tuple[LayerConfig, ...]:
    layers = tuple(
        LayerConfig(str(entry["name"]), str(entry.get("kind", "refs")), bool(entry.get("writable", True)))
        for entry in entries
    )
    if not layers or len({layer.name for layer in layers}) < len(layers):
        raise ValueError("layers: there must be one, and no two of one name")
    return layers


def _chunking(sizes: dict[str, Any]) -> Chunking:
    chunking = Chunking(**{key: int(value) for key, value in sizes.items()})
    for key, (low, high) in _BOUNDS.items():
        if not low <= getattr(chunking, key) <= high:
            raise ValueError(f"chunking: {key} must be from {low} to {high}")
    if not chunking.min_size <= chunking.average_size <= chunking.max_size:
        raise ValueError("chunking: min_size, average_size and max_size must be in this order")
    return chunking


def _check_format(layout: Layout, found: object) -> None:
    if not isinstance(found, int):
        raise TypeError("'format' is not a number")
    if found != FORMAT:
        raise _newer(layout, f"format {found}")


def _check_features(layout: Layout, unknown: object) -> None:
    if not isinstance(unknown, list):
        raise TypeError("'incompatible' is not a list")
    if unknown:
        raise _newer(layout, f"features {', '.join(map(str, unknown))}")


def _newer(layout: Layout, needs: str) -> InvalidError:
    return InvalidError(
        f"cannot open the repository '{layout.root}'",
        code="newer-format",
        why=f"it uses {needs}; this version of cas knows format {FORMAT}",
        hint="upgrade with `pip install --upgrade cas-store`",
    )


def _broken(layout: Layout, why: str) -> InvalidError:
    return InvalidError(
        f"cannot understand '{layout.config}'",
        code="bad-config",
        why=why,
        hint="docs/format/repository.md lists its keys",
    )
