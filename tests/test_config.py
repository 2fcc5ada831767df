"""`config.yaml`: people may edit it, an older `cas` must not misread it, and mistakes are named."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from cas import config
from cas.config import Chunking, Config, LayerConfig, ViewSettings
from cas.errors import CorruptError, InvalidError, NotFoundError, ReadOnlyError
from cas.layout import Layout
from cas.objects.chunker import Chunker

if TYPE_CHECKING:
    from pathlib import Path

ID = "6f1c7f0e-4b0a-4a64-9b55-0d8f7e6a5b4c"


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """Where the file will be."""
    return Layout(tmp_path)


def edit(layout: Layout, **changes: Any) -> None:  # noqa: ANN401 - YAML is anything
    """Write a valid file with these keys replaced, by hand as it were."""
    config.save(layout, Config(ID))
    document = yaml.safe_load(layout.config.read_text())
    layout.config.write_text(yaml.safe_dump(document | changes))


def configs() -> st.SearchStrategy[Config]:
    """Draw configurations."""
    names = st.text("abc# йё", min_size=1, max_size=5)
    paths = st.sampled_from(["$(cwd)", "$(cwd)/runtime_resources", "/data", "../a b", "- x", "#", "on", "5"])
    layers = st.lists(
        st.builds(LayerConfig, names, st.just("refs"), st.booleans())
        | st.builds(LayerConfig, names, st.just("directory"), st.booleans(), path=paths)
        | st.builds(
            LayerConfig,
            names,
            st.just("package"),
            package=st.sampled_from(["app", "my_app.resources"]),
            folder=st.sampled_from(["blobs", "a/b", "yes"]),
        ),
        min_size=1,
        max_size=4,
        unique_by=lambda layer: layer.name,
    )
    chunkings = st.builds(
        Chunking,
        st.integers(64, 1024),
        st.integers(1024, 65536),
        st.integers(65536, 1 << 24),
        st.integers(1, 1 << 24),
    )
    views = st.builds(ViewSettings, st.none() | st.integers(0, 2**50))
    return st.builds(Config, st.uuids().map(str), layers.map(tuple), chunkings, views=views)


@given(written=configs())
def test_what_is_saved_is_loaded(written: Config, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Order of layers included: it is their priority."""
    layout = Layout(tmp_path_factory.mktemp("config"))

    config.save(layout, written)

    assert written == config.load(layout)


def test_every_repository_has_an_id_of_its_own() -> None:
    """Two are copies of one another if and only if it is equal."""
    assert config.new() != config.new()


def test_a_new_repository_has_the_two_layers_of_old() -> None:
    """What the user puts into a folder here wins over what is stored, and is where downloads go."""
    assert (
        LayerConfig("runtime", "directory", writable=True, path="$(cwd)/runtime_resources"),
        LayerConfig("main", "refs", writable=True),
    ) == config.new().layers


def test_the_defaults_are_pinned(layout: Layout) -> None:
    """New repositories must chunk as old ones did, or copying between them stores everything twice."""
    config.save(layout, Config(ID))

    assert {
        "format": 1,
        "repository": ID,
        "features": {"compatible": [], "read_only_compatible": [], "incompatible": []},
        "layers": [
            {
                "name": "runtime",
                "kind": "directory",
                "writable": True,
                "path": "$(cwd)/runtime_resources",
            },
            {"name": "main", "kind": "refs", "writable": True},
        ],
        "chunking": {
            "min_size": 16384,
            "average_size": 65536,
            "max_size": 262144,
            "whole_below": 131072,
        },
    } == yaml.safe_load(layout.config.read_text())
    assert layout.config.read_text().startswith("# A `cas` repository.")


