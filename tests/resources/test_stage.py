"""Which call is allowed in which stage: every pair, for a file and for a value."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any

import pytest

from cas.errors import InvalidError
from cas.resources.stage import Stage
from tests.resources.hosts import REGION, TYPES, write

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.resources.hosts import Host

CALLS: dict[str, Callable[[Any, Host], object]] = {
    "load_environment_settings": lambda one, host: one.load_environment_settings(host.environment),
    "path": lambda one, _: one.path(),
    "set": lambda one, _: one.set(1),
    "value": lambda one, _: one.value,
    "load": lambda one, _: one.load(),
    "ensure_available": lambda one, _: one.ensure_available(),
    "commit": lambda one, _: one.commit(),
    "logged_commit": lambda one, _: one.logged_commit(),
    "remove": lambda one, _: one.remove(),
    "pickle.dumps": lambda one, _: pickle.dumps(one),
    "clean": lambda one, _: one.clean(),
}

OF_VALUES = {"set", "value", "load"}

ALLOWED: dict[str, set[str]] = {
    "load_environment_settings": {"new", "cleaned"},
    "path": {"configured", "written", "committed", "available"},
    "set": {"configured", "written", "committed"},
    "value": {"written", "committed"},
    "load": {"available"},
    "ensure_available": {"configured", "available"},
    "commit": {"written", "committed"},
    "logged_commit": {"written", "committed"},
    "remove": {"configured", "available", "removed"},
    "pickle.dumps": {"declared", "new", "cleaned", "removed"},
    "clean": {stage.value for stage in Stage},
}
"""Call → stages in which it succeeds, as semantics 2.3 has it."""

LEADS_TO = {
    "load_environment_settings": "configured",
    "set": "written",
    "ensure_available": "available",
    "commit": "committed",
    "logged_commit": "committed",
    "remove": "removed",
}

MISSING = {
    ("declared", "load_environment_settings"): "register()",
    ("configured", "load_environment_settings"): "clean()",
    ("new", "path"): "load_environment_settings()",
    ("cleaned", "logged_commit"): "load_environment_settings()",
    ("configured", "logged_commit"): "writing it",
    ("available", "logged_commit"): "clean()",
    ("configured", "load"): "ensure_available()",
    ("available", "value"): "load()",
    ("configured", "value"): "set()",
    ("written", "ensure_available"): "clean()",
    ("committed", "remove"): "clean()",
    ("written", "pickle.dumps"): "clean()",
    ("removed", "path"): "that is the end",
    ("removed", "load_environment_settings"): "that is the end",
}
"""(Stage, call) → what the error says is missing."""


def bring_to(stage: Stage, kind: str, host: Host) -> Any:  # noqa: ANN401 - of any type
    """Make a resource that is stored, and another object of it at `stage`."""
    host.stored(TYPES[kind]())
    one = TYPES[kind]()
    if stage is Stage.DECLARED:
        return one
    one.register(REGION)
    if stage is Stage.NEW:
        return one
    one.load_environment_settings(host.environment)
    match stage:
        case Stage.WRITTEN:
            write(one)
        case Stage.COMMITTED:
            write(one)
            one.logged_commit()
        case Stage.AVAILABLE:
            one.ensure_available()
        case Stage.CLEANED:
            one.clean()
        case Stage.REMOVED:
            one.remove()
    return one


@pytest.mark.parametrize("stage", Stage)
@pytest.mark.parametrize(
    ("kind", "call"),
    [("file", call) for call in CALLS if call not in OF_VALUES]
    + [("python", call) for call in CALLS if call != "path"],
)
def test_every_call_in_every_stage(kind: str, call: str, stage: Stage, host: Host) -> None:
    """Allowed, or an error that names the resource and the call, and leaves it as it was."""
    resource = bring_to(stage, kind, host)
    assert resource.stage is stage

    if stage.value in ALLOWED[call]:
        CALLS[call](resource, host)
        expected = LEADS_TO.get(call, resource.stage.value)
        assert resource.stage.value == expected
        return
    with pytest.raises(InvalidError) as caught:
        CALLS[call](resource, host)

    assert caught.value.code == "out-of-order"
    assert caught.value.what == f"cannot call {call}() on the resource '{resource.name}'"
    assert MISSING.get((stage.value, call), "") in str(caught.value.why)
    assert resource.stage is stage


@pytest.mark.parametrize("stage", Stage)
def test_cleaning_forgets_the_host_and_nothing_else(stage: Stage, host: Host) -> None:
    """From every stage, twice: in a `finally` nobody knows how far things went."""
    resource = bring_to(stage, "file", host)
    before = resource.properties

    resource.clean()
    resource.clean()

    kept = {Stage.DECLARED, Stage.NEW, Stage.REMOVED}
    assert resource.stage is (stage if stage in kept else Stage.CLEANED)
    assert resource.properties == before
    assert list(host.workspace.iterdir()) == []


def test_asking_for_the_version_too_early() -> None:
    """A prototype in a graph has none."""
    with pytest.raises(InvalidError, match="it is declared, and register"):
        _ = TYPES["file"]().version


def test_a_resource_shows_where_it_is(host: Host) -> None:
    """What a debugger or a log prints."""
    resource = TYPES["file"]()

    assert repr(resource) == "<FileResource maps/roads, declared>"
    assert (
        repr(host.configured(resource)) == f"<FileResource maps/roads@{resource.version.short}, configured>"
    )
