"""A layer that is data inside of an installed Python package: found without importing the package."""

from __future__ import annotations

import os
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from cas.layer_settings import PACKAGE
from cas.view.directory_layer import DirectoryLayer
from cas.view.warning import warn

if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec


def package_layer(name: str, package: str, folder: str) -> DirectoryLayer:
    """Make a layer of the folder `folder` in `package`; it is empty if the package is not installed.

    Where the package is, is found out once.
    """

    @cache
    def where() -> str | None:
        found = package_folder(package, folder)
        if found is None:
            warn(__name__, "layer '%s' is empty: %s", name, missing(package))
        return None if found is None else os.fspath(found)

    return DirectoryLayer(name, where, kind=PACKAGE, is_writable=False)


def missing(package: str) -> str:
    """Say why a package has no folders, and for which Python: another one may well have it."""
    first = package.partition(".")[0]
    spec = _spec(first)
    if spec is None:
        return f"there is no Python package '{package}' for {sys.executable or 'this Python'}"
    if spec.submodule_search_locations is None:
        return f"'{first}' is a Python module, and not a package, which could have folders"
    places = list(spec.submodule_search_locations)
    if any(map(os.path.isdir, places)):
        return f"there is no '{package}' in the Python package '{first}', which is in '{places[0]}'"
    return f"the Python package '{first}' is in '{next(iter(places), '')}', which is no directory"


def package_folder(package: str, folder: str) -> Path | None:
    """Say where a folder of a package is, or would be; None if there is no such package.

    Nothing is imported: of a dotted name, the finders of Python are asked for the first part only, and the
    rest is taken for directories in it.
    """
    first, *rest = package.split(".")
    places = [os.path.join(os.path.abspath(place), *rest) for place in _locations(first)]
    packages = [place for place in places if os.path.isdir(place)]
    with_folder = (place for place in packages if os.path.isdir(os.path.join(place, folder)))
    best = next(with_folder, packages[0] if packages else None)
    return None if best is None else Path(best, folder)


def _locations(name: str) -> Sequence[str]:
    """List the directories of a top-level package; a namespace has several."""
    spec = _spec(name)
    return () if spec is None else list(spec.submodule_search_locations or ())


def _spec(name: str) -> ModuleSpec | None:
    from importlib.util import find_spec  # noqa: PLC0415 - most views have no package

    try:
        return find_spec(name)
    except (ImportError, ValueError):  # a finder that fails, a module that was made by hand
        return None