def test_a_missing_file_is_damage(layout: Layout) -> None:
    """Whoever looks for one knows that there is a repository; the way out is named."""
    with pytest.raises(CorruptError, match=r"config\.yaml") as caught:
        config.load(layout)

    assert "config-missing" == caught.value.code
    assert "cas recover" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("changes", "needs"),
    [
        ({"format": 2}, "format 2"),
        ({"format": 2, "features": ["of", "another", "shape"]}, "format 2"),
        ({"features": {"incompatible": ["sha-1", "encrypted"]}}, "features sha-1, encrypted"),
    ],
)
def test_a_newer_format_is_refused(layout: Layout, changes: dict[str, Any], needs: str) -> None:
    """An older `cas` would read it wrongly; it says what to do instead."""
    edit(layout, **changes)

    with pytest.raises(InvalidError) as caught:
        config.load(layout)

    assert "newer-format" == caught.value.code
    assert needs in str(caught.value.why)
    assert "pip install --upgrade cas-store" in str(caught.value.hint)


def test_unknown_features_that_do_no_harm_are_ignored(layout: Layout) -> None:
    """That is what the class of a feature is for."""
    edit(layout, features={"compatible": ["notes"]}, unknown="key")

    assert config.load(layout).is_writable


def test_a_feature_may_forbid_writing_only(layout: Layout) -> None:
    """Whoever does not know it can still look."""
    edit(layout, features={"read_only_compatible": ["quotas"]})

    assert not config.load(layout).is_writable


@pytest.mark.parametrize("features", [None, {}, {"incompatible": None}])
def test_an_empty_key_is_an_empty_list(layout: Layout, features: object) -> None:
    """YAML reads a key without a value as null; whoever deletes the last feature leaves that behind."""
    edit(layout, features=features)

    assert config.load(layout).is_writable


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "it is empty"),
        ("# only a comment\n", "it is empty"),
        ("just a sentence", "line 1: the file is 'just a sentence', and must be a mapping of keys to values"),
        ("- a list", "line 1: the file is a list, and must be a mapping"),
        ("format: 1\nlayers: [1", "line 2, column 9: a bracket that is not closed"),
        ("\tformat: 1", "line 1, column 1: a tab"),
        ("format: 1\n---\nformat: 1", "line 2, column 1: expected a single document"),
        ("format: 1", "'repository' is missing, and must be a UUID"),
        ("repository: x", "'format' is missing, and must be a whole number"),
        ("!!python/object/apply:os.system ['true']", "line 1, column 1: could not determine a constructor"),
        ("\x00", "line 1: a character that no text has"),
    ],
)
def test_a_file_that_makes_no_sense_is_refused(layout: Layout, text: str, why: str) -> None:
    """With line and reason, and without running anything that it says."""
    layout.config.write_text(text)

    with pytest.raises(InvalidError) as caught:
        config.load(layout)

    assert "bad-config" == caught.value.code
    assert str(layout.config) in caught.value.what
    assert str(caught.value.why).startswith(why)
    assert "cas recover" in str(caught.value.hint)


def test_bytes_that_are_no_text_are_refused(layout: Layout) -> None:
    """As a disk may leave them."""
    layout.config.write_bytes(b"format: \xff\xfe\n")

    with pytest.raises(InvalidError) as caught:
        config.load(layout)

    assert "bad-config" == caught.value.code
    assert "line 1: it is not UTF-8 (byte 9)" in str(caught.value.why)


