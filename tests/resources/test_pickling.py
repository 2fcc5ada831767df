"""What is sent to a database: the object, and nothing of the host that it was on."""

from __future__ import annotations

import copy
import pickle
import pickletools
from typing import TYPE_CHECKING, Any

import pytest

from cas.errors import InvalidError
from cas.resources.stage import Stage
from tests.resources.hosts import EMPTY, REGION, TYPES, write

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.resources.hosts import Host

TOLD_TO_NOBODY = "4711-do-not-tell"


def strings_in(data: bytes) -> list[str]:
    """Take a pickle apart, and list every text and every name of a class in it."""
    return [str(argument) for _, argument, _ in pickletools.genops(data) if argument is not None]


@pytest.mark.parametrize("properties", [REGION, {**REGION, "deep": [{"a": [1]}]}])
@pytest.mark.parametrize("flow", ["writing", "reading", "failing"])
@pytest.mark.parametrize("kind", TYPES)
def test_a_cleaned_resource_pickles_and_tells_nothing(
    kind: str, flow: str, properties: dict[str, Any], host: Host
) -> None:
    """No path, no token, no handle, no payload: searched for in the bytes, and in what they say."""
    host.stored(TYPES[kind](), properties)
    resource = host.configured(TYPES[kind](), properties)
    match flow:
        case "writing":
            write(resource, TOLD_TO_NOBODY)
        case "reading":
            resource.ensure_available()
            if kind == "python":
                resource.load()
        case "failing":
            write(resource, TOLD_TO_NOBODY)
            if kind != "build-params":
                with pytest.raises(Exception, match="other content"):
                    resource.logged_commit()
    resource.clean()

    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        data = pickle.dumps(resource, protocol)
        for word in (
            str(host.workspace),
            host.workspace.name,
            str(host.repository.layout.root),
            TOLD_TO_NOBODY,
            "tmp",
        ):
            assert word.encode() not in data
        assert not [text for text in strings_in(data) if text.startswith("/")]
        assert not {"Environment", "Repository", "PosixPath"} & {
            word for text in strings_in(data) for word in text.split()
        }


@pytest.mark.parametrize("properties", [REGION, EMPTY])
@pytest.mark.parametrize("kind", TYPES)
def test_what_comes_out_of_the_database_goes_on_living(
    kind: str, properties: dict[str, Any], host: Host
) -> None:
    """Identity and `exists` survive, properties are as frozen as before, and it can be configured again."""
    if properties == EMPTY and kind != "optional":
        properties = {"region": "fi"}
    resource = host.stored(TYPES[kind]() if kind != "file" else TYPES["optional"](), properties)

    copied = pickle.loads(pickle.dumps(resource))  # noqa: S301 - it was made two lines above

    assert (copied.name, copied.version, copied.properties, copied.inputs, copied.exists, copied.stage) == (
        resource.name,
        resource.version,
        resource.properties,
        resource.inputs,
        True,
        Stage.CLEANED,
    )
    with pytest.raises(InvalidError):
        copied.properties["region"] = "xx"
    host.configured(copied).ensure_available()
    assert bool(copied) is bool(resource)
    copied.clean()
    host.configured(copied).remove()
    pickle.dumps(copied)


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("dump", [pickle.dumps, copy.deepcopy, copy.copy])
def test_what_knows_a_host_is_not_pickled(kind: str, dump: Callable[[Any], object], host: Host) -> None:
    """The missing step is named, where there would be an error about some handle deep inside."""
    resource = host.configured(TYPES[kind]())

    with pytest.raises(InvalidError, match=r"pickle.dumps.*it is configured, and clean\(\) comes first"):
        dump(resource)


@pytest.mark.parametrize("kind", TYPES)
def test_prototypes_are_copied(kind: str) -> None:
    """A graph keeps one, and each run works on a copy that shares nothing that changes."""
    prototype = TYPES[kind]()

    one = copy.deepcopy(prototype)
    one.register(REGION)

    assert prototype.stage is Stage.DECLARED
    assert prototype.properties == {}
    prototype.register({"region": "fi"})
    assert one.properties == REGION
