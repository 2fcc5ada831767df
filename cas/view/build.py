"""Layers as `config.yaml` lists them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from cas import config as configuration
from cas import fs
from cas.layer_settings import CWD, DIRECTORY, PACKAGE
from cas.view.directory_layer import DirectoryLayer
from cas.view.package_layer import package_layer
from cas.view.refs_layer import RefsLayer
from cas.view.stamp import Stamp

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cas.config import Config, LayerConfig
    from cas.objects.store import ObjectStore
    from cas.view.layer import Layer


class ConfiguredLayers:
    """The layers of a repository; `config.yaml` is read again when it has changed. Safe for threads."""

    def __init__(self, store: ObjectStore, config: Config, stamp: Stamp | None) -> None:
        """Begin with what was read.

        Args:
            store: The repository's.
            config: What its `config.yaml` said,
            stamp: when the file looked so.
        """
        self._store = store
        self._path = os.fspath(store.layout.config)
        self._now = (stamp, self._layers(config))

    def __call__(self) -> tuple[Layer, ...]:
        """Give the layers, from the uppermost to the lowest.

        Raises:
            CasError: `config.yaml` has changed, and cannot be understood.
        """
        stamp = Stamp.of(self._path)
        known, layers = self._now
        if stamp != known:
            layers = self._layers(configuration.load(self._store.layout))
            self._now = (stamp, layers)
        return layers

    def _layers(self, config: Config) -> tuple[Layer, ...]:
        home = self._store.layout.root.parent
        return tuple(make_layer(layer, home, self._store) for layer in config.layers)


def make_layer(config: LayerConfig, home: Path, store: ObjectStore) -> Layer:
    """Make one layer.

    Args:
        config: What it is.
        home: The directory that holds `.cas`.
        store: What a layer of refs reads.
    """
    if config.kind == DIRECTORY:
        return directory_layer(config, home)
    if config.kind == PACKAGE:
        assert config.package is not None, "every package layer names one"
        return package_layer(config.name, config.package, config.folder)
    return RefsLayer(config.name, store, is_writable=config.writable)


def directory_layer(config: LayerConfig, home: Path) -> Layer:
    """Make a layer that is a directory."""
    return DirectoryLayer(config.name, _where(config, home), is_writable=config.writable)


def _where(config: LayerConfig, home: Path) -> Callable[[], str]:
    assert config.path is not None, "every directory has a path"
    head, _, rest = config.path.partition("/")
    if head != CWD:
        fixed = os.fspath(config.directory(home))
        return lambda: fixed

    def where() -> str:
        try:
            return os.path.abspath(rest)
        except FileNotFoundError as error:
            raise fs.explain(error, "cannot tell the current directory") from error

    return where