KINDS = "refs, directory, package"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"format": "one"}, "line 1: 'format' is 'one', and must be a whole number"),
        ({"format": True}, "line 1: 'format' is true, and must be a whole number"),
        ({"format": 0}, "line 1: 'format' is 0, and must be a whole number"),
        ({"format": None}, "'format' is missing, and must be a whole number"),
        ({"repository": "mine"}, "line 1: 'repository' is 'mine', and must be a UUID"),
        ({"repository": 5}, "line 1: 'repository' is 5, and must be a UUID"),
        ({"features": ["x"]}, "line 1: 'features' is a list, and must be a mapping"),
        ({"features": {"incompatible": "x"}}, "line 1: 'features.incompatible' is 'x', and must be a list"),
        (
            {"features": {"incompatible": [5]}},
            "line 1: 'features.incompatible[0]' is 5, and must be a text",
        ),
        ({"layers": []}, "line 1: 'layers' is an empty list, and must be a list of layers"),
        ({"layers": None}, "'layers' is missing, and must be a list of layers"),
        ({"layers": {"main": "refs"}}, "line 1: 'layers' is a mapping, and must be a list"),
        ({"layers": [{"kind": "refs"}]}, "line 1: 'layers[0].name' is missing, and must be a text"),
        ({"layers": [{"name": 5}]}, "line 1: 'layers[0].name' is 5, and must be a text"),
        ({"layers": ["main"]}, "line 1: 'layers[0]' is 'main', and must be a mapping"),
        (
            {"layers": [{"name": "a"}, {"name": "a"}]},
            "line 1: 'layers[1].name' is 'a', and must be a name that no other layer has",
        ),
        (
            {"layers": [{"name": "a", "kind": "ref"}]},
            f"line 1: 'layers[0].kind' is 'ref', and must be one of {KINDS}",
        ),
        (
            {"layers": [{"name": "a", "kind": ["refs"]}]},
            f"line 1: 'layers[0].kind' is a list, and must be one of {KINDS}",
        ),
        (
            {"layers": [{"name": "a", "writable": "no"}]},
            "line 1: 'layers[0].writable' is 'no', and must be true or false",
        ),
        (
            {"layers": [{"name": "a:b"}]},
            "line 1: 'layers[0].name' is 'a:b', and must be the name of a layer: it contains ':'",
        ),
        (
            {"layers": [{"name": "e\u0301"}]},
            "and must be the name of a layer: it is not in Unicode normal form C",
        ),
        (
            {"layers": [{"name": "a", "writeable": False}]},
            "line 1: 'layers[0].writeable' is not a key; there are name, kind, writable",
        ),
        (
            {"layers": [{"name": "a", "path": "/data"}]},
            "line 1: 'layers[0].path' is not a key; there are name, kind, writable",
        ),
        (
            {"layers": [{"name": "a", "kind": "directory", "path": "/data", "package": "app"}]},
            "line 1: 'layers[0].package' is not a key; there are name, kind, writable, path",
        ),
        (
            {"layers": [{"name": "a", "kind": "directory"}]},
            "line 1: 'layers[0].path' is missing, and must be the path of a directory",
        ),
        (
            {"layers": [{"name": "a", "kind": "directory", "path": ""}]},
            "line 1: 'layers[0].path' is '', and must be the path of a directory",
        ),
        (
            {"layers": [{"name": "a", "kind": "directory", "path": "$(home)/data"}]},
            "'layers[0].path' is '$(home)/data', and must be the path of a directory, which may begin",
        ),
        (
            {"layers": [{"name": "a", "kind": "directory", "path": "data/$(cwd)"}]},
            "line 1: 'layers[0].path' is 'data/$(cwd)', and must be",
        ),
        (
            {"layers": [{"name": "a", "kind": "directory", "path": "$(cwd)data"}]},
            "line 1: 'layers[0].path' is '$(cwd)data', and must be",
        ),
        (
            {"layers": [{"name": "a", "kind": "directory", "path": "a\0b"}]},
            "'layers[0].path' is 'a\0b', and must be the path of a directory",
        ),
        (
            {"layers": [{"name": "a", "kind": "package"}]},
            "line 1: 'layers[0].package' is missing, and must be the name of a Python package",
        ),
        (
            {"layers": [{"name": "a", "kind": "package", "package": ""}]},
            "line 1: 'layers[0].package' is '', and must be the name of a Python package",
        ),
        (
            {"layers": [{"name": "a", "kind": "package", "package": "my-app"}]},
            "line 1: 'layers[0].package' is 'my-app', and must be the name of a Python package",
        ),
        (
            {"layers": [{"name": "a", "kind": "package", "package": "app", "writable": True}]},
            "line 1: 'layers[0].writable' is true, and must be false: what a package brings is only read",
        ),
        (
            {"layers": [{"name": "a", "kind": "package", "package": "app", "folder": "a/../.."}]},
            "line 1: 'layers[0].folder' is 'a/../..', and must be the path of a folder inside of the package",
        ),
        (
            {"layers": [{"name": "a", "kind": "package", "package": "app", "folder": "/etc"}]},
            "line 1: 'layers[0].folder' is '/etc', and must be the path of a folder inside of the package",
        ),
        ({"views": 5}, "line 1: 'views' is 5, and must be a mapping"),
        ({"views": {"size": 5}}, "line 1: 'views.size' is not a key; there are max_size"),
        (
            {"views": {"max_size": "much"}},
            "'views.max_size' is 'much', and must be a number of bytes, or a size such as 500 MiB, or none",
        ),
        ({"views": {"max_size": -1}}, "line 1: 'views.max_size' is -1, and must be a number of bytes"),
        ({"chunking": [1]}, "line 1: 'chunking' is a list, and must be a mapping"),
        ({"chunking": {"min_size": "small"}}, "line 1: 'chunking.min_size' is 'small', and must be a whole"),
        ({"chunking": {"min_size": None}}, "line 1: 'chunking.min_size' is missing, and must be a size"),
        (
            {"chunking": {"colour": 1}},
            "line 1: 'chunking.colour' is not a key; there are min_size, average_size, max_size, whole_below",
        ),
        ({"chunking": {"min_size": 0}}, "'chunking.min_size' is 0, and must be a whole number from 64 to"),
        ({"chunking": {"average_size": 2**40}}, "must be a whole number from 256 to 4194304"),
        ({"chunking": {"max_size": 2**25}}, "must be a whole number from 1024 to 16777216"),
        ({"chunking": {"whole_below": 0}}, "must be a whole number from 1 to 16777216"),
        (
            {"chunking": {"min_size": 2**17}},
            "line 1: 'chunking': min_size, average_size and max_size are 131072, 65536 and 262144, and",
        ),
        ({"hooks": {"timeout": "long"}}, "line 1: 'hooks.timeout' is 'long', and must be a number"),
    ],
)
def test_a_wrong_value_is_named(layout: Layout, changes: dict[str, Any], why: str) -> None:
    """As people read it: line, key, what is there, what is allowed; when it is opened, not in mid-commit."""
    edit(layout, **changes)
    document = yaml.safe_load(layout.config.read_text())
    (key,) = changes
    rest = {name: value for name, value in document.items() if name != key}
    layout.config.write_text(f"{key}: {json.dumps(changes[key])}\n{yaml.safe_dump(rest)}")

    with pytest.raises(InvalidError) as caught:
        config.load(layout)

    assert "bad-config" == caught.value.code
    assert why in str(caught.value.why)
    assert "Error" not in str(caught.value.why)


