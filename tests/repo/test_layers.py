"""Layers: config.yaml orders them, the uppermost that has a name wins, and each is written by name."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
import yaml

from cas import Repository
from cas.errors import NotFoundError, ReadOnlyError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def layered(home: Path) -> Iterator[Repository]:
    """A repository to whose configuration somebody has added two layers, by hand."""
    Repository.init(home).close()
    config = home / ".cas" / "config.yaml"
    document = yaml.safe_load(config.read_text())
    document["layers"] = [
        {"name": "frozen", "writable": False},
        {"name": "work"},
        {"name": "main", "kind": "refs", "writable": True},
    ]
    config.write_text(yaml.safe_dump(document))
    with Repository.open(home) as repository:
        yield repository


def put(repository: Repository, name: str, data: bytes, layer: str | None = None) -> None:
    """Commit a file."""
    repository.commit(name, io.BytesIO(data), layer=layer)


def test_a_commit_goes_to_the_uppermost_writable_layer(layered: Repository) -> None:
    """Unless it names another."""
    put(layered, "notes", b"work's")
    put(layered, "notes", b"main's", "main")

    assert ["work", "main"] == [version.layer for version in layered.versions("notes")]


def test_the_uppermost_layer_that_has_a_name_wins(layered: Repository) -> None:
    """And the others are reached by theirs."""
    put(layered, "notes", b"main's", "main")
    assert b"main's" == layered.read("notes")

    put(layered, "notes", b"work's")

    assert b"work's" == layered.read("notes") == layered.read("work:notes")
    assert b"main's" == layered.read("main:notes")


def test_names_of_all_layers_are_one_list(layered: Repository) -> None:
    """Each once, from the layer that wins, or those of one layer."""
    put(layered, "b", b"main's b", "main")
    put(layered, "a", b"main's a", "main")
    put(layered, "b", b"work's b")
    put(layered, "b", b"work's second b")
    put(layered, "c", b"work's c")

    assert [("a", "main", 1), ("b", "work", 2), ("c", "work", 1)] == [
        (one.name, one.layer, one.version_count) for one in layered.names()
    ]
    assert ["a", "b"] == [one.name for one in layered.names(layer="main")]
    assert [] == layered.names(layer="frozen")
    assert ["b"] == [one.name for one in layered.names("b")]


def test_versions_are_found_in_every_layer(layered: Repository) -> None:
    """By properties, too."""
    for layer in ("work", "main"):
        layered.commit("notes", io.BytesIO(layer.encode()), layer=layer, properties={"in": layer})

    assert ["main"] == [version.layer for version in layered.find({"in": "main"})]
    assert b"main" == layered.read("notes@in=main")
    assert ["main"] == [version.layer for version in layered.versions("notes", layer="main")]


def test_a_removal_uncovers_what_is_below(layered: Repository) -> None:
    """Only in its own layer is the name gone."""
    put(layered, "notes", b"main's", "main")
    put(layered, "notes", b"work's")

    layered.remove(["notes"])

    assert b"main's" == layered.read("notes")
    with pytest.raises(NotFoundError):
        layered.read("work:notes")


def test_an_input_may_lie_in_another_layer(layered: Repository) -> None:
    """What was made in `work` of what is in `main` keeps it from being removed."""
    put(layered, "raw", b"raw", "main")

    made = layered.commit("cooked", io.BytesIO(b"cooked"), inputs=["raw"]).version

    assert {"raw": layered.resolve("main:raw").version} == made.inputs


@pytest.mark.parametrize(
    ("layer", "error", "code"),
    [("frozen", ReadOnlyError, "layer-read-only"), ("other", NotFoundError, "no-such-layer")],
)
def test_not_every_layer_can_be_written(
    layered: Repository, layer: str, error: type[Exception], code: str
) -> None:
    """One is frozen, one is not there."""
    with pytest.raises(error) as caught:
        put(layered, "notes", b"", layer)

    assert code == getattr(caught.value, "code", None)


def test_a_layer_that_is_not_there_is_named(layered: Repository) -> None:
    """A typo must not look like an empty layer."""
    for look in (
        lambda: layered.names(layer="wrok"),
        lambda: layered.versions("notes", layer="wrok"),
        lambda: layered.resolve("wrok:notes"),
    ):
        with pytest.raises(NotFoundError) as caught:
            look()
        assert "no-such-layer" == caught.value.code
        assert "'work'" in str(caught.value.why)
