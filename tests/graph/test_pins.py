"""Pins: the versions that a run starts with, of what comes from outside."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest

from cas.errors import InvalidError, NotFoundError
from cas.graph.fill import Pin, fill_graph
from cas.graph.graph import Graph
from cas.graph.module import External
from cas.graph.pins import pin
from cas.repo import Repository
from cas.resources.files import DirResource, FileResource
from cas.resources.optional import OptionalResource
from cas.resources.values import BuildParamsResource
from cas.versions.identity import version_id
from tests.graph.graphs import step

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cas.versions.values import JSON
    from cas.versions.version import Version


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[Repository]:
    """An empty repository."""
    with Repository.init(tmp_path) as opened:
        yield opened


def commit(repository: Repository, name: str, **properties: JSON) -> Version:
    return repository.commit(name, io.BytesIO(b"x"), properties=properties).version


def reading(*names: str, externals: tuple[External, ...] = ()) -> Graph:
    """A graph whose only module reads these."""
    return Graph([step("clean", {f"in{at}": name for at, name in enumerate(names)}, "docs/text")], externals)


def test_the_current_version_is_pinned(repository: Repository) -> None:
    """Nothing needs to be said about an input that is committed."""
    commit(repository, "docs/raw", lang="en")
    current = commit(repository, "docs/raw", lang="de")

    assert pin(repository, reading("docs/raw")) == {
        "docs/raw": Pin({"lang": "de"}, current.version, "file", is_declared=False)
    }


@pytest.mark.parametrize("selector", ["first", "~1", "lang=en"])
def test_a_selector_chooses_another(repository: Repository, selector: str) -> None:
    """All that a spec knows: a tag, steps back, properties."""
    old = commit(repository, "docs/raw", lang="en")
    repository.tag("docs/raw", "first")
    commit(repository, "docs/raw", lang="de")

    pins = pin(repository, reading("docs/raw", externals=(External("docs/raw", selector),)))

    assert pins["docs/raw"].version == old.version


def test_a_run_keeps_its_pins(repository: Repository) -> None:
    """What is committed in the middle of a run belongs to the next one (semantics, B8)."""
    old = commit(repository, "docs/raw", lang="en")
    graph = reading("docs/raw")
    pins = pin(repository, graph)
    new = commit(repository, "docs/raw", lang="de")

    filled, later = fill_graph(graph, pins), fill_graph(graph, pin(repository, graph))

    assert filled.versions["docs/raw"] == old.version
    assert filled.versions["docs/text"] == version_id({}, {"in0": old.version})
    assert later.versions["docs/text"] == version_id({}, {"in0": new.version})


def test_declared_properties_make_a_version(repository: Repository) -> None:
    """Build parameters exist as soon as somebody says them; nobody has to commit them."""
    external = External("build", None, BuildParamsResource("build"), {"lang": "en", "depth": 2.0})

    pins = pin(repository, reading("build", externals=(external,)))

    properties: dict[str, JSON] = {"lang": "en", "depth": 2}
    assert pins == {"build": Pin(properties, version_id(properties, {}), "build-params", is_declared=True)}


def test_an_optional_input_that_nobody_committed_is_empty(repository: Repository) -> None:
    """It is no error: it has a version of its own, and another one when there is data."""
    external = External("docs/extra", None, OptionalResource(FileResource("docs/extra")))
    graph = reading("docs/extra", externals=(external,))

    empty = pin(repository, graph)
    there = commit(repository, "docs/extra", lang="en")
    full = pin(repository, graph)

    assert empty["docs/extra"] == Pin(
        {"is_empty": True}, version_id({"is_empty": True}, {}), "file", is_declared=True
    )
    assert full["docs/extra"] == Pin({"lang": "en"}, there.version, "file", is_declared=False)
    assert fill_graph(graph, empty).versions["docs/text"] != fill_graph(graph, full).versions["docs/text"]


def test_an_optional_input_without_the_wanted_version_is_empty(repository: Repository) -> None:
    """There are data, but not for every region: that is what optional inputs are for."""
    commit(repository, "map", region="ru")
    external = External("map", "region=fi", OptionalResource(FileResource("map")))

    assert pin(repository, reading("map", externals=(external,)))["map"].is_declared


def test_an_input_that_nobody_makes_and_nobody_committed_is_refused(repository: Repository) -> None:
    """With the module, the role and the name."""
    with pytest.raises(NotFoundError) as caught:
        pin(repository, reading("docs/raw"))

    assert caught.value.code == "no-such-input"
    assert caught.value.what == "cannot find 'docs/raw', input 'in0' of module 'clean'"
    assert caught.value.why == "no module makes it, and nothing of that name is in layer 'main'"
    assert caught.value.hint == "commit it: `cas commit docs/raw PATH`"


def test_all_missing_inputs_are_named_at_once(repository: Repository) -> None:
    """Nobody wants to run a command seven times to be told seven names."""
    commit(repository, "there", n=1)

    with pytest.raises(NotFoundError) as caught:
        pin(repository, reading("there", *(f"gone/{at}" for at in range(7))))

    assert caught.value.what == "cannot find 7 inputs"
    assert caught.value.why is not None
    assert "'gone/0' (input 'in1' of module 'clean'), 'gone/1'" in caught.value.why
    assert caught.value.why.endswith("and 2 more")


def test_a_repository_that_has_nothing_is_not_searched_for_ever(repository: Repository) -> None:
    """Somebody is in the wrong directory, and each of a thousand names would take a while."""
    with pytest.raises(NotFoundError, match="cannot find at least 20 inputs"):
        pin(repository, reading(*(f"gone/{at}" for at in range(1000))))


def test_a_slip_in_a_name_is_noticed(repository: Repository) -> None:
    """Both in the name of what another module makes and of what is in the repository."""
    commit(repository, "words/stop", n=1)
    slip = Graph([step("clean", ["words/stop"], "docs/text"), step("count", ["docs/txt"], "numbers")])

    with pytest.raises(NotFoundError) as caught:
        pin(repository, slip)
    assert caught.value.hint == "did you mean 'docs/text', which module 'clean' makes?"

    with pytest.raises(NotFoundError) as caught:
        pin(repository, reading("words/stpo"))
    assert caught.value.hint == "did you mean 'words/stop'?"


def test_a_version_that_is_not_there_is_said(repository: Repository) -> None:
    """The name is right, the selector is not; and what was removed is said to be removed."""
    old = commit(repository, "docs/raw", lang="en")

    with pytest.raises(NotFoundError) as caught:
        pin(repository, reading("docs/raw", externals=(External("docs/raw", "lang=fi"),)))
    assert caught.value.what == "cannot find 'docs/raw@lang=fi', input 'in0' of module 'clean'"
    assert caught.value.why == "no version has these properties"

    repository.remove([old.ref])
    with pytest.raises(NotFoundError) as caught:
        pin(repository, reading("docs/raw"))
    assert caught.value.why == "all its versions were removed"
    assert caught.value.hint == "run `cas restore docs/raw`"


def test_another_type_is_refused(repository: Repository) -> None:
    """A command that was promised a directory must not be handed a file."""
    version = commit(repository, "docs/raw", lang="en")

    with pytest.raises(InvalidError) as caught:
        pin(repository, reading("docs/raw", externals=(External("docs/raw", None, DirResource("docs/raw")),)))

    assert caught.value.code == "wrong-type"
    assert caught.value.what == f"cannot use '{version.ref}' as an input"
    assert caught.value.why == "the graph wants type 'directory', and it is of type 'file'"


@pytest.mark.parametrize("is_declared", [False, True])
def test_a_file_name_that_cannot_be_made_is_refused(repository: Repository, *, is_declared: bool) -> None:
    """Before the first module runs, not when the third wants to read it."""
    commit(repository, "docs/raw", lang="en")
    kind = Parameters if is_declared else FileResource
    properties: dict[str, JSON] | None = {"lang": "en"} if is_declared else None
    external = External("docs/raw", None, kind("docs/raw", "{region}.txt"), properties)

    with pytest.raises(NotFoundError) as caught:
        pin(repository, reading("docs/raw", externals=(external,)))

    assert caught.value.code == "no-such-property"
    assert "region" in str(caught.value)


class Parameters(FileResource):
    """A type without payload that has a template nevertheless."""

    has_payload = False
