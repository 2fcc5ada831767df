"""A layer of refs that is only for reading stays as it is, whichever command is tried."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest

from cas import Repository
from cas.config import LayerConfig
from cas.errors import NotFoundError, ReadOnlyError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def frozen(home: Path) -> Iterator[Repository]:
    """A repository with `kept`, `gone` (removed) and a whiteout in a layer that is only for reading."""
    with Repository.init(home) as repository:
        repository.add_layer(LayerConfig("frozen"))
        for name in ("kept", "gone"):
            repository.commit(name, io.BytesIO(name.encode()), layer="frozen", tag="best")
        repository.remove(["gone"])
        repository.hide("hidden", layer="frozen")
    config = home / ".cas" / "config.yaml"
    text = config.read_text()
    config.write_text(
        text.replace("name: frozen\n  kind: refs\n  writable: true", "name: frozen\n  writable: false")
    )
    with Repository.open(home) as repository:
        assert [False] == [one.is_writable for one in repository.layers() if one.name == "frozen"]
        yield repository


@pytest.mark.parametrize(
    "change",
    [
        lambda repository: repository.remove(["kept"]),
        lambda repository: repository.remove(["frozen:kept"], all_versions=True, force=True),
        lambda repository: repository.restore("gone"),
        lambda repository: repository.tag("kept", "worst"),
        lambda repository: repository.untag("kept@best"),
        lambda repository: repository.commit("new", io.BytesIO(b"1"), layer="frozen"),
        lambda repository: repository.hide("kept", layer="frozen"),
        lambda repository: repository.unhide("hidden", layer="frozen"),
    ],
    ids=["remove", "remove all", "restore", "tag", "untag", "commit", "hide", "unhide"],
)
def test_nothing_changes_there(frozen: Repository, change: Callable[[Repository], object]) -> None:
    """What others count on in it is still there after the next gc."""
    before = frozen.log()

    with pytest.raises(ReadOnlyError) as caught:
        change(frozen)

    assert "layer-read-only" == caught.value.code
    assert "'frozen'" in caught.value.what
    assert before == frozen.log()


def test_what_hides_something_in_a_layer_for_reading_is_told_so(frozen: Repository) -> None:
    """And nobody is sent to a command that must fail."""
    frozen.commit("hidden/x", io.BytesIO(b"1"), layer="main")
    for path, why in [
        ("hidden", "it is hidden in layer 'frozen', which is read-only"),
        ("hidden/x", "it is below 'hidden', which is hidden in layer 'frozen', which is read-only"),
    ]:
        with pytest.raises(NotFoundError) as caught:
            frozen.unhide(path)
        assert (why, "cas layer list") == (caught.value.why, caught.value.hint)
    with pytest.raises(FileNotFoundError) as missing:
        frozen.view().find("hidden/x")

    assert "layer 'frozen' is read-only; `cas layer list` says where it is" == missing.value.hint  # type: ignore[attr-defined]


def test_what_a_directory_hides_above_a_path_is_told(home: Path) -> None:
    """As of what is hidden among the refs."""
    with Repository.init(home) as repository:
        repository.commit("a/b", io.BytesIO(b"1"))
        repository.add_layer(LayerConfig("upper", "directory", path=str(home / "upper")))
        repository.hide("a", layer="upper")

        with pytest.raises(NotFoundError) as caught:
            repository.unhide("a/b")

    assert "it is 'a' that is hidden, and all below it" == caught.value.why
    assert "cas unhide a" == caught.value.hint
