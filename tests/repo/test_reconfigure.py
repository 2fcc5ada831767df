"""A repository that lost its `config.yaml` gets a new one from `recover`, which says what is lost."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
import yaml

from cas import Repository
from cas.errors import AlreadyExistsError, ConflictError, CorruptError, InvalidError
from cas.objects.session import Session

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def stored(home: Path, file: Path) -> Path:
    """A closed repository with a version in it."""
    with Repository.init(home) as repository:
        repository.commit("notes", file, tag="v1")
    return home


def test_a_lost_configuration_is_damage_with_a_way_out(stored: Path) -> None:
    """Neither an empty directory nor a reason to make another repository."""
    (stored / ".cas" / "config.yaml").unlink()

    for search in (Repository.open, Repository.discover):
        with pytest.raises(CorruptError) as caught:
            search(stored)
        assert "config-missing" == caught.value.code
        assert "cas recover" in str(caught.value.hint)
    with pytest.raises(AlreadyExistsError):
        Repository.init(stored)


def test_recover_writes_a_configuration_and_says_so(stored: Path) -> None:
    """Everything is there again but what only the lost file said."""
    with Repository.open(stored) as repository:
        before = repository.config
    (stored / ".cas" / "config.yaml").unlink()

    (sentence,) = Repository.recover(stored).lost

    assert "config.yaml" in sentence
    assert "new id" in sentence
    with Repository.open(stored) as recovered:
        assert b"first\n" == recovered.read("notes@v1")
        assert (before.layers, before.chunking) == (recovered.config.layers, recovered.config.chunking)
        assert before.repository_id != recovered.config.repository_id
    assert () == Repository.recover(stored).lost


def test_a_configuration_that_is_there_stays(stored: Path) -> None:
    """Recovering an index is no reason to touch it."""
    before = (stored / ".cas" / "config.yaml").read_bytes()

    Repository.recover(stored)

    assert before == (stored / ".cas" / "config.yaml").read_bytes()


def test_layers_come_back_from_the_journal(stored: Path, file: Path) -> None:
    """Their order is a guess, and said to be one."""
    config = stored / ".cas" / "config.yaml"
    document = yaml.safe_load(config.read_text())
    document["layers"].insert(0, {"name": "work", "kind": "refs", "writable": True})
    config.write_text(yaml.safe_dump(document))
    with Repository.open(stored) as repository:
        repository.commit("more", file, layer="work")
    config.unlink()

    lost = Repository.recover(stored).lost

    assert any("order of the layers 'work', 'main'" in sentence for sentence in lost)
    with Repository.open(stored) as recovered:
        assert ["runtime", "work", "main"] == [layer.name for layer in recovered.config.layers]
        assert ["work", "main"] == recovered.config.refs_layers()
        assert b"first\n" == recovered.read("work:more") == recovered.read("main:notes")


def test_a_layer_that_only_hides_comes_back(stored: Path) -> None:
    """It has no version, but what it hides would be seen again; the name of the directory may be taken."""
    config = stored / ".cas" / "config.yaml"
    document = yaml.safe_load(config.read_text())
    document["layers"][0] = {"name": "runtime", "kind": "refs"}
    config.write_text(yaml.safe_dump(document))
    with Repository.open(stored) as repository:
        repository.hide("notes", layer="runtime")
    config.unlink()

    Repository.recover(stored)

    with Repository.open(stored) as recovered:
        assert [("runtime", "refs"), ("main", "refs")] == [(one.name, one.kind) for one in recovered.layers()]
        assert [1, 0] == [one.hidden for one in recovered.layers()]


def test_nothing_but_packs_and_index_is_enough(stored: Path) -> None:
    """Versions come back from their records, into a layer of the default name."""
    (stored / ".cas" / "config.yaml").unlink()
    shutil.rmtree(stored / ".cas" / "journal")

    lost = Repository.recover(stored).lost

    assert "config.yaml" in lost[0]
    assert len(lost) > 1
    with Repository.open(stored) as recovered:
        assert b"first\n" == recovered.read("notes")


def test_a_recovery_that_is_refused_writes_nothing(stored: Path) -> None:
    """Or the next one would not tell what was lost."""
    with Repository.open(stored) as repository:
        layout = repository.layout
    (stored / ".cas" / "config.yaml").unlink()

    with Session.start(layout), pytest.raises(ConflictError):
        Repository.recover(stored)

    assert not (stored / ".cas" / "config.yaml").exists()
    assert "config.yaml" in Repository.recover(stored).lost[0]


def test_a_broken_configuration_is_not_replaced(stored: Path) -> None:
    """It may hold what its owner cannot write again; the line to mend is named, and the other way out."""
    config = stored / ".cas" / "config.yaml"
    text = config.read_text() + "chunking: [\n"
    config.write_text(text)

    for attempt in (Repository.open, Repository.recover):
        with pytest.raises(InvalidError) as caught:
            attempt(stored)
        assert "bad-config" == caught.value.code
        assert f"line {len(text.splitlines()) + 1}" in str(caught.value.why)
        assert "move it away and run `cas recover`" in str(caught.value.hint)

    assert text == config.read_text()
