"""Scan files: rules that are understood, and rules that are refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cas.errors import InvalidError, NotFoundError
from cas.graph.scan_file import load_rules

if TYPE_CHECKING:
    from pathlib import Path


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "sources.yaml"
    path.write_text(text)
    return path


def test_a_rule_has_a_name_a_path_constants_and_a_type(tmp_path: Path) -> None:
    """The last two may be missing: then there are no constants, and files match."""
    first, second = load_rules(
        write(
            tmp_path,
            """
            resources:
              - name: maps/{region}
                path: data/{region}/{year:int}
                properties: {source: yandex, zoom: [1, 2]}
                type: directory
              - {name: words, path: words.txt}
            """,
        )
    )

    assert ("maps/{region}", "data/{region}/{year:int}") == (first.name.text, first.path.text)
    assert {"source": "yandex", "zoom": [1, 2]} == first.properties
    assert {"source", "zoom", "region", "year", "content"} == first.keys
    assert {} == second.properties
    assert {"content"} == second.keys
    assert [True, False] == [first.is_directory, second.is_directory]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "'resources' of"),
        ("resources: {}", "it is not a list of rules"),
        ("resources: []", "it is not a list of rules"),
        ("sources: []", "the only key is 'resources'"),
        ("resources: [text]", "rule 1 of"),
        ("resources: [{name: a, path: b}, {name: a}]", "rule 2 of"),
        ("resources: [{path: b}]", "'name' is not a text"),
        ("resources: [{name: a, path: {b}}]", "'path' is not a text; quote it"),
        ("resources: [{name: a, path: ''}]", "'path' is not a text"),
        ("resources: [{name: a, path: b, files: c}]", "it has the key 'files', and the keys are name, path"),
        (
            "resources: [{name: a, path: b, type: table}]",
            "'type' is 'table', and the types are file, directory",
        ),
        ("resources: [{name: a, path: b, properties: [1]}]", "'properties' is not a mapping"),
        ("resources: [{name: a, path: 'x{b}', properties: {b: 1}}]", "'b' is both a placeholder"),
        ("resources: [{name: a, path: 'x{content}'}]", "the property 'content' is set by the scan"),
        ("resources: [{name: a, path: b, properties: {content: 1}}]", "the property 'content' is set"),
        ("resources: [{name: 'a{b}', path: 'x{c}'}]", "{b} stands in the name, and not in the path"),
        ("resources: [{name: 'a{b:int}', path: 'x{b:int}'}]", "its type belongs into the path"),
        ("resources: [{name: a, path: 'x{b'}]", "'{b' does not begin with a placeholder"),
        ("resources: [{name: a, path: b, properties: {c: 9007199254740993}}]", "beyond ±2^53"),
        ("resources: [{name: a, name: b, path: c}]", "the key 'name' is there twice"),
        ("resources: [{name: a, path: b, properties: {day: 2024-01-01}}]", "is a date"),
        ("resources: [&a {name: a, path: b}, *a]", "anchors and aliases are not allowed"),
        ("resources: [!!python/name:os.system {}]", "is not allowed"),
        ("resources: [", "line 2, column 1: a bracket that is not closed"),
    ],
)
def test_what_is_refused(tmp_path: Path, text: str, told: str) -> None:
    """One code for all of it; the message says which rule and why."""
    with pytest.raises(InvalidError) as caught:
        load_rules(write(tmp_path, text))

    assert "bad-scan-file" == caught.value.code
    assert told in f"{caught.value.what} {caught.value.why}"
    assert "sources.yaml" in caught.value.what


def test_no_file(tmp_path: Path) -> None:
    """It is not found, rather than invalid."""
    with pytest.raises(NotFoundError):
        load_rules(tmp_path / "nothing.yaml")
