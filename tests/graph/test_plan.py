"""Plans: what is built, what is not, and the reasons in words."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cas.errors import NotFoundError
from cas.graph.fill import fill_graph
from cas.graph.graph import Graph
from cas.graph.module import External, Input, Module, Output
from cas.graph.pins import pin
from cas.graph.plan import Action, Plan, plan
from cas.repo import Repository
from cas.resources.files import FileResource
from cas.resources.optional import OptionalResource
from cas.resources.propagators import CopyFrom
from cas.resources.values import BuildParamsResource
from tests.graph.graphs import NOTHING, pinned, step

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from cas.graph.fill import FilledGraph

GRAPH = Graph(
    [
        step("clean", ["raw"], "text", propagator=CopyFrom("raw", "lang")),
        step("count", ["text"], "numbers", "index"),
        step("report", ["numbers"], "report"),
        step("other", ["raw"], "other"),
    ]
)


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[Repository]:
    """A repository that has `raw`."""
    with Repository.init(tmp_path) as opened:
        opened.commit("raw", io.BytesIO(b"x"), properties={"lang": "en"})
        yield opened


def filled(repository: Repository, graph: Graph = GRAPH) -> FilledGraph:
    return fill_graph(graph, pin(repository, graph))


def build(repository: Repository, done: FilledGraph, names: Iterable[str]) -> None:
    """Commit these outputs as a run would."""
    for name in names:
        maker = done.graph.maker(name)
        assert maker is not None
        repository.commit(
            name, io.BytesIO(b"y"), properties=done.properties[name], inputs=done.input_versions(maker)
        )


def actions(made: Plan) -> dict[str, str]:
    return {step.module.name: step.action.value for step in made.steps}


def reasons(made: Plan) -> dict[str, tuple[str, ...]]:
    return {step.module.name: step.reasons for step in made.steps}


def test_everything_is_built_the_first_time(repository: Repository) -> None:
    """In an order in which it can be; the reason is that it was never made."""
    done = filled(repository)

    made = plan(repository, done)

    assert [step.module for step in made.steps] == list(GRAPH.order)
    assert set(actions(made).values()) == {"build"}
    assert reasons(made)["other"] == (
        f"other@{done.versions['other'].short} is not there",
        "'other' was never made",
    )
    assert made.registrations == ()


def test_nothing_is_built_the_second_time(repository: Repository) -> None:
    """Same recipe, same version: what is there is not made again."""
    done = filled(repository)
    build(repository, done, ["text", "numbers", "index", "report", "other"])

    made = plan(repository, filled(repository))

    assert set(actions(made).values()) == {"skip"}
    assert reasons(made)["count"] == tuple(
        f"{name}@{done.versions[name].short} is there" for name in ("numbers", "index")
    )
    assert all(output.exists for step in made.steps for output in step.outputs)


def test_a_changed_source_rebuilds_what_depends_on_it(repository: Repository) -> None:
    """What reads from it says which property changed; what comes later says which input it waits for."""
    build(repository, filled(repository), ["text", "numbers", "index", "report", "other"])
    repository.commit("raw", io.BytesIO(b"x"), properties={"lang": "de"})

    made = plan(repository, filled(repository))

    assert set(actions(made).values()) == {"build"}
    assert 'property \'lang\' differs: "en" -> "de"' in reasons(made)["clean"]
    assert reasons(made)["other"][1].startswith("input 'raw' differs (")
    assert reasons(made)["other"][1].endswith('because its property \'lang\' differs: "en" -> "de"')
    assert reasons(made)["report"][1].startswith("input 'numbers' differs")


def test_a_changed_build_parameter_is_the_reason(repository: Repository) -> None:
    """It is not committed yet, and still what changed in it is said."""
    graphs = [
        Graph(
            [step("clean", ["build"], "text")],
            [External("build", None, BuildParamsResource("build"), {"lang": lang})],
        )
        for lang in ("en", "de")
    ]
    repository.commit("build", io.BytesIO(b""), type="build-params", properties={"lang": "en"})
    build(repository, filled(repository, graphs[0]), ["text"])

    made = plan(repository, filled(repository, graphs[1]))

    assert reasons(made)["clean"][1].endswith('because its property \'lang\' differs: "en" -> "de"')


def test_a_module_with_one_output_missing_is_built(repository: Repository) -> None:
    """It makes all or none; what is there and what is not is said for each."""
    done = filled(repository)
    build(repository, done, ["text", "numbers", "report", "other"])

    made = plan(repository, done)

    assert [name for name, action in actions(made).items() if action == "build"] == ["count"]
    (count,) = (step for step in made.steps if step.module.name == "count")
    assert [(output.name, output.exists) for output in count.outputs] == [("numbers", True), ("index", False)]
    assert all("index" in reason for reason in count.reasons)


def test_what_was_removed_is_built_again(repository: Repository) -> None:
    """A record that is not live does not exist for a run."""
    done = filled(repository)
    build(repository, done, ["text", "numbers", "index", "report", "other"])
    repository.remove(["other"])
    ref = f"other@{done.versions['other'].short}"

    made = plan(repository, done)

    assert reasons(made)["other"] == (f"{ref} is not there", f"'{ref}' was removed")


def test_only_what_a_target_needs_is_looked_at(repository: Repository) -> None:
    """`cas build report` does not make `other`."""
    graph = GRAPH.select(["report"])

    made = plan(repository, filled(repository, graph))

    assert actions(made) == {"clean": "build", "count": "build", "report": "build"}
    assert reasons(made)["clean"][-1] == "'count' needs it"


def test_an_intermediate_that_nothing_needs_is_left_alone(repository: Repository) -> None:
    """The target is there, so what it was once made from may be gone; as a target it is built."""
    graph = GRAPH.select(["report"])
    done = filled(repository, graph)
    build(repository, done, ["report"])

    made = plan(repository, done)

    assert actions(made) == {"clean": "skip", "count": "skip", "report": "skip"}
    missing = f"text@{done.versions['text'].short}"
    assert reasons(made)["clean"] == (f"{missing} is not there, and nothing that is built needs it",)
    assert actions(plan(repository, filled(repository)))["clean"] == "build"


def test_force_builds_the_targets_and_what_they_lack(repository: Repository) -> None:
    """Not everything above them: that is there."""
    graph = GRAPH.select(["report"])
    done = filled(repository, graph)
    build(repository, done, ["text", "numbers", "index", "report"])

    made = plan(repository, done, force=True)

    assert actions(made) == {"clean": "skip", "count": "skip", "report": "build"}
    assert reasons(made)["report"] == ("it is to be built in any case",)


def test_resources_without_payload_are_registered_first(repository: Repository) -> None:
    """Build parameters and empty optional inputs become records, once, so that the lineage knows them."""
    graph = Graph(
        [step("clean", ["build", "extra"], "text")],
        [
            External("build", None, BuildParamsResource("build"), {"lang": "en"}),
            External("extra", None, OptionalResource(FileResource("extra"))),
        ],
    )
    done = filled(repository, graph)

    made = plan(repository, done)
    repository.commit("build", io.BytesIO(b""), type="build-params", properties={"lang": "en"})
    later = plan(repository, filled(repository, graph))

    assert [(one.name, one.version) for one in made.registrations] == [
        (name, done.versions[name]) for name in ("build", "extra")
    ]
    assert [one.name for one in later.registrations] == ["extra"]


def test_a_file_name_that_cannot_be_made_is_refused(repository: Repository) -> None:
    """Before anything runs, and only if the module is to run."""
    clean = Module(
        name="clean",
        inputs=(Input("raw", "raw"),),
        outputs=(Output("text", FileResource("text", "{region}.txt")),),
        propagator=CopyFrom("raw", "lang"),
        task=NOTHING,
    )
    done = filled(repository, Graph([clean]))

    with pytest.raises(NotFoundError) as caught:
        plan(repository, done)
    assert caught.value.code == "no-such-property"

    build(repository, done, ["text"])
    assert actions(plan(repository, done)) == {"clean": "skip"}


@st.composite
def cases(draw: st.DrawFn) -> tuple[Graph, set[str], list[str]]:
    """Draw a graph, what of it is there, and the targets."""
    count = draw(st.integers(1, 8))
    modules = []
    for number in range(count):
        inputs = draw(
            st.lists(st.sampled_from([f"r{one}" for one in range(number)] + ["raw"]), unique=True, min_size=1)
        )
        modules.append(step(f"m{number}", inputs, f"r{number}"))
    there = draw(st.sets(st.sampled_from([f"r{one}" for one in range(count)])))
    targets = draw(st.lists(st.sampled_from([f"m{one}" for one in range(count)]), min_size=1))
    return Graph(modules), there, targets


@settings(max_examples=40)
@given(cases())
def test_a_plan_builds_what_is_missing_and_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, case: tuple[Graph, set[str], list[str]]
) -> None:
    """For any graph and any state: what is built is missing, has its inputs, and is needed by a target."""
    graph, there, targets = case
    selected = graph.select(targets)
    done = fill_graph(selected, {"raw": pinned(lang="en")} if "raw" in selected.externals else {})
    with Repository.init(tmp_path_factory.mktemp("home")) as repository:
        build(repository, done, [name for name in there if selected.maker(name)])
        made = plan(repository, done)

    present = {name for name in there if selected.maker(name)} | {"raw"}
    expected = _to_build(selected, targets, present)
    for one in made.steps:
        assert (one.action is Action.BUILD) == (one.module.name in expected)
        if one.action is Action.BUILD:
            assert all(source.name in present for source in one.module.inputs), "makers come first"
            present |= {output.name for output in one.outputs}
    assert all(output.name in present for name in targets for output in selected.modules[name].outputs)


def _to_build(graph: Graph, targets: list[str], there: set[str]) -> set[str]:
    """Define what is to be built, by following needs from the targets up."""
    found: set[str] = set()
    waiting = list(targets)
    while waiting:
        module = graph.modules[waiting.pop()]
        if module.name not in found and not all(output.name in there for output in module.outputs):
            found.add(module.name)
            waiting += [maker.name for one in module.inputs if (maker := graph.maker(one.name))]
    return found
