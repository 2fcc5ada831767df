"""What a module and a resource from outside must be like, each looked at alone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from cas.errors import InvalidError
from cas.graph.arguments import placeholders_of
from cas.graph.module import Command
from cas.versions.names import parse_new_name
from cas.versions.properties import check_properties

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from cas.graph.module import External, Input, Module, Output
    from cas.versions.values import JSON

_ROLE: Final = re.compile(r"[^\s{}\[\]/]+")


def check_module(module: Module, known: set[str]) -> None:
    """Check everything about a module that does not depend on others.

    Args:
        module: The module.
        known: Names that were found good before; those of this module are added.

    Raises:
        InvalidError: A name or a role breaks a rule or is there twice, there is no output, or the command
            asks for a role that the module does not have.
    """
    _check_name(module.name, known)
    if not module.outputs:
        raise _refused(module.name, "it has no output", code="no-output")
    names = [output.name for output in module.outputs]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise _refused(module.name, f"two of its outputs are called '{min(twice)}'", code="two-makers")
    _check_roles(module, "input", module.inputs, known)
    _check_roles(module, "output", module.outputs, known)
    try:
        check_properties(module.properties)
    except InvalidError as error:
        raise _refused(module.name, str(error), code=error.code) from error
    if isinstance(module.task, Command):
        _check_command(module, module.task)


def check_externals(
    declared: Iterable[External], read: Collection[str], makers: Mapping[str, Module]
) -> dict[str, External]:
    """Check what is said about resources from outside, and return it by name.

    Args:
        declared: What is said.
        read: Names of the resources that modules read.
        makers: Which module makes a resource.

    Raises:
        InvalidError: Something is said twice, about what a module makes, or about what none reads; or the
            properties that are said cannot be all that there is to it.
    """
    found: dict[str, External] = {}
    for one in declared:
        if one.name in makers:
            why = f"it is said to come from outside, and module '{makers[one.name].name}' makes it"
            raise _bad_resource(one, why, code="two-makers")
        if one.name not in read:
            raise _bad_resource(one, "no module reads it", code="unused-resource")
        if one.name in found:
            raise _bad_resource(one, "it is described twice", code="duplicate-resource")
        if one.properties is not None:
            _check_declared(one, one.properties)
        found[one.name] = one
    return found


def _check_declared(one: External, properties: Mapping[str, JSON]) -> None:
    try:
        check_properties(properties)
    except InvalidError as error:
        raise _bad_resource(one, str(error), code=error.code) from error
    if one.resource is None or one.resource.has_payload:
        why = "only a resource without payload, such as build-params, is made by saying its properties"
    elif one.selector is not None:
        why = "its properties make its version, so no other can be selected"
    elif not properties:
        why = "it has neither a payload nor properties"
    else:
        return
    raise _bad_resource(one, why, code="bad-resource")


def _refused(module: str, why: str, *, code: str) -> InvalidError:
    """Build the error for a module that breaks a rule."""
    return InvalidError(f"cannot use module '{module}'", code=code, why=why)


def _bad_resource(one: External, why: str, *, code: str) -> InvalidError:
    return InvalidError(f"cannot use the resource '{one.name}'", code=code, why=why)


def _check_name(name: str, known: set[str]) -> None:
    if name not in known:
        known.add(parse_new_name(name))


def _check_roles(
    module: Module, kind: str, things: tuple[Input, ...] | tuple[Output, ...], known: set[str]
) -> None:
    seen: set[str] = set()
    for one in things:
        _check_name(one.name, known)
        _check_name(one.role, known)
        if not _ROLE.fullmatch(one.role):
            why = f"the role {one.role!r} has a blank, a slash or a bracket in it"
            raise _refused(module.name, why, code="bad-role")
        if one.role in seen:
            raise _refused(module.name, f"two {kind}s have the role '{one.role}'", code="duplicate-role")
        seen.add(one.role)


def _check_command(module: Module, command: Command) -> None:
    if not command.argv:
        raise _refused(module.name, "its command is empty", code="empty-command")
    roles = {
        "inputs": [one.role for one in module.inputs],
        "outputs": [one.role for one in module.outputs],
    }
    try:
        used = list(placeholders_of(command))
    except InvalidError as error:
        raise _refused(module.name, str(error), code=error.code) from error
    for found in used:
        if found.role not in roles[found.side]:
            there = ", ".join(f"'{role}'" for role in roles[found.side]) or "none"
            why = f"its command has {found}, and the roles of its {found.side} are {there}"
            raise _refused(module.name, why, code="no-such-role")
