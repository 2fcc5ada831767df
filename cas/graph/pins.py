"""Pins: the versions that a run starts with, and keeps to whatever is committed meanwhile."""

from __future__ import annotations

import copy
from itertools import islice
from typing import TYPE_CHECKING, Final

from cas.errors import InvalidError, NotFoundError
from cas.graph.fill import Pin
from cas.resources.optional import IS_EMPTY, OptionalResource
from cas.versions.identity import version_id
from cas.versions.properties import check_properties

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cas.graph.graph import Graph
    from cas.graph.module import External
    from cas.repo.repository import Repository
    from cas.versions.values import JSON
    from cas.versions.version import Version

_EMPTY: Final[Mapping[str, JSON]] = {IS_EMPTY: True}

_NAMED: Final = 5
"""Missing inputs that an error names one by one."""

_MOST_MISSING: Final = 20
"""After so many no more are looked for: each takes a search for names that are like it."""

_MOST_COMPARED: Final = 5000
"""Outputs that are looked at for a near miss."""


def pin(repository: Repository, graph: Graph) -> dict[str, Pin]:
    """Choose the version of every external resource of `graph`.

    That is, of one with declared properties the version that these make; else the one that the selector
    finds, or the current one. An optional one that nobody committed is empty.

    Raises:
        NotFoundError: No module makes them and nobody committed them; the first of them are named. Or a file
            name needs a property that is not there.
        InvalidError: A version is of another type than the graph says, or does not fit it.
    """
    pins: dict[str, Pin] = {}
    missing: dict[str, NotFoundError] = {}
    for name, external in graph.externals.items():
        if external.properties is not None:
            pins[name] = _declared(external, external.properties)
            continue
        try:
            version = repository.resolve(_spec(external))
        except NotFoundError as error:
            if isinstance(external.resource, OptionalResource):
                pins[name] = _declared(external, _EMPTY)
            else:
                missing[name] = error
            if len(missing) == _MOST_MISSING:
                break
            continue
        _check_fit(external, version)
        pins[name] = Pin(version.properties, version.version, version.type)
    if missing:
        raise _missing(graph, missing)
    return pins


def _spec(external: External) -> str:
    return external.name if external.selector is None else f"{external.name}@{external.selector}"


def _declared(external: External, properties: Mapping[str, JSON]) -> Pin:
    assert external.resource is not None, "a graph refuses properties without a type"
    checked = check_properties(properties)
    copy.deepcopy(external.resource).register(checked)
    return Pin(checked, version_id(checked, {}), external.resource.type_name, is_declared=True)


def _check_fit(external: External, version: Version) -> None:
    """Find out now what the module that reads it would: that it is of another type, or lacks a property."""
    if external.resource is None:
        return
    if external.resource.type_name != version.type:
        raise InvalidError(
            f"cannot use '{version.ref}' as an input",
            code="wrong-type",
            why=f"the graph wants type '{external.resource.type_name}', and it is of type '{version.type}'",
        )
    copy.deepcopy(external.resource).register(version.properties, version.inputs)


def _missing(graph: Graph, missing: Mapping[str, NotFoundError]) -> NotFoundError:
    """Name inputs that are missing and who reads them; with the best hint that there is for the first."""
    first, error = next(iter(missing.items()))
    readers: dict[str, list[str]] = {name: [] for name in missing}
    for module in graph.order:
        for one in module.inputs:
            if one.name in readers:
                readers[one.name].append(f"input '{one.role}' of module '{module.name}'")
    if len(missing) == 1:
        what, why = f"cannot find '{_spec(graph.externals[first])}', {_listed(readers[first])}", _why(error)
    else:
        what = f"cannot find {'at least ' if len(missing) == _MOST_MISSING else ''}{len(missing)} inputs"
        places = [f"'{name}' ({_listed(reads)})" for name, reads in readers.items()]
        why = f"no module makes and nobody committed {_listed(places)}"
    return NotFoundError(what, code="no-such-input", why=why, hint=_hint(graph, first, error))


def _listed(items: Sequence[str]) -> str:
    shown = ", ".join(items[:_NAMED])
    more = len(items) - _NAMED
    return f"{shown} and {more} more" if more > 0 else shown


def _why(error: NotFoundError) -> str | None:
    return f"no module makes it, and {error.why}" if error.code == "no-such-name" else error.why


def _hint(graph: Graph, name: str, error: NotFoundError) -> str | None:
    from difflib import get_close_matches  # noqa: PLC0415 - 3 ms that only an error needs

    made = (output.name for module in graph.order for output in module.outputs)
    near: Sequence[str] = get_close_matches(name, islice(made, _MOST_COMPARED), n=1)
    if near:
        return f"did you mean '{near[0]}', which module '{_maker_name(graph, near[0])}' makes?"
    if error.code == "no-such-name" and error.hint == "run `cas ls`":
        return f"commit it: `cas commit {name} PATH`"
    return error.hint


def _maker_name(graph: Graph, name: str) -> str:
    maker = graph.maker(name)
    assert maker is not None, "an output has a maker"
    return maker.name