def test_the_line_is_that_of_the_value(layout: Layout) -> None:
    """Not of the mapping around it."""
    config.save(layout, Config(ID))
    lines = layout.config.read_text().replace("kind: refs", "kind: view").splitlines()
    layout.config.write_text("\n".join(lines))

    with pytest.raises(InvalidError, match=r"'layers\[1\].kind' is 'view'") as caught:
        config.load(layout)

    assert lines.index("  kind: view") + 1 == int(str(caught.value.why).split()[1].rstrip(":"))


def test_a_key_that_is_there_twice_is_refused(layout: Layout) -> None:
    """YAML would take the last one without a word."""
    config.save(layout, Config(ID))
    text = layout.config.read_text() + "layers:\n- name: other\n"
    layout.config.write_text(text)

    with pytest.raises(InvalidError) as caught:
        config.load(layout)

    assert f"line {len(text.splitlines()) - 1}: 'layers' is given a second time" == caught.value.why


@pytest.mark.parametrize(
    ("other", "loaded"),
    [
        ({}, LayerConfig("other", "refs", writable=True)),
        ({"kind": "refs", "writable": False}, LayerConfig("other", "refs", writable=False)),
        (
            {"kind": "directory", "path": "data"},
            LayerConfig("other", "directory", writable=True, path="data"),
        ),
        (
            {"kind": "package", "package": "app"},
            LayerConfig("other", "package", writable=False, package="app", folder="blobs"),
        ),
    ],
)
def test_layers_are_of_three_kinds(layout: Layout, other: dict[str, Any], loaded: LayerConfig) -> None:
    """What is not said has a default, and those of refs alone hold versions."""
    edit(layout, layers=[{"name": "main"}, {"name": "other", **other}])

    found = config.load(layout)

    assert loaded == found.layers[1]
    assert ["main", *(["other"] if loaded.kind == "refs" else [])] == found.refs_layers()


