"""Templates: `str.format` over properties, without its traps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cas.errors import CasError, InvalidError, NotFoundError
from cas.ids import VersionId
from cas.resources.files import FileResource
from cas.resources.template import Template
from cas.testing import strategies

if TYPE_CHECKING:
    from cas.versions.values import JSON
    from tests.resources.hosts import Host

VERSION = VersionId(bytes(range(32)))
PROPERTIES: dict[str, Any] = {
    "region": "ru",
    "n": 7,
    "rate": 0.25,
    "width": 4,
    "tags": ["a", "b"],
    "by": {"2016": "old", "x": {"y": True}},
    "none": None,
    "a b": "spaced",
}


def expand(text: str, properties: dict[str, Any] = PROPERTIES, *, is_file_name: bool = False) -> str:
    template = Template(text, owner="roads", is_file_name=is_file_name)
    return template.expand(properties, name="maps/roads", version=VERSION)


def test_the_example_of_the_seed(host: Host) -> None:
    """The one file name that was promised in writing; the template is the second argument by position."""
    resource = FileResource("important", "important_file_{region}_{vendor}_{shipping_date}.json")
    properties = {
        "region": "russia",
        "vendor": "yandex",
        "shipping_date": 20160101,
        "other_property": "something",
    }

    assert host.configured(resource, properties).path().name == "important_file_russia_yandex_20160101.json"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{n:03d}", "007"),
        ("{rate:.1%}", "25.0%"),
        ("{n:>{width}}", "   7"),
        ("{region!r:>6}", "  'ru'"),
        ("{{{region}}}", "{ru}"),
        ("{tags[1]}{by[2016]}{by[x][y]}", "boldTrue"),
        ("{none}", "None"),
        ("{a b}", "spaced"),
        ("{by}", "{'2016': 'old', 'x': {'y': True}}"),
        ("plain", "plain"),
        ("", ""),
    ],
)
def test_what_is_standard_stays(text: str, expected: str) -> None:
    """Format specs, conversions, indexing and doubled braces mean what they mean in Python."""
    assert expand(text) == expected


@given(strategies.json_values(), st.sampled_from(["", "!r", "!s", "!a"]))
def test_a_template_agrees_with_str_format(value: JSON, conversion: str) -> None:
    """Whatever a value is, it is written as `str.format` writes it."""
    text = f"<{{value{conversion}}}>"

    assert expand(text, {"value": value}) == text.format(value=value)


def test_fields_are_known_without_values() -> None:
    """Those of nested formats too: a graph can be checked before any property is there."""
    assert Template("{a[x]}_{b:{c}d}_{{d}}", owner="x").fields == {"a", "b", "c"}


@pytest.mark.parametrize("text", ["{town}", "{by[town]}", "{tags[2]}", "{tags[x]}", "{n[0]}", "{n:{town}}"])
def test_b9_a_missing_property_is_named(text: str) -> None:
    """With the resource and with what there is, where `str.format` has a bare KeyError."""
    with pytest.raises(NotFoundError) as caught:
        expand(text)

    assert caught.value.code == "no-such-property"
    assert "'roads'" in caught.value.what
    assert f"there is no property '{text.removeprefix('{n:').strip('{}')}'; the properties are" in str(
        caught.value.why
    )


def test_b9_a_missing_property_is_found_at_registration() -> None:
    """Before any task ran, and the resource stays what it was."""
    resource = FileResource("roads", "{region}_{town}")

    with pytest.raises(NotFoundError, match="'town'"):
        resource.register({"region": "ru"})
    resource.register({"region": "ru", "town": "omsk"})


@pytest.mark.parametrize("text", ["{}", "{0}", "a{:d}", "{n:{}}", "{!r}", "{٣}"])
def test_b10_fields_without_a_name_are_refused_when_declared(text: str) -> None:
    """Properties have no order."""
    with pytest.raises(InvalidError, match="has no name, and properties have no order"):
        Template(text, owner="roads")


@pytest.mark.parametrize(
    "text", ["{region.__class__}", "{tags[0].x}", "{by[x].y}", "{n:{region.x}}", "{.x}", "{a.b[c]}"]
)
def test_b11_attributes_are_refused_when_declared(text: str) -> None:
    """`{region.__class__.__init__.__globals__}` is the way to every secret of the process."""
    with pytest.raises(InvalidError, match="asks for an attribute") as caught:
        Template(text, owner="roads")

    assert caught.value.code == "bad-template"


@pytest.mark.parametrize(
    "text", ["{", "}", "{a", "{a[}", "{a[b}", "{a]}", "{a[]}", "{a!x}", "{a!}", "{a[b]c}", "{a:{b:{c}}}"]
)
def test_what_cannot_be_understood_is_refused_when_declared(text: str) -> None:
    """And not when the first task is over."""
    with pytest.raises(InvalidError) as caught:
        Template(text, owner="roads")

    assert caught.value.code == "bad-template"
    assert caught.value.why


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{region:d}", "the property 'region' is 'ru': Unknown format code 'd'"),
        ("{none:3}", "the property 'none' is None: unsupported format string"),
        ("{tags:>3}", "the property 'tags' is"),
        ("{n:>{huge}}", "too wide"),
        ("{n:99999}", "too wide"),
        ("{huge:c}", "the property 'huge' is 1000000000000"),
    ],
)
def test_a_value_that_does_not_fit_its_format_is_named(text: str, why: str) -> None:
    """A width that comes from data must not fill the memory, either."""
    with pytest.raises(InvalidError) as caught:
        expand(text, {**PROPERTIES, "huge": 10**12})

    assert caught.value.code == "bad-template-value"
    assert why in str(caught.value.why)


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("a/b", "'v' is 'a/b', and a file name cannot have a '/' in it"),
        ("..", "cannot have '..' in it"),
        ("a..b", "cannot have '..' in it"),
        ("a\0b", "cannot have a NUL in it"),
        ("-rf", "which looks like an option of a program"),
        ("~root", "which looks like somebody's home directory"),
        ("", "that gives '', which names no file"),
        (".", "that gives '.', which names no file"),
        ("ä" * 128, "which has 256 bytes"),
    ],
)
def test_b12_a_value_cannot_escape_a_file_name(value: str, why: str) -> None:
    """A property comes from data; `../../etc/passwd` must not become a place to write to."""
    with pytest.raises(InvalidError) as caught:
        expand("{v}", {"v": value}, is_file_name=True)

    assert caught.value.code == "bad-template-value"
    assert why in str(caught.value.why)


@given(st.text(max_size=4), st.text(st.sampled_from("./~-\0a"), max_size=4), st.text(max_size=4))
def test_b12_what_comes_out_is_one_component(before: str, value: str, after: str) -> None:
    """Whatever is put together: either it is refused, or it names something in its directory."""
    literal = [text.replace("{", "{{").replace("}", "}}") for text in (before, after)]
    try:
        name = expand(f"{literal[0]}{{v}}{literal[1]}", {"v": value}, is_file_name=True)
    except CasError:
        return

    assert name == before + value + after
    assert name not in {"", ".", ".."}
    assert not {"/", "\0"} & set(name)
    assert name[0] not in "-~"


@pytest.mark.parametrize("text", ["a/{v}", "../{v}", "-{v}", "~{v}", "a\0{v}", "", "{v}.."])
def test_b12_a_file_name_template_is_checked_when_declared(text: str) -> None:
    """What no value could put right."""
    with pytest.raises(InvalidError) as caught:
        Template(text, owner="roads", is_file_name=True)

    assert caught.value.code == "bad-template"


def test_b12_a_negative_number_inside_is_no_option() -> None:
    """Tiles are called by their coordinates."""
    assert expand("tile_{x}_{y}", {"x": -12, "y": 3}, is_file_name=True) == "tile_-12_3"


def test_b12_urls_may_have_slashes() -> None:
    """What is no file name is not held to its rules."""
    assert expand("s3://{bucket}/{path}", {"bucket": "b", "path": "../x"}) == "s3://b/../x"


def test_b13_name_and_version_are_exposed() -> None:
    """And a property of that name wins."""
    assert expand("{name}@{version}") == f"maps/roads@{VERSION}"
    assert expand("{version:.6}") == "000102"
    assert expand("{name}{version}", {"name": "n", "version": 1}) == "n1"


def test_the_order_of_keys_does_not_show(host: Host) -> None:
    """It is not in the version, so two runs of one version must not make files of two names."""
    names = {
        host.configured(FileResource("roads", "{by}"), {"by": by}).path().name
        for by in ({"a": 1, "b": {"c": 1, "d": 2}}, {"b": {"d": 2, "c": 1}, "a": 1})
    }

    assert names == {"{'a': 1, 'b': {'c': 1, 'd': 2}}"}


def test_without_a_template_the_name_says_what_the_file_is_called(host: Host) -> None:
    """Its last component, braces and all; a name that no file may have needs a template."""
    assert host.configured(FileResource("maps/{roads}")).path().name == "{roads}"
    with pytest.raises(InvalidError, match="somebody's home directory"):
        FileResource("~ann")
