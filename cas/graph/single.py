"""A graph of one module, from what is given on a command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cas.errors import InvalidError
from cas.graph.declare import no_properties
from cas.graph.graph import Graph
from cas.graph.module import Command, External, Input, Module, Output
from cas.resources.registry import resource_type

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from cas.repo.repository import Repository
    from cas.resources.base import Resource
    from cas.versions.values import JSON
    from cas.versions.version import Version


def single_step(  # noqa: PLR0913 - each is an option of `cas run`
    repository: Repository,
    command: Command,
    *,
    outputs: Sequence[str],
    inputs: Sequence[str],
    properties: Mapping[str, JSON],
    type_name: str,
) -> Graph:
    """Make a graph of one module, called as its first output.

    Args:
        repository: Where the inputs are looked up; they are pinned here.
        command: What the module runs.
        outputs: Each `NAME` or `ROLE=NAME`; at least one.
        inputs: Each `SPEC` or `ROLE=SPEC`.
        properties: Of every output.
        type_name: The type of every output.

    Raises:
        InvalidError: A name or role breaks a rule or is there twice, two versions of one resource are
            wanted, or the command asks for what is not given.
        NotFoundError: An input does not exist, or there is no such type.
    """
    make: Callable[[str], Resource] = resource_type(type_name)
    named = [_named(text) for text in outputs]
    found = [(role, repository.resolve(spec)) for role, spec in map(_split_role, inputs)]
    module = Module(
        name=named[0][1],
        inputs=tuple(Input(role or _last(version.name), version.name) for role, version in found),
        outputs=tuple(Output(role, make(name)) for role, name in named),
        propagator=no_properties,
        task=command,
        properties=dict(properties),
    )
    return Graph([module], _externals([version for _, version in found]))


def _externals(versions: Sequence[Version]) -> list[External]:
    """Pin each resource; a run has one version of each."""
    chosen: dict[str, Version] = {}
    for version in versions:
        other = chosen.setdefault(version.name, version)
        if other.version != version.version:
            raise InvalidError(
                f"cannot use two versions of '{version.name}'",
                code="duplicate-input",
                why=f"{other.version.short} and {version.version.short} are asked for, and a run has one "
                "version of each resource",
                hint="commit one of them under another name",
            )
    return [External(name, str(version.version)) for name, version in chosen.items()]


def _named(text: str) -> tuple[str, str]:
    role, name = _split_role(text)
    return role or _last(name), name


def _split_role(text: str) -> tuple[str, str]:
    """Take `ROLE=REST` apart; an `=` after the `@` belongs to the selector."""
    role, equals, rest = text.partition("=")
    return (role, rest) if equals and "@" not in role else ("", text)


def _last(name: str) -> str:
    return name.rpartition("/")[2]
