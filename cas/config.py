"""`config.yaml`: the format version, feature flags, layers and chunker of one repository.

It is read by people, so it is YAML with a comment; it is parsed by the safe loader only. Feature flags
come in three classes, so that an older `cas` refuses instead of doing damage: an unknown *compatible*
flag is ignored, an unknown *read_only_compatible* one forbids writing, an unknown *incompatible* one
forbids opening.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import yaml

from cas import fs, hook_settings, layer_settings
from cas.errors import CorruptError, InvalidError, NotFoundError, ReadOnlyError
from cas.hook_settings import HookSettings
from cas.layer_names import no_such_layer
from cas.layer_settings import DEFAULT_LAYERS, REFS, LayerConfig, ViewSettings
from cas.yaml_values import BadValueError, Value

if TYPE_CHECKING:
    from cas.layout import Layout

__all__ = ["Chunking", "Config", "LayerConfig", "ViewSettings", "load", "new", "parse", "read", "save"]

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
_A_UUID = "a UUID, as in 6f1c7f0e-4b0a-4a64-9b55-0d8f7e6a5b4c"


@dataclass(frozen=True, slots=True)
class Chunking:
    """Parameters of FastCDC; advice for new data, never part of an identity. All in bytes."""

    min_size: int = 16 * 1024
    average_size: int = 64 * 1024
    max_size: int = 256 * 1024
    whole_below: int = 128 * 1024
    """Files smaller than this are one chunk."""


@dataclass(frozen=True, slots=True)
class Config:
    """What `config.yaml` says."""

    repository_id: str
    """A UUID; two repositories are the same if and only if this is."""

    layers: tuple[LayerConfig, ...] = DEFAULT_LAYERS
    chunking: Chunking = Chunking()
    hooks: HookSettings = field(default_factory=HookSettings)
    views: ViewSettings = field(default_factory=ViewSettings)
    is_writable: bool = True
    """False when the repository uses a feature that this version can read but not write."""

    def refs_layers(self) -> list[str]:
        """Names of the layers that hold refs, uppermost first."""
        return [layer.name for layer in self.layers if layer.kind == REFS]

    def require_writable(self, name: str) -> None:
        """Check that what the layer of refs `name` holds may be tagged, removed and restored.

        Raises:
            ReadOnlyError: It is only for reading.
        """
        if any(layer.name == name and not layer.writable for layer in self.layers):
            raise ReadOnlyError(
                f"cannot change layer '{name}'",
                code="layer-read-only",
                why="config.yaml says so",
                hint="run `cas layer list`",
            )

    def layer_for_writing(self, name: str | None) -> str:
        """Choose the layer a commit goes to: `name`, or the uppermost writable refs layer.

        Raises:
            NotFoundError: No layer is called `name`, or none holds refs and is writable.
            ReadOnlyError: The layer called `name` is not a writable refs layer.
        """
        if name is None:
            for layer in self.layers:
                if layer.kind == REFS and layer.writable:
                    return layer.name
            raise NotFoundError(
                "cannot find a writable layer of refs",
                code="no-writable-layer",
                hint="add one: `cas layer add NAME`",
            )
        for layer in self.layers:
            if layer.name == name:
                if layer.kind != REFS or not layer.writable:
                    is_refs = layer.kind == REFS
                    raise ReadOnlyError(
                        f"cannot commit to layer '{name}'",
                        code="layer-read-only",
                        why="config.yaml says so" if is_refs else f"it is of kind {layer.kind}, not refs",
                        hint="run `cas layer list`",
                    )
                return name
        raise no_such_layer(name, (layer.name for layer in self.layers))


def new() -> Config:
    """A fresh configuration, with a new repository id."""
    return Config(repository_id=str(uuid.uuid4()))


def save(layout: Layout, config: Config) -> None:
    """Write `config.yaml` durably."""
    document = {
        "format": FORMAT,
        "repository": config.repository_id,
        "features": {"compatible": [], "read_only_compatible": [], "incompatible": []},
        "layers": [layer_settings.layer_document(layer) for layer in config.layers],
        "chunking": {
            "min_size": config.chunking.min_size,
            "average_size": config.chunking.average_size,
            "max_size": config.chunking.max_size,
            "whole_below": config.chunking.whole_below,
        },
    }
    if hooks := hook_settings.document(config.hooks):
        document["hooks"] = hooks
    if views := layer_settings.views_document(config.views):
        document["views"] = views
    text = _HEADER + yaml.safe_dump(document, sort_keys=False)
    fs.write_atomically(layout.config, text.encode())


def load(layout: Layout) -> Config:
    """Read and check `config.yaml`.

    Raises:
        CorruptError: It is not there.
        InvalidError: It is not YAML, or a value is not allowed (the error says which, where, and what is), or
            the format is a newer one.
    """
    return parse(layout, read(layout))


def read(layout: Layout) -> bytes:
    """Read the bytes of `config.yaml`; raises as `load` does, if it is not there."""
    with fs.explained(f"cannot read '{layout.config}'"):
        try:
            return layout.config.read_bytes()
        except FileNotFoundError as error:
            raise _missing(layout) from error


def parse(layout: Layout, text: bytes) -> Config:
    """Understand the bytes of `config.yaml`; raises as `load` does."""
    try:
        document = Value.parse(text)
        _check_format(layout, document)
        features = document.member("features")
        _check_features(layout, features)
        return Config(
            repository_id=_repository_id(document.required("repository", _A_UUID)),
            layers=layer_settings.read_layers(document.required("layers", layer_settings.LAYERS_RULE)),
            chunking=_chunking(document.required("chunking", "a mapping of sizes")),
            hooks=hook_settings.read(document.member("hooks")),
            views=layer_settings.read_views(document.member("views")),
            is_writable=not _names(features, "read_only_compatible"),
        )
    except BadValueError as error:
        raise _broken(layout, str(error)) from error


def _repository_id(value: Value) -> str:
    try:
        return str(uuid.UUID(value.text(_A_UUID)))
    except ValueError:
        raise value.bad(_A_UUID) from None


def _chunking(sizes: Value) -> Chunking:
    given: dict[str, int] = {}
    for key in sizes.keys(tuple(_BOUNDS)):
        given[key] = sizes.required(key, "a size in bytes").whole_number(*_BOUNDS[key])
    chunking = Chunking(**given)
    if not chunking.min_size <= chunking.average_size <= chunking.max_size:
        ordered = f"{chunking.min_size}, {chunking.average_size} and {chunking.max_size}"
        why = f"min_size, average_size and max_size are {ordered}, and must not get smaller in this order"
        raise BadValueError(f"line {sizes.line}: 'chunking': {why}")
    return chunking


def _check_format(layout: Layout, document: Value) -> None:
    rule = f"a whole number; this version of cas writes {FORMAT}"
    found = document.required("format", rule)
    if not isinstance(found.data, int) or isinstance(found.data, bool) or found.data < 1:
        raise found.bad(rule)
    if found.data != FORMAT:
        raise _newer(layout, f"format {found.data}")


def _check_features(layout: Layout, features: Value | None) -> None:
    unknown = _names(features, "incompatible")
    if unknown:
        raise _newer(layout, f"features {', '.join(unknown)}")


def _names(features: Value | None, kind: str) -> list[str]:
    """Take the features of a kind; a key without a value is what deleting the last one leaves behind."""
    listed = None if features is None else features.member(kind)
    rule = "a list of names of features"
    return [] if listed is None else [one.text("a text") for one in listed.items(rule)]


def _missing(layout: Layout) -> CorruptError:
    return CorruptError(
        f"cannot open the repository '{layout.root}'",
        code="config-missing",
        why="its 'config.yaml' is not there",
        hint="put a copy of it back, or run `cas recover`, which writes a new one",
    )


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
        hint="correct it, or move it away and run `cas recover`, which writes a new one",
    )
