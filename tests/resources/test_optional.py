"""Optional resources: empty by one property, and quiet then."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest

from cas.errors import InvalidError
from cas.repo.results import Outcome
from cas.resources.files import DirResource, FileResource
from cas.resources.optional import OptionalResource
from cas.resources.stage import Stage
from cas.resources.values import BuildParamsResource, PythonResource
from cas.versions.identity import version_id
from tests.resources.hosts import EMPTY, REGION, write

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.resources.hosts import Host

BASES: dict[str, Callable[[], Any]] = {
    "file": lambda: FileResource("extra"),
    "directory": lambda: DirResource("extra"),
    "python": lambda: PythonResource("extra"),
    "build-params": lambda: BuildParamsResource("extra"),
}


class Falsy(FileResource):
    """A base that takes itself for nothing."""

    def __bool__(self) -> bool:
        return False

    def __len__(self) -> int:
        return 0


def test_truth_is_the_property_and_nothing_else(host: Host) -> None:
    """Not what the base takes itself for, and not what is on the disk."""
    present = host.configured(OptionalResource(Falsy("a")))
    absent = host.configured(OptionalResource(Falsy("a")), EMPTY)
    assert present
    assert not absent
    assert absent.is_empty

    write(present)
    present.logged_commit()

    assert present
    assert not absent
    assert OptionalResource(FileResource("a")), "a prototype is not empty: nobody has said so"


@pytest.mark.parametrize("value", [False, None, 1, "true", []])
def test_the_property_is_true_or_not_there(value: object) -> None:
    """There must not be two ways to say that it is present: they would be two versions."""
    optional = OptionalResource(FileResource("a"))

    with pytest.raises(InvalidError) as caught:
        optional.register({"is_empty": value})

    assert caught.value.code == "bad-property"
    assert optional.stage is Stage.DECLARED


@pytest.mark.parametrize("kind", BASES)
def test_every_step_of_an_empty_one_succeeds(kind: str, host: Host) -> None:
    """All three flows, in one workspace in which nothing is ever made."""
    for flow in (
        ["logged_commit", "logged_commit", "commit", "clean", "clean"],
        ["ensure_available", "ensure_available", "clean"],
        ["remove", "remove", "clean"],
    ):
        optional = host.configured(OptionalResource(BASES[kind]()), EMPTY)
        for step in flow:
            getattr(optional, step)()
            assert list(host.workspace.iterdir()) == []


@pytest.mark.parametrize("kind", BASES)
def test_an_empty_one_need_not_be_stored_to_be_available_or_removed(kind: str, host: Host) -> None:
    """A reader finds out by asking it, not by an error."""
    optional = host.configured(OptionalResource(BASES[kind]()), EMPTY)

    optional.ensure_available()
    assert not optional.exists
    optional.remove()

    assert host.repository.names() == []


@pytest.mark.parametrize("kind", BASES)
def test_an_empty_commit_is_a_record(kind: str, host: Host) -> None:
    """Of the base's type, with an empty file, in lineage and listings like others."""
    optional = host.configured(OptionalResource(BASES[kind]()), EMPTY)
    before = optional.exists

    result = optional.logged_commit()

    assert (before, optional.exists) == (False, True)
    assert result.outcome is Outcome.CREATED
    version = host.repository.resolve("extra")
    assert (version.type, version.size, version.properties) == (kind, 0, EMPTY)
    assert version.version == optional.version == version_id(EMPTY, {})


def test_removing_an_empty_one_leaves_its_record(host: Host) -> None:
    """There is no payload to delete; `cas remove` takes the record, if somebody wants that."""
    optional = host.configured(OptionalResource(FileResource("extra")), EMPTY)
    optional.logged_commit()
    optional.clean()

    host.configured(optional).remove()

    assert optional.stage is Stage.REMOVED
    assert host.repository.resolve("extra").properties == EMPTY


def test_the_version_changes_when_data_appears(host: Host) -> None:
    """And with it everything that is made from it."""
    empty, full = (OptionalResource(FileResource("extra")) for _ in range(2))
    host.stored(empty, {**REGION, **EMPTY})
    host.stored(full, REGION)
    below = [FileResource("map") for _ in range(2)]
    for resource, optional in zip(below, (empty, full), strict=True):
        resource.register(REGION, {"extra": optional.version})

    assert empty.version != full.version
    assert below[0].version != below[1].version
    assert len(host.repository.versions("extra")) == 2


@pytest.mark.parametrize(
    ("kind", "call"),
    [("file", "path"), ("directory", "path"), ("python", "set"), ("python", "load"), ("python", "value")],
)
def test_what_only_the_base_can_do_an_empty_one_cannot(kind: str, call: str, host: Host) -> None:
    """The error says that it is empty, whichever way it is asked."""
    optional = host.configured(OptionalResource(BASES[kind]()), EMPTY)

    for asked in (call, "base"):
        with pytest.raises(InvalidError, match="it is optional, and empty") as caught:
            getattr(optional, asked)
        assert caught.value.code == "resource-empty"
    assert not hasattr(optional, "no_such_thing")


def test_a_present_one_is_its_base(host: Host) -> None:
    """Properties and methods go there, and both have one life."""
    optional = host.configured(OptionalResource(PythonResource("extra")))

    optional.set([1])
    assert optional.base.value == optional.value == [1]
    assert optional.stage is optional.base.stage is Stage.WRITTEN
    optional.logged_commit()
    assert optional.base.exists
    optional.clean()

    assert optional.base.properties == optional.properties == REGION
    assert optional.base.version == optional.version
    assert host.repository.resolve("extra").type == "python"
    with pytest.raises(AttributeError, match="no_such_thing"):
        _ = optional.no_such_thing


def test_a_present_one_obeys_the_base(host: Host) -> None:
    """Its template, and that something was written."""
    optional = OptionalResource(FileResource("extra", "{town}"))
    with pytest.raises(KeyError, match="town"):
        optional.register(REGION)
    optional.register({**REGION, "town": "omsk"})

    with pytest.raises(InvalidError, match="writing it comes first"):
        host.configured(optional).logged_commit()


def test_an_empty_one_needs_none_of_the_bases_properties() -> None:
    """There is no file that a template would name."""
    optional = OptionalResource(FileResource("extra", "{town}"))

    optional.register(EMPTY)

    assert not optional


def test_a_copy_is_as_one_with_its_base_as_the_original(host: Host) -> None:
    """A graph keeps a prototype, and each run works on a copy."""
    prototype = OptionalResource(FileResource("extra"))
    one = copy.deepcopy(prototype)

    host.configured(one).path().write_text("text")
    one.logged_commit()

    assert one.base.stage is one.stage is Stage.COMMITTED
    assert prototype.stage is prototype.base.stage is Stage.DECLARED


def test_what_is_registered_cannot_become_optional() -> None:
    """Whether it is empty would have been in its version."""
    base = FileResource("extra")
    base.register(REGION)

    with pytest.raises(InvalidError) as caught:
        OptionalResource(base)

    assert caught.value.code == "frozen-properties"
