"""The registry of remote resources: `remote.yaml`, and how what it lists gets here.

    from cas import registry

    entries = registry.load(Path("remote.yaml"))
    results = registry.download(entries, view=view, settings=settings)

Names are loaded when they are used: the transport is heavy, and a registry can be read without it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cas.registry.checks import Finding as Finding
    from cas.registry.checks import check as check
    from cas.registry.choice import choose as choose
    from cas.registry.downloads import Outcome as Outcome
    from cas.registry.downloads import Result as Result
    from cas.registry.downloads import download as download
    from cas.registry.entry import RemoteEntry as RemoteEntry
    from cas.registry.here import Here as Here
    from cas.registry.listing import Listed as Listed
    from cas.registry.listing import list as list  # noqa: A004 - `registry.list`, as `cas resources list`
    from cas.registry.registry_file import load as load

_HOMES = {
    "cas.registry.checks": "Finding check",
    "cas.registry.choice": "choose",
    "cas.registry.downloads": "Outcome Result download",
    "cas.registry.entry": "RemoteEntry",
    "cas.registry.here": "Here",
    "cas.registry.listing": "Listed list",
    "cas.registry.registry_file": "load",
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}

__all__ = sorted(_HOME_OF)  # noqa: PLE0605 - the table above is the list


def __getattr__(name: str) -> object:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module 'cas.registry' has no attribute {name!r}")
    return getattr(import_module(home), name)