@pytest.mark.parametrize("path", ["$(cwd)", "$(cwd)/", "$(cwd)/a/../b", "a", "../a", "/a", "/a/"])
def test_a_directory_is_where_the_shell_would_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """Below the current directory as it is at the call, or beside the repository, or right there."""
    (tmp_path / "here").mkdir()
    layer = LayerConfig("files", "directory", path=path)
    monkeypatch.chdir(tmp_path / "here")

    found = layer.directory(tmp_path / "home")

    base = tmp_path / ("here" if path.startswith("$(cwd)") else "home")
    relative = path.removeprefix("$(cwd)/").removeprefix("$(cwd)")
    expected = base / relative if path.startswith("$(cwd)") else base / path
    assert os.path.normpath(expected) == str(found)


def test_a_package_is_never_written_to() -> None:
    """Whatever whoever makes the layer says of it, or forgets to say."""
    assert not LayerConfig("app", "package", package="app").writable


@pytest.mark.parametrize(
    ("size", "expected"), [("20GiB", 20 * 2**30), ("5 MiB", 5 * 2**20), (0, 0), (7, 7), ("none", None)]
)
def test_the_room_for_views_is_a_size_or_none(layout: Layout, size: object, expected: int | None) -> None:
    """As people write sizes; without a word it is 10 GiB."""
    config.save(layout, Config(ID))
    assert 10 * 2**30 == config.load(layout).views.max_size

    edit(layout, views={"max_size": size})

    assert expected == config.load(layout).views.max_size


@given(sizes=configs().map(lambda one: one.chunking))
def test_accepted_sizes_are_accepted_by_the_chunker(sizes: Chunking) -> None:
    """The bounds here are those of the library that cuts."""
    assert [] == list(Chunker(sizes).cut([]))


@pytest.mark.parametrize("key", ["min_size", "average_size", "max_size"])
def test_partial_chunking_keeps_the_other_defaults(layout: Layout, key: str) -> None:
    """Who changes one number need not know the others."""
    default = getattr(Chunking(), key)
    edit(layout, chunking={key: default})

    assert Chunking() == config.load(layout).chunking


LAYERED = Config(
    ID,
    layers=(
        LayerConfig("frozen", writable=False),
        LayerConfig("files", kind="directory", path="files"),
        LayerConfig("work"),
        LayerConfig("main"),
    ),
)


def test_a_commit_goes_to_the_uppermost_writable_layer() -> None:
    """Unless it names another one that can be written."""
    assert "work" == LAYERED.layer_for_writing(None)
    assert "main" == LAYERED.layer_for_writing("main")
    assert ["frozen", "work", "main"] == LAYERED.refs_layers()


@pytest.mark.parametrize(
    ("name", "error", "code"),
    [
        ("frozen", ReadOnlyError, "layer-read-only"),
        ("files", ReadOnlyError, "layer-read-only"),
        ("other", NotFoundError, "no-such-layer"),
    ],
)
def test_other_layers_cannot_be_committed_to(name: str, error: type[Exception], code: str) -> None:
    """Each for its own reason."""
    with pytest.raises(error) as caught:
        LAYERED.layer_for_writing(name)

    assert code == getattr(caught.value, "code", None)


def test_without_a_writable_layer_nothing_can_be_committed() -> None:
    """Where everything is frozen, that is what is said."""
    frozen = Config(ID, layers=(LayerConfig("main", writable=False),))

    with pytest.raises(NotFoundError) as caught:
        frozen.layer_for_writing(None)

    assert "no-writable-layer" == caught.value.code
