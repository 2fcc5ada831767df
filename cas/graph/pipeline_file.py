"""Pipeline files: a graph of commands in YAML; docs/pipelines.md describes them key by key.

The file is read as property files are, so what YAML readers disagree about is refused. Its shape is in the
structs below; keys that they do not have are refused, because a slip in an optional key would go unnoticed.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar

import msgspec

from cas.errors import CasError, InvalidError
from cas.graph.arguments import shell
from cas.graph.declare import inputs_by_role, no_properties, outputs_by_role
from cas.graph.graph import Graph
from cas.graph.module import Command, External, Module
from cas.resources.optional import OptionalResource
from cas.resources.propagators import parse_propagator
from cas.resources.registry import resource_type
from cas.versions.property_file import read_mapping

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from cas.resources.base import Resource

MAX_SIZE: Final = 64 << 20
"""Bytes in a pipeline file: programs write some of them, and ten thousand modules take a few MB."""

_NAMED_ON_DISK: Final = frozenset({"file", "directory"})
_UNQUOTED: Final = re.compile(r"Expected `[^`]*\bstr\b[^`]*`, got `(?:int|float|bool)`")

T = TypeVar("T", bound=msgspec.Struct)


class _Pipeline(msgspec.Struct):
    """The whole file."""

    modules: dict[str, dict[str, Any]]
    resources: dict[str, dict[str, Any] | None] = {}


class _Resource(msgspec.Struct):
    """A resource from outside."""

    type: str | None = None
    version: str | None = None
    optional: bool = False
    properties: dict[str, Any] | None = None
    file_name: str | None = None


class _Output(msgspec.Struct, forbid_unknown_fields=True):
    """What a module makes."""

    name: str
    type: str = "file"
    file_name: str | None = None
    optional: bool = False


_Outputs: TypeAlias = "str | list[str | _Output] | dict[str, str | _Output]"


class _Module(msgspec.Struct):
    """A module."""

    outputs: _Outputs
    run: str | list[str | int]
    inputs: str | list[str] | dict[str, str] = []
    properties: Any = None
    constants: dict[str, Any] = msgspec.field(name="set", default_factory=dict)
    env: dict[str, str | int] = {}


def load_pipeline(path: Path) -> Graph:
    """Read the graph in the YAML file `path`; its commands run in the directory that holds the file.

    Raises:
        InvalidError: It is not YAML, or not a pipeline; the message says where, and the rule.
        NotFoundError: There is no such file, or a type or a propagator that it names is not installed.
    """
    document = read_mapping(path, holds="a pipeline", code="bad-pipeline", max_size=MAX_SIZE)
    with _explained(f"cannot read a pipeline from '{path}'"):
        pipeline = _converted("", document, _Pipeline)
        directory = path.absolute().parent
        modules = [_module(name, fields, directory) for name, fields in pipeline.modules.items()]
        return Graph(modules, [_external(name, fields or {}) for name, fields in pipeline.resources.items()])


@contextmanager
def _explained(what: str) -> Iterator[None]:
    """Make the error of a part that of the whole; its code stays, because that says what is wrong."""
    try:
        yield
    except CasError as error:
        raise type(error)(what, code=error.code, why=str(error), hint=error.hint) from error


def _external(name: str, fields: Mapping[str, Any]) -> External:
    place = f"resources.{name}"
    said = _converted(place, fields, _Resource)
    if said.type is not None:
        with _explained(f"cannot understand {place}"):
            resource = _prototype(name, said.type, said.file_name, is_optional=said.optional)
        return External(name, said.version, resource, said.properties)
    if said.optional or said.file_name is not None or said.properties is not None:
        raise _refused(place, "without a type it cannot be optional, or have a file name or properties")
    return External(name, said.version)


def _module(name: str, fields: Mapping[str, Any], directory: Path) -> Module:
    place = f"modules.{name}"
    said = _converted(place, fields, _Module)
    with _explained(f"cannot understand {place}"):
        argv = shell(said.run) if isinstance(said.run, str) else tuple(map(str, said.run))
        return Module(
            name=name,
            inputs=inputs_by_role(said.inputs),
            outputs=outputs_by_role(_resources(said.outputs)),
            propagator=no_properties if said.properties is None else parse_propagator(said.properties),
            task=Command(argv, directory, {key: str(value) for key, value in said.env.items()}),
            properties=said.constants,
        )


def _resources(said: _Outputs) -> list[Resource] | dict[str, Resource]:
    if isinstance(said, dict):
        return {role: _output(one) for role, one in said.items()}
    return [_output(one) for one in ([said] if isinstance(said, str) else said)]


def _output(said: str | _Output) -> Resource:
    if isinstance(said, str):
        return _prototype(said, "file", None, is_optional=False)
    return _prototype(said.name, said.type, said.file_name, is_optional=said.optional)


def _prototype(name: str, kind: str, file_name: str | None, *, is_optional: bool) -> Resource:
    if file_name is not None and kind not in _NAMED_ON_DISK:
        raise _refused(f"'{name}'", f"a resource of type '{kind}' has no file name")
    make: Callable[..., Resource] = resource_type(kind)
    resource = make(name) if file_name is None else make(name, file_name)
    return OptionalResource(resource) if is_optional else resource


def _converted(place: str, fields: Mapping[str, Any], kind: type[T]) -> T:
    known = _keys(kind)
    unknown = [key for key in fields if key not in known]
    if unknown:
        raise _refused(place, f"there is no key '{unknown[0]}'; the keys are {', '.join(known)}")
    try:
        return msgspec.convert(fields, kind)
    except msgspec.ValidationError as error:
        hint = "put quotes around text" if _UNQUOTED.search(str(error)) else None
        raise _refused(place, str(error), hint) from None


@cache
def _keys(kind: type[msgspec.Struct]) -> tuple[str, ...]:
    return tuple(sorted(field.encode_name for field in msgspec.structs.fields(kind)))


def _refused(place: str, why: str, hint: str | None = None) -> InvalidError:
    return InvalidError(f"cannot understand {place or 'it'}", code="bad-pipeline", why=why, hint=hint)
