"""Where a resource is, for programs: the view of the repository around the current directory, or of none.

    import cas

    weights = cas.get_resource_path("models", "inception.ckpt").read_bytes()

The current directory is looked at in each call. Where there is no repository at it or above, the view has
what installed packages announce, in the order of their names, below `runtime_resources` in the current
directory. A package announces by an entry point in the group `cas.package_layers`: `NAME = PACKAGE`, of which
the folder `blobs` is meant, or `NAME = PACKAGE:FOLDER`.

1. A repository is opened once for each process, and again after a fork, or when another has taken its place.
2. A repository that cannot be opened is an error: the view of none would give other resources.
"""

from __future__ import annotations

import atexit
import os
import threading
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cas import fs
from cas.errors import NotFoundError
from cas.layer_settings import DEFAULT_LAYERS, PACKAGE, LayerConfig
from cas.layout import DIRECTORY_NAME, Layout
from cas.objects.environment import DATA
from cas.view import paths
from cas.view.build import directory_layer
from cas.view.package_layer import package_layer
from cas.view.view import View

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cas.repo import Repository
    from cas.view.layer import Layer

GROUP: Final = "cas.package_layers"
"""The entry points of distributions that bring resources."""


def get_resource_path(*parts: str | os.PathLike[str]) -> Path:
    """Return the absolute path of a file or a directory: of the uppermost layer that has it.

    Raises as `View.get_resource_path` does, and what opening the repository raises.
    """
    return current_view().get_resource_path(*parts)


def get_resources_writable_directory(*parts: str | os.PathLike[str]) -> Path:
    """Return the absolute path of a directory in the uppermost writable directory layer; it is made.

    Raises as `View.get_resources_writable_directory` does, and what opening the repository raises.
    """
    return current_view().get_resources_writable_directory(*parts)


def set_user_resources_directory(path: str | os.PathLike[str]) -> None:
    """Put a directory in the place of the uppermost writable directory layer, for all of this process.

    Raises:
        InvalidError: The path is empty.
    """
    _process.use_directory(paths.absolute(path))


def current_view() -> View:
    """Give the view as things stand: of the repository at or above the current directory, or of none."""
    return _process.view()


def default_view() -> View:
    """Make the view of no repository."""
    packages = package_layers()
    where = Path(os.sep)  # of no account: the layer is below the current directory
    return View(lambda: (directory_layer(DEFAULT_LAYERS[0], where), *packages))


@cache
def package_layers() -> tuple[Layer, ...]:
    """Give the layers that installed distributions announce, in the order of their names."""
    return tuple(package_layer(one.name, one.package or "", one.folder) for one in announced_layers())


@cache
def announced_layers() -> tuple[LayerConfig, ...]:
    """Say which layers installed distributions announce, in the order of their names.

    They belong to the view of no repository. A repository has the layers that its `config.yaml` lists, so
    that its view does not depend on what is installed beside the program that looks.
    """
    from importlib.metadata import entry_points  # noqa: PLC0415 - slow, and most repositories need none

    found = sorted(entry_points(group=GROUP), key=lambda point: (point.name, point.value))
    return tuple(_announced(point.name, point.value) for point in found)


def _announced(name: str, value: str) -> LayerConfig:
    package, _, folder = value.partition(":")
    layer = LayerConfig(name, PACKAGE, package=package)
    return replace(layer, folder=folder) if folder else layer


@dataclass(frozen=True, slots=True)
class _Opened:
    repository: Repository
    identity: tuple[int, int] | None
    """Device and inode of the index: it is open, so another repository at this path has another."""


class _Process:
    """What is open in this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._opened: dict[Path, _Opened] = {}
        self._default: View | None = None
        self._directory: str | None = None
        os.register_at_fork(after_in_child=self._forget)
        atexit.register(self.close)

    def view(self) -> View:
        """Give the view for the current directory."""
        layout = _repository_here()
        with self._lock:
            if layout is None:
                if self._default is None:
                    self._default = self._adapted(default_view())
                return self._default
            return self._open(layout).view()

    def use_directory(self, directory: str) -> None:
        """Have every view use a directory for what is written."""
        with self._lock:
            self._directory = directory
            if self._default is not None:
                self._adapted(self._default)
            for opened in self._opened.values():
                self._adapted(opened.repository.view())

    def close(self) -> None:
        """Close everything."""
        with self._lock:
            while self._opened:
                self._opened.popitem()[1].repository.close()

    def _open(self, layout: Layout) -> Repository:
        identity = _identity(layout)
        opened = self._opened.get(layout.root)
        if opened is not None and opened.identity == identity:
            return opened.repository
        if opened is not None:
            del self._opened[layout.root]
            opened.repository.close()
        from cas.repo import Repository  # noqa: PLC0415 - the rest works without

        repository = Repository.open(layout.root)
        self._adapted(repository.view())
        self._opened[layout.root] = _Opened(repository, identity)
        return repository

    def _adapted(self, view: View) -> View:
        if self._directory is not None:
            view.set_user_resources_directory(self._directory)
        return view

    def _forget(self) -> None:
        """Drop what a child has inherited: it must not use it, nor close it for its parent."""
        self._lock = threading.Lock()
        self._opened = {}


_process: Final = _Process()


def _repository_here() -> Layout | None:
    """Find the repository at or above the current directory."""
    with fs.explained("cannot tell the current directory"):
        here = os.getcwd()
    if not any(os.path.lexists(os.path.join(folder, DIRECTORY_NAME)) for folder in _upwards(here)):
        return None  # in microseconds, where `find` takes a hundred
    try:
        return Layout.find(Path(here))
    except NotFoundError:
        return None


def _upwards(folder: str) -> Iterator[str]:
    yield folder
    while folder != os.path.dirname(folder):
        folder = os.path.dirname(folder)
        yield folder


def _identity(layout: Layout) -> tuple[int, int] | None:
    try:
        status = os.stat(layout.index / DATA)
    except OSError:
        return None  # opening it says what is wrong
    return status.st_dev, status.st_ino
