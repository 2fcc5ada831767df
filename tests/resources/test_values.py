"""Python values: stored as they are, and unpickled by nobody but who asks for it."""

from __future__ import annotations

import io
import pickle
import pickletools
import threading
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cas.errors import InvalidError
from cas.resources.values import PROTOCOL, PythonResource, describe, unpickle
from tests.resources.hosts import REGION

if TYPE_CHECKING:
    from tests.resources.hosts import Host


def round_trip(value: object, host: Host) -> object:
    """Commit `value` by one object and load it by another."""
    written = host.configured(PythonResource("model"))
    written.set(value)
    written.logged_commit()
    written.clean()
    read = host.configured(PythonResource("model"))
    read.ensure_available()
    return read.load()


@pytest.mark.parametrize(
    "value", [None, 0, [], "", False, {"a": (1, 2)}, {1, 2}, b"\0", 1 + 2j, InvalidError]
)
def test_every_value_is_a_value(value: object, host: Host) -> None:
    """`None`, `0` and `[]` are not absence."""
    found = round_trip(value, host)

    assert found == value
    assert type(found) is type(value)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=st.recursive(st.none() | st.integers() | st.text() | st.binary(), st.lists))
def test_any_value_survives_the_round_trip(host: Host, value: object) -> None:
    """The same for whatever Hypothesis thinks of."""
    for version in host.repository.versions("model"):
        host.repository.remove([version.ref])

    assert round_trip(value, host) == value


def test_the_value_is_at_hand_after_set_and_after_load(host: Host) -> None:
    """And it is stored as it is at the commit, not as it was when it was set."""
    resource = host.configured(PythonResource("model"))
    resource.set([1])
    resource.value.append(2)
    resource.logged_commit()
    resource.clean()

    host.configured(resource).ensure_available()

    assert resource.load() == [1, 2]
    assert resource.value == [1, 2]
    assert resource.value is not resource.load()


def test_the_protocol_is_fixed(host: Host) -> None:
    """Another Python would choose another, and equal values would differ in bytes."""
    round_trip({"a": 1}, host)

    name, argument, _ = next(pickletools.genops(host.repository.read("model")))

    assert (name.name, argument) == ("PROTO", PROTOCOL) == ("PROTO", 5)


def test_the_version_does_not_depend_on_the_pickle(host: Host) -> None:
    """It was known before there was a value."""
    resource = PythonResource("model")
    resource.register(REGION)
    before = resource.version

    host.configured(resource).set({"x", "y", "z"})

    assert resource.logged_commit().version.version == before


class Awkward:
    """Pickling runs its code, and that goes wrong."""

    def __reduce__(self) -> str:
        raise RuntimeError("I would rather not")


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (lambda: None, "cannot be pickled: "),
        (threading.Lock(), "cannot be pickled: TypeError: cannot pickle '_thread.lock' object"),
        (Awkward(), "cannot be pickled: RuntimeError: I would rather not"),
    ],
)
def test_what_cannot_be_pickled_names_the_resource(value: object, why: str, host: Host) -> None:
    """Nothing is stored, and another value can be set."""
    resource = host.configured(PythonResource("maps/index"))
    resource.set(value)

    with pytest.raises(InvalidError) as caught:
        resource.logged_commit()

    assert caught.value.code == "unpicklable"
    assert caught.value.what == "cannot commit the resource 'maps/index'"
    assert why in str(caught.value.why)
    assert not resource.exists
    resource.set(1)
    resource.logged_commit()


class Exits:
    """Ends the program that unpickles it, or tries to."""

    def __reduce__(self) -> tuple[Any, ...]:
        return exit_politely, ()


def exit_politely() -> None:
    raise SystemExit(0)


class Unshowable:
    """Cannot say what it is."""

    def __repr__(self) -> str:
        raise RuntimeError("no words")


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "EOFError"),
        (b"no pickle", "UnpicklingError"),
        (b"cno_such_package\nthing\n.", "ModuleNotFoundError: No module named 'no_such_package'"),
        (pickle.dumps(Exits()), "SystemExit: 0"),
    ],
)
def test_what_cannot_be_unpickled_names_the_resource(data: bytes, why: str) -> None:
    """Mostly a package is missing here; a payload that exits does not end the program."""
    for read in (lambda: unpickle(io.BytesIO(data), "index"), lambda: describe(data, "index")):
        with pytest.raises(InvalidError) as caught:
            read()

        assert caught.value.code == "not-unpickled"
        assert caught.value.what == "cannot unpickle the value of 'index'"
        assert why in str(caught.value.why)


def test_a_value_that_cannot_be_shown_is_an_error_of_it() -> None:
    """Not of `cas`: `repr` is code of the payload, too."""
    assert describe(pickle.dumps({"a": [1]}), "index") == "{'a': [1]}"
    with pytest.raises(InvalidError, match="RuntimeError: no words"):
        describe(pickle.dumps(Unshowable()), "index")
