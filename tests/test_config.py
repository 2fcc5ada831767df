"""`config.yaml`: people may edit it, an older `cas` must not misread it, and mistakes are named."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from cas import config
from cas.config import Chunking, Config, LayerConfig
from cas.errors import InvalidError, NotFoundError, ReadOnlyError
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
    layer_names = st.text("abc/ йё", min_size=1, max_size=5)
    layers = st.lists(
        st.builds(LayerConfig, layer_names, st.just("refs"), st.booleans()),
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
    return st.builds(Config, st.uuids().map(str), layers.map(tuple), chunkings)


@given(written=configs())
def test_what_is_saved_is_loaded(written: Config, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Order of layers included: it is their priority."""
    layout = Layout(tmp_path_factory.mktemp("config"))

    config.save(layout, written)

    assert written == config.load(layout)


def test_every_repository_has_an_id_of_its_own() -> None:
    """Two are copies of one another if and only if it is equal."""
    assert config.new() != config.new()
    assert (LayerConfig("main", "refs", writable=True),) == config.new().layers


def test_the_defaults_are_pinned(layout: Layout) -> None:
    """New repositories must chunk as old ones did, or copying between them stores everything twice."""
    config.save(layout, Config(ID))

    assert {
        "format": 1,
        "repository": ID,
        "features": {"compatible": [], "read_only_compatible": [], "incompatible": []},
        "layers": [{"name": "main", "kind": "refs", "writable": True}],
        "chunking": {
            "min_size": 16384,
            "average_size": 65536,
            "max_size": 262144,
            "whole_below": 131072,
        },
    } == yaml.safe_load(layout.config.read_text())
    assert layout.config.read_text().startswith("# A `cas` repository.")


def test_a_missing_file_is_not_found(layout: Layout) -> None:
    """The path is in the message."""
    with pytest.raises(NotFoundError, match=r"config\.yaml"):
        config.load(layout)


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
    "text",
    [
        "",
        "just a sentence",
        "- a list",
        "format: [1",
        "\tformat: 1",
        "format: 1",
        "repository: x",
        "!!python/object/apply:os.system ['true']",
        "\x00",
    ],
)
def test_a_file_that_makes_no_sense_is_refused(layout: Layout, text: str) -> None:
    """With the reason, and without running anything that it says."""
    layout.config.write_text(text)

    with pytest.raises(InvalidError) as caught:
        config.load(layout)

    assert "bad-config" == caught.value.code
    assert str(layout.config) in caught.value.what
    assert "docs/format/repository.md" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"format": "one"}, "'format' is not a number"),
        ({"format": None}, "'format' is not a number"),
        ({"repository": "mine"}, "UUID"),
        ({"repository": 5}, "AttributeError"),
        ({"features": ["x"]}, "AttributeError"),
        ({"features": {"incompatible": "x"}}, "not a list"),
        ({"layers": []}, "there must be one"),
        ({"layers": None}, "TypeError"),
        ({"layers": [{"kind": "refs"}]}, "'name'"),
        ({"layers": ["main"]}, "TypeError"),
        ({"layers": [{"name": "a"}, {"name": "a"}]}, "no two of one name"),
        ({"chunking": {"min_size": "small"}}, "small"),
        ({"chunking": {"colour": 1}}, "colour"),
        ({"chunking": {"min_size": 0}}, "min_size must be from 64"),
        ({"chunking": {"average_size": 2**40}}, "average_size must be from 256"),
        ({"chunking": {"max_size": 2**25}}, "max_size must be from 1024"),
        ({"chunking": {"whole_below": 0}}, "whole_below must be from 1"),
        ({"chunking": {"min_size": 2**17}}, "in this order"),
    ],
)
def test_a_wrong_value_is_named(layout: Layout, changes: dict[str, Any], why: str) -> None:
    """It is found when the repository is opened, not in the middle of a commit."""
    edit(layout, **changes)

    with pytest.raises(InvalidError) as caught:
        config.load(layout)

    assert "bad-config" == caught.value.code
    assert why in str(caught.value.why)


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
        LayerConfig("files", kind="directory"),
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
