"""Versions through resources: the same everywhere, of properties and inputs alone, and fixed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from blake3 import blake3
from hypothesis import given
from hypothesis import strategies as st

from cas.errors import InvalidError
from cas.ids import VersionId
from cas.resources.files import DirResource, FileResource
from cas.resources.values import BuildParamsResource, PythonResource
from cas.testing import strategies
from cas.versions.identity import version_id
from tests.processes import printed
from tests.resources import children
from tests.resources.hosts import REGION, TYPES, write

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from cas.versions.values import JSON
    from tests.resources.hosts import Host

VECTORS = Path(__file__).parent / "vectors" / "versions.json"

HOSTS = [
    {"PYTHONHASHSEED": "0", "LC_ALL": "C", "TZ": "UTC"},
    {"PYTHONHASHSEED": "1", "LC_ALL": "tr_TR.UTF-8", "TZ": "Asia/Kathmandu"},
    {"PYTHONHASHSEED": "4294967295", "LC_ALL": "POSIX", "TZ": "America/St_Johns", "PYTHONUTF8": "0"},
]


def vectors() -> list[Any]:
    found: list[Any] = json.loads(VECTORS.read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize("variables", HOSTS, ids=lambda variables: variables["LC_ALL"])
def test_the_golden_table_holds_on_every_host(
    variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A version computed here is looked up there: hash seed, locale and time zone must not be in it."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    lines = printed(children.print_versions, VECTORS).splitlines()

    assert lines == [vector["version"] for vector in vectors()]


@pytest.mark.parametrize("vector", vectors(), ids=lambda vector: str(vector["what"]))
def test_the_golden_table_can_be_made_without_cas(vector: dict[str, Any]) -> None:
    """Its versions are the hash of its canonical texts, and these say what the table says."""
    hashed = blake3(vector["canonical"].encode(), derive_key_context="cas version v1").hexdigest()

    assert vector["version"] == hashed
    assert json.loads(vector["canonical"]) == {
        "inputs": vector["inputs"],
        "properties": vector["properties"],
    }


@given(strategies.properties(min_size=1), strategies.inputs(), st.randoms(use_true_random=False))
def test_b1_the_order_of_inputs_and_properties_is_irrelevant(
    properties: dict[str, JSON], inputs: dict[str, VersionId], random: Random
) -> None:
    """They are sets of pairs, however they were gathered."""
    names, roles = list(properties), list(inputs)
    random.shuffle(names)
    random.shuffle(roles)
    one, two = FileResource("a"), FileResource("a")
    one.register(properties, inputs)
    two.register({name: properties[name] for name in names}, {role: inputs[role] for role in roles})

    assert one.version == two.version == version_id(properties, inputs)


def test_b1_swapped_roles_make_another_version() -> None:
    """The role is hashed with the version of the input."""
    a, b = VersionId(bytes(32)), VersionId(bytes([1]) * 32)
    one, two = FileResource("x"), FileResource("x")
    one.register({}, {"left": a, "right": b})
    two.register({}, {"left": b, "right": a})

    assert one.version != two.version


def test_b2_name_type_and_template_are_not_in_the_version() -> None:
    """What is in it are properties and inputs; code is by a property, for those who want it."""
    kinds: list[Callable[[], Any]] = [
        lambda: FileResource("a"),
        lambda: FileResource("b", "{region}.txt"),
        lambda: DirResource("a"),
        lambda: PythonResource("a"),
        lambda: BuildParamsResource("a"),
    ]
    resources = [kind() for kind in kinds]
    for resource in resources:
        resource.register(REGION)
    with_code = FileResource("a")
    with_code.register({**REGION, "code_version": 2})

    assert {resource.version for resource in resources} == {version_id(REGION, {})}
    assert with_code.version != resources[0].version


@pytest.mark.parametrize(
    ("properties", "why"),
    [
        ({"a": float("nan")}, "JSON has no nan"),
        ({"a": {"b": [float("inf")]}}, "JSON has no inf"),
        ({"a": b"bytes"}, "bytes is not a JSON value"),
        ({"a": {1, 2}}, "set is not a JSON value"),
        ({1: "a"}, "the key 1 is int"),
        ({"a": 2**53 + 1}, "beyond ±2^53"),
    ],
)
def test_b3_what_is_no_json_is_no_property(properties: dict[Any, Any], why: str) -> None:
    """It is refused when it is registered, and the resource can still be registered properly."""
    resource = FileResource("a")

    with pytest.raises(InvalidError, match=r".") as caught:
        resource.register(properties)

    assert caught.value.code == "bad-property"
    assert why in str(caught.value.why)
    resource.register(REGION)


def test_without_properties_and_inputs_there_is_no_version() -> None:
    """The store would take the content for it, and that is not known yet."""
    with pytest.raises(InvalidError) as caught:
        FileResource("a").register({})

    assert caught.value.code == "no-identity"


def test_b7_it_is_registered_once() -> None:
    """With the same properties or with others: whoever read the version relies on it."""
    resource = FileResource("a")
    resource.register(REGION)

    for again in (REGION, {"region": "fi"}):
        with pytest.raises(InvalidError) as caught:
            resource.register(again)
        assert caught.value.code == "frozen-properties"
    assert resource.version == version_id(REGION, {})


MUTATIONS: dict[str, Callable[[Any], object]] = {
    "set": lambda p: p.__setitem__("a", 1),
    "replace": lambda p: p.__setitem__("list", []),
    "delete": lambda p: p.__delitem__("list"),
    "update": lambda p: p.update(a=1),
    "or": lambda p: p.__ior__({"a": 1}),
    "clear": lambda p: p.clear(),
    "pop": lambda p: p.pop("list"),
    "popitem": lambda p: p.popitem(),
    "setdefault": lambda p: p.setdefault("a", 1),
    "nested set": lambda p: p["map"].__setitem__("x", 2),
    "nested append": lambda p: p["list"].append(3),
    "nested extend": lambda p: p["list"].extend([3]),
    "nested add": lambda p: p["list"].__iadd__([3]),
    "nested times": lambda p: p["list"].__imul__(2),
    "nested item": lambda p: p["list"].__setitem__(0, 3),
    "nested delete": lambda p: p["list"].__delitem__(0),
    "nested insert": lambda p: p["list"].insert(0, 3),
    "nested pop": lambda p: p["list"].pop(),
    "nested remove": lambda p: p["list"].remove(1),
    "nested sort": lambda p: p["list"].sort(),
    "nested reverse": lambda p: p["list"].reverse(),
    "nested clear": lambda p: p["list"].clear(),
    "deep": lambda p: p["map"]["y"][1].__setitem__("z", 2),
}


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_b7_registered_properties_cannot_be_changed(mutation: str) -> None:
    """At no depth and by no method: the version would lie."""
    properties = {"list": [1, 2], "map": {"x": 1, "y": [0, {"z": 1}]}}
    resource = FileResource("a")
    resource.register(properties)

    with pytest.raises(InvalidError) as caught:
        MUTATIONS[mutation](resource.properties)

    assert caught.value.code == "frozen-properties"
    assert resource.properties == properties
    assert version_id(resource.properties, {}) == resource.version


def test_b7_the_callers_dictionary_is_not_the_resources() -> None:
    """What somebody does with it afterwards is no concern of the resource."""
    properties: dict[str, Any] = {"list": [1]}
    inputs = {"a": VersionId(bytes(32))}
    resource = FileResource("a")
    resource.register(properties, inputs)

    properties["list"].append(2)
    inputs.clear()

    assert resource.properties == {"list": [1]}
    assert resource.inputs == {"a": VersionId(bytes(32))}
    with pytest.raises(InvalidError):
        resource.inputs.clear()  # type: ignore[attr-defined]  # a Mapping has no such method, and yet


@pytest.mark.parametrize("kind", TYPES)
def test_settings_commits_and_cleaning_change_no_identity(kind: str, host: Host) -> None:
    """From registration on; the record in the repository has the same."""
    resource = TYPES[kind]()
    resource.register({**REGION, "deep": [{"a": 1.5}]}, {"from": VersionId(bytes(32))})
    before = (resource.name, resource.version, dict(resource.properties), dict(resource.inputs))

    write(host.configured(resource))
    version = resource.logged_commit().version
    resource.clean()

    assert (resource.name, resource.version, resource.properties, resource.inputs) == before
    assert (version.name, version.version, version.properties, version.inputs) == before
