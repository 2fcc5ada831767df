"""Changing the list of layers in `config.yaml`: which may come and go, and where they stand.

Theory of operation
-------------------
Every change reads the file, edits its text and puts the new file in its place, all inside of a write
transaction of the index that changes nothing: of all processes, one is in there at a time. So of two who
change the layers at once, neither loses anything. A process that read the list before a layer was removed may
still commit to it; that version is not lost, but out of sight until the layer is added again.

The new text is read back before it is written: it must say what was asked for, and the same as before in
everything else.
"""

from __future__ import annotations

import os
import shlex
import stat
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple, Self

from cas import config as configuration
from cas import fs, layer_settings
from cas.errors import AlreadyExistsError, CasError, ConflictError, InvalidError
from cas.layer_names import no_such_layer
from cas.layer_settings import REFS
from cas.layer_text import with_layers
from cas.versions import refs
from cas.yaml_values import BadValueError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cas.config import Config, LayerConfig
    from cas.layout import Layout
    from cas.objects.index import Txn


class Position(NamedTuple):
    """A place in the list of layers, of which the first is the uppermost."""

    is_above: bool
    """Whether it is above `other`, or below it."""
    other: str | None
    """Another layer; None means all of them."""

    @classmethod
    def top(cls) -> Self:
        """Above all others."""
        return cls(is_above=True, other=None)

    @classmethod
    def bottom(cls) -> Self:
        """Below all others."""
        return cls(is_above=False, other=None)

    @classmethod
    def above(cls, other: str) -> Self:
        """Just above the layer `other`."""
        return cls(is_above=True, other=other)

    @classmethod
    def below(cls, other: str) -> Self:
        """Just below the layer `other`."""
        return cls(is_above=False, other=other)

    def insert(self, layer: LayerConfig, layers: Sequence[LayerConfig]) -> tuple[LayerConfig, ...]:
        """Put `layer` here among `layers`, which lack it.

        Raises:
            NotFoundError: `other` is not among them.
        """
        if self.other is None:
            at = 0 if self.is_above else len(layers)
        else:
            at = index_of(self.other, layers) + (0 if self.is_above else 1)
        return (*layers[:at], layer, *layers[at:])


def index_of(name: str, layers: Sequence[LayerConfig]) -> int:
    """Say at which place the layer `name` is; 0 is the uppermost.

    Raises:
        NotFoundError: It is not among them.
    """
    for at, layer in enumerate(layers):
        if layer.name == name:
            return at
    raise no_such_layer(name, (layer.name for layer in layers))


def added(layer: LayerConfig, layers: Sequence[LayerConfig], position: Position) -> tuple[LayerConfig, ...]:
    """Give the layers with another one among them.

    Raises:
        InvalidError: It is not as a layer of its kind must be.
        AlreadyExistsError: One of them has its name.
    """
    try:
        layer = layer_settings.checked(layer)
    except BadValueError as error:
        raise InvalidError(
            f"cannot add layer '{layer.name}'", code="bad-layer", why=str(error), hint="cas layer add --help"
        ) from error
    if any(one.name == layer.name for one in layers):
        raise AlreadyExistsError(
            f"cannot add layer '{layer.name}'",
            code="layer-exists",
            why="there is a layer of that name",
            hint="choose another name; `cas layer list` shows those that are taken",
        )
    return position.insert(layer, layers)


def removed(txn: Txn, name: str, layers: Sequence[LayerConfig]) -> tuple[LayerConfig, ...]:
    """Give the layers without one.

    Raises:
        NotFoundError: There is no such layer.
        ConflictError: It holds versions or whiteouts, or would leave commits nowhere to go.
    """
    at = index_of(name, layers)
    rest = (*layers[:at], *layers[at + 1 :])
    if layers[at].kind == REFS:
        _refuse_if_used(txn, name)
        if layers[at].writable and not any(one.kind == REFS and one.writable for one in rest):
            raise _unremovable(
                name,
                "it is the only layer of refs that commits can go to",
                "add another: `cas layer add NAME`",
            )
    if not rest:
        raise _unremovable(name, "it is the only layer", "add another: `cas layer add NAME`")
    return rest


def _refuse_if_used(txn: Txn, name: str) -> None:
    quoted = shlex.quote(name)
    ref = next(refs.names(txn, name), None)
    if ref is not None:
        raise _unremovable(
            name,
            f"it holds '{ref.name}' and whatever `cas ls --layer {quoted}` lists besides",
            f"remove those first: `cas remove --all {shlex.quote(f'{name}:{ref.name}')}` …",
        )
    whiteout = next(refs.iter_whiteouts(txn, name), None)
    if whiteout is not None:
        raise _unremovable(
            name,
            f"it hides '{whiteout.path}' of lower layers",
            f"show it first: `cas unhide --layer {quoted} {shlex.quote(whiteout.path)}`",
        )


def _unremovable(name: str, why: str, hint: str) -> ConflictError:
    return ConflictError(f"cannot remove layer '{name}'", code="layer-in-use", why=why, hint=hint)


def moved(name: str, layers: Sequence[LayerConfig], position: Position) -> tuple[LayerConfig, ...]:
    """Give the layers with one in another place.

    Raises:
        NotFoundError: There is no such layer, or not the one that `position` names.
        InvalidError: The two are the same.
    """
    at = index_of(name, layers)
    if position.other == name:
        raise InvalidError(
            f"cannot move layer '{name}'",
            code="bad-position",
            why="a layer is not above or below itself",
            hint="cas layer list",
        )
    if position.other is not None:
        index_of(position.other, layers)  # here, where the error can list all that there are
    return position.insert(layers[at], (*layers[:at], *layers[at + 1 :]))


def write(layout: Layout, text: bytes, config: Config, layers: tuple[LayerConfig, ...]) -> Config:
    """Put `layers` into the file whose `text` says `config`; what it says now.

    Raises:
        InvalidError: The file cannot be edited without changing more than them.
        StorageError: The disk is full or failed.
    """
    wanted = replace(config, layers=layers)
    try:
        new = with_layers(text, config.layers, layers)
        found = configuration.parse(layout, new)
    except (BadValueError, CasError) as error:
        raise _uneditable(layout, str(getattr(error, "why", None) or error)) from error
    if found != wanted:
        raise _uneditable(layout, "the section 'layers' is not laid out as cas writes it")
    with fs.explained(f"cannot write '{layout.config}'"):
        mode = stat.S_IMODE(os.stat(layout.config).st_mode)
        fs.write_atomically(layout.config, new)
        os.chmod(layout.config, mode)
    return found


def _uneditable(layout: Layout, why: str) -> InvalidError:
    return InvalidError(
        f"cannot change the layers in '{layout.config}'",
        code="layers-not-editable",
        why=why,
        hint="if that is no mistake of yours, change the section by hand",
    )
