"""What names, tags and layers may be, and what is said about those that may not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given

from cas.errors import InvalidError
from cas.name_rules import MAX_LAYER_SIZE, parse_layer
from cas.testing import strategies
from cas.versions import rows
from cas.versions.names import MAX_NAME_SIZE, MAX_TAG_SIZE, parse_name, parse_tag
from cas.versions.values import FINGERPRINT_SIZE

if TYPE_CHECKING:
    from cas.ids import VersionId

LMDB_KEY_LIMIT = 511


@pytest.mark.parametrize(
    "text", ["roads", "osm/roads", "карты/дороги", "a b", "~x", "a.b", "...", "v=1,2", "a" * 400, "€", "a-"]
)
def test_good_names_are_returned_unchanged(text: str) -> None:
    """Parsing never normalises: what was typed is what is stored."""
    assert text == parse_name(text)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("", "empty"),
        ("/a", "empty component"),
        ("a/", "empty component"),
        ("a//b", "empty component"),
        (".", "'.' and '..'"),
        ("a/../b", "'.' and '..'"),
        ("-a", "starts with '-'"),
        ("a/-b", "starts with '-'"),
        ("a@b", "contains '@'"),
        ("a:b", "contains ':'"),
        ("a\\b", r"contains '\\'"),
        ("a\nb", r"contains '\n'"),
        ("a\0b", r"contains '\x00'"),
        ("a\x7fb", r"contains '\x7f'"),
        ("a\x85b", r"contains '\x85'"),
        ("a\udcffb", r"contains '\udcff'"),
        ("e\u0301", "normal form C"),
        ("a" * 401, "401 bytes, and the limit is 400"),
        ("é" * 201, "402 bytes"),
    ],
)
def test_bad_names_are_refused_by_rule(text: str, rule: str) -> None:
    """The message must say which rule was broken, or the user can only guess."""
    with pytest.raises(InvalidError) as caught:
        parse_name(text)

    assert caught.value.code == "bad-name"
    assert rule in str(caught.value.why)


def test_decomposed_text_comes_with_its_composed_form() -> None:
    """The two spellings look alike, so the hint has to show what to type."""
    with pytest.raises(InvalidError) as caught:
        parse_name("e\u0301")

    assert caught.value.hint == "write it as 'é'"


@pytest.mark.parametrize("text", ["v1.0", "latest", "2024", "cafe", "release candidate", "ß", "0" * 63])
def test_good_tags_are_returned_unchanged(text: str) -> None:
    """A tag may look like the start of a version id: dates do."""
    assert text == parse_tag(text)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("", "empty"),
        ("a/b", "contains '/'"),
        ("a=b", "contains '='"),
        ("a,b", "contains ','"),
        ("~1", "counts versions back"),
        ("-d", "starts with '-'"),
        ("F" * 64, "version id"),
        ("a" * 65, "65 bytes, and the limit is 64"),
    ],
)
def test_bad_tags_are_refused_by_rule(text: str, rule: str) -> None:
    """Everything a selector could mean otherwise is not a tag."""
    with pytest.raises(InvalidError) as caught:
        parse_tag(text)

    assert caught.value.code == "bad-tag"
    assert rule in str(caught.value.why)


@pytest.mark.parametrize(("text", "rule"), [("a/b", "contains '/'"), ("a" * 41, "41 bytes"), ("..", "'..'")])
def test_bad_layers_are_refused_by_rule(text: str, rule: str) -> None:
    """A layer is one short component."""
    with pytest.raises(InvalidError) as caught:
        parse_layer(text)

    assert caught.value.code == "bad-layer"
    assert rule in str(caught.value.why)


def test_the_longest_allowed_parts_fit_into_a_key() -> None:
    """The limits exist for LMDB's sake; a key over 511 bytes would fail inside a transaction."""
    ref = rows.ref_key("l" * MAX_LAYER_SIZE, "n" * MAX_NAME_SIZE)
    version = rows.version_key(ref, bytes(32))

    assert len(bytes(32) + version) <= LMDB_KEY_LIMIT
    assert len(bytes(FINGERPRINT_SIZE) + version) <= LMDB_KEY_LIMIT
    assert len(rows.tag_key(ref, "t" * MAX_TAG_SIZE)) <= LMDB_KEY_LIMIT
    assert len(rows.order_key(ref, 2**64 - 1)) <= LMDB_KEY_LIMIT


@given(strategies.layers(), strategies.names(), strategies.version_ids())
def test_keys_can_be_taken_apart(layer: str, name: str, version: VersionId) -> None:
    """Names hold no control characters, so the separators are unambiguous."""
    ref = rows.ref_key(layer, name)

    assert (layer, name) == rows.split_ref_key(ref)
    assert (ref, version) == rows.split_version_key(rows.version_key(ref, version.raw))
