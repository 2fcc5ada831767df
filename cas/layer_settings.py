"""The sections `layers` and `views` of `config.yaml`: what the view is made of, and the room it may take.

layers:                           # from the highest priority to the lowest
- name: runtime
  kind: directory
  path: $(cwd)/runtime_resources  # or absolute, or relative to the directory that holds .cas
- name: main                      # kind: refs
- name: app
  kind: package
  package: myapp.resources
  folder: blobs
views:
  max_size: 10 GiB                # a number is bytes; none is no limit
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from cas.name_rules import broken_layer_rule
from cas.yaml_values import SIZE_RULE, BadValueError, Value

REFS: Final = "refs"
DIRECTORY: Final = "directory"
PACKAGE: Final = "package"

KINDS: Final = (REFS, DIRECTORY, PACKAGE)
"""What a layer may be; only those of refs hold versions."""

CWD: Final = "$(cwd)"
"""How the path of a layer begins that moves with the current directory."""

WHITEOUT_PREFIX: Final = ".wh."
"""In a directory: a file of this prefix and NAME hides what lower layers have at NAME beside it."""

OPAQUE_MARK: Final = ".wh..wh..opq"
"""In a directory: a file of this name hides what lower layers have in that directory."""

_DEFAULT_FOLDER: Final = "blobs"
_KEYS: Final = {
    REFS: ("name", "kind", "writable"),
    DIRECTORY: ("name", "kind", "writable", "path"),
    PACKAGE: ("name", "kind", "writable", "package", "folder"),
}
LAYERS_RULE: Final = "a list of layers, of which there must be one"
_PATH: Final = f"the path of a directory, which may begin with {CWD}/"
_REPOSITORY: Final = ".cas"
"""`layout.DIRECTORY_NAME`; that module stands beside this one, which may not import it."""
_OUTSIDE: Final = f"{_PATH}, and is outside of every {_REPOSITORY}"
_MODULE: Final = "the name of a Python package, as in myapp.resources"
_FOLDER: Final = "the path of a folder inside of the package"
_NO_LIMIT: Final = "none"


@dataclass(frozen=True, slots=True)
class LayerConfig:
    """One layer of the view, in the order of the file: the first has the highest priority."""

    name: str
    kind: str = REFS
    """One of `KINDS`."""
    writable: bool = True
    """False for every package, whatever it is made with."""
    path: str | None = None
    """Of a directory: absolute, relative to the directory that holds `.cas`, or below `$(cwd)`."""
    package: str | None = None
    """Of a package: its dotted name."""
    folder: str = _DEFAULT_FOLDER
    """Of a package: the folder in it that is the layer."""

    def directory(self, home: Path) -> Path:
        """Say where a layer of kind directory is: absolute, as things stand; it need not exist.

        Args:
            home: The directory that holds `.cas`.
        """
        assert self.path is not None, "every directory has a path"
        if self.path.partition("/")[0] == CWD:
            return Path(os.path.abspath(self.path[len(CWD) :].lstrip("/")))
        return Path(os.path.normpath(home / self.path))

    def __post_init__(self) -> None:
        """Keep a package from looking writable where nobody said anything about it."""
        if self.kind == PACKAGE:
            object.__setattr__(self, "writable", False)


DEFAULT_LAYERS: Final = (
    LayerConfig("runtime", DIRECTORY, path=f"{CWD}/runtime_resources"),
    LayerConfig("main"),
)
"""The layers of a new repository."""


@dataclass(frozen=True, slots=True)
class ViewSettings:
    """How much materialised content is kept."""

    max_size: int | None = 10 * 2**30
    """Bytes; None is no limit."""


def read_layers(section: Value) -> tuple[LayerConfig, ...]:
    """Read the section `layers`.

    Raises:
        BadValueError: It is empty, a layer is not as its kind must be, or two have one name.
    """
    layers: dict[str, LayerConfig] = {}
    for entry in section.items(LAYERS_RULE):
        layer = _read_layer(entry)
        if layer.name in layers:
            raise entry.required("name", "a text").bad("a name that no other layer has")
        layers[layer.name] = layer
    if not layers:
        raise section.bad(LAYERS_RULE)
    return tuple(layers.values())


def _read_layer(entry: Value) -> LayerConfig:
    name = entry.required("name", "a text")
    rule = broken_layer_rule(name.text("a text"))
    if rule is not None:
        raise name.bad(f"the name of a layer: {rule}")
    kind = _kind(entry)
    list(entry.keys(_KEYS[kind]))  # refuses others
    writable = _is_writable(entry, kind)
    if kind == DIRECTORY:
        return LayerConfig(name.data, kind, writable, path=_path(entry.required("path", _PATH)))
    if kind == PACKAGE:
        package = _module(entry.required("package", _MODULE))
        folder = entry.member("folder")
        return LayerConfig(
            name.data, kind, writable, None, package, _DEFAULT_FOLDER if folder is None else _folder(folder)
        )
    return LayerConfig(name.data, kind, writable)


def _kind(entry: Value) -> str:
    kind = entry.member("kind")
    if kind is None:
        return REFS
    if kind.data not in KINDS:
        raise kind.bad(f"one of {', '.join(KINDS)}")
    return str(kind.data)


def _is_writable(entry: Value, kind: str) -> bool:
    writable = entry.member("writable")
    if writable is None:
        return kind != PACKAGE
    if writable.flag() and kind == PACKAGE:
        raise writable.bad("false: what a package brings is only read")
    return writable.flag()


def _path(value: Value) -> str:
    text = value.text(_PATH)
    head, _, rest = text.partition("/")
    if "\0" in text or "$(" in rest or ("$(" in head and head != CWD):
        raise value.bad(_PATH)
    if _REPOSITORY in text.split("/"):  # what is put into a layer would become hooks, packs, settings
        raise value.bad(_OUTSIDE)
    return text


def _module(value: Value) -> str:
    text = value.text(_MODULE)
    if not all(part.isidentifier() for part in text.split(".")):
        raise value.bad(_MODULE)
    return text


def _folder(value: Value) -> str:
    text = value.text(_FOLDER)
    if text.startswith("/") or "\0" in text or ".." in text.split("/"):
        raise value.bad(f"{_FOLDER}, without '..'")
    return text


def layer_document(layer: LayerConfig) -> dict[str, Any]:
    """Write a layer as `read_layers` reads it."""
    document: dict[str, Any] = {"name": layer.name, "kind": layer.kind, "writable": layer.writable}
    if layer.kind == DIRECTORY:
        document["path"] = layer.path
    if layer.kind == PACKAGE:
        document |= {"package": layer.package, "folder": layer.folder}
    return document


def checked(layer: LayerConfig) -> LayerConfig:
    """Check a layer that comes from elsewhere, as `read_layers` checks those of the file.

    Raises:
        BadValueError: It is not as its kind must be.
    """
    document = layer_document(layer)
    for key, value in document.items():
        if isinstance(value, str) and not _is_text(value):
            raise BadValueError(f"'{key}' is {value!r}, and must be UTF-8, as config.yaml is")
    if layer.path is not None and not layer.path.strip():  # in the file it is what it says
        raise BadValueError(f"'path' is {layer.path!r}, and must be {_PATH}")
    text = yaml.safe_dump(document, default_flow_style=True, width=sys.maxsize)
    try:
        return _read_layer(Value.parse(text.encode()))
    except BadValueError as error:
        raise BadValueError(str(error).removeprefix("line 1: ")) from None


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:  # bytes of a path that are no UTF-8
        return False
    return True


def read_views(section: Value | None) -> ViewSettings:
    """Read the section `views`; None is all defaults.

    Raises:
        BadValueError: A key is unknown, or its value is not what it takes.
    """
    if section is None:
        return ViewSettings()
    list(section.keys(("max_size",)))  # refuses others
    size = section.member("max_size")
    if size is None:
        return ViewSettings()
    return ViewSettings(None if size.data == _NO_LIMIT else size.size(f"{SIZE_RULE}, or {_NO_LIMIT}"))


def views_document(settings: ViewSettings) -> dict[str, Any]:
    """Write what differs from the defaults; undoes `read_views`."""
    if settings == ViewSettings():
        return {}
    return {"max_size": _NO_LIMIT if settings.max_size is None else settings.max_size}
