"""Graphs: in an order that can be built, or refused with what is wrong and where."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cas.errors import InvalidError, NotFoundError
from cas.graph.graph import Graph
from cas.graph.module import Command, External, Module
from cas.resources.files import FileResource
from cas.resources.values import BuildParamsResource
from tests.graph.graphs import step

if TYPE_CHECKING:
    from random import Random


def diamond() -> list[Module]:
    """Text goes two ways and comes together; the pictures stand alone."""
    return [
        step("report", ["words", "lines"], "report"),
        step("words", ["text"], "words"),
        step("lines", ["text"], "lines"),
        step("clean", ["raw", "rules"], "text"),
        step("pictures", [], "pictures", "index"),
    ]


@st.composite
def graphs(draw: st.DrawFn) -> list[Module]:
    """Draw modules that read only from earlier ones and from outside, in any order."""
    modules = []
    for number in range(draw(st.integers(1, 12))):
        sources = [f"out{one}" for one in range(number)] + ["outside"]
        inputs = draw(st.lists(st.sampled_from(sources), unique=True, max_size=4))
        modules.append(step(f"m{number:02}", inputs, f"out{number}"))
    return draw(st.permutations(modules))


@given(graphs())
def test_makers_come_before_readers(modules: list[Module]) -> None:
    """The order is the promise on which planning and running rest."""
    graph = Graph(modules)
    place = {module.name: at for at, module in enumerate(graph.order)}

    assert len(modules) == len(graph.order)
    for module in graph.order:
        for one in module.inputs:
            maker = graph.maker(one.name)
            assert maker is None or place[maker.name] < place[module.name]


@given(graphs(), st.randoms())
def test_the_order_does_not_depend_on_the_listing(modules: list[Module], random: Random) -> None:
    """Two people who list the same modules differently see the same plan."""
    shuffled = list(modules)
    random.shuffle(shuffled)

    assert Graph(modules).order == Graph(shuffled).order


@given(graphs(), st.data())
def test_a_selection_is_what_the_targets_need_and_no_more(modules: list[Module], data: st.DataObject) -> None:
    """Against a definition by closure: a module is in if it is asked for, or one that is in reads from it."""
    graph = Graph(modules)
    targets = data.draw(st.lists(st.sampled_from(sorted(graph.modules)), min_size=1))
    expected = set(targets)
    for module in reversed(graph.order):
        if module.name in expected:
            expected |= {maker.name for one in module.inputs if (maker := graph.maker(one.name))}

    selected = graph.select(targets)

    assert expected == set(selected.modules)
    assert tuple(sorted(set(targets))) == selected.targets
    assert selected.order == tuple(module for module in graph.order if module.name in expected)
    assert set(selected.externals) <= set(graph.externals)


def test_what_comes_from_outside_needs_no_declaration() -> None:
    """An input that no module makes is external; what is said about it is kept."""
    rules = External("rules", selector="v1")

    graph = Graph(diamond(), [rules])

    assert graph.externals == {"raw": External("raw"), "rules": rules}
    assert graph.targets == ("clean", "lines", "pictures", "report", "words")
    assert graph.select(["pictures"]).externals == {}


def test_a_target_is_a_module_or_an_output() -> None:
    """People think of the one or the other."""
    graph = Graph([step("clean", ["raw"], "text"), step("count", ["text"], "numbers")])

    assert graph.select(["text"]).targets == ("clean",)
    assert graph.select(["numbers", "count"]).targets == ("count",)


def test_an_unknown_target_is_refused_with_what_is_near() -> None:
    """Most are typing errors."""
    with pytest.raises(NotFoundError) as caught:
        Graph(diamond()).select(["reprot"])

    assert caught.value.code == "no-such-target"
    assert caught.value.hint == "did you mean 'report'?"
    with pytest.raises(NotFoundError) as caught:
        Graph(diamond()).select(["zzz"])
    assert caught.value.hint is None


@pytest.mark.parametrize(
    ("modules", "circle"),
    [
        ([step("a", ["x"], "x")], "a -(x)-> a"),
        ([step("a", ["y"], "x"), step("b", ["x"], "y")], "a -(x)-> b -(y)-> a"),
        (
            [
                step("a", ["from-c", "outside"], "from-a"),
                step("b", ["from-a"], "from-b"),
                step("c", ["from-b"], "from-c", "more"),
                step("before", ["outside"], "first"),
                step("behind", ["more", "first"], "last"),
            ],
            "a -(from-a)-> b -(from-b)-> c -(from-c)-> a",
        ),
        (
            [step("after", ["x", "last"], "y"), step("p", ["x"], "x"), step("zz", ["y"], "last")],
            "after -(y)-> zz -(last)-> after",
        ),
    ],
)
def test_a_circle_is_shown_whole(modules: list[Module], circle: str) -> None:
    """Module by module, with what goes from one to the next; those that only wait for it are not in it."""
    with pytest.raises(InvalidError) as caught:
        Graph(modules)

    assert caught.value.code == "graph-cycle"
    assert caught.value.why == f"they go round in a circle: {circle}"


def test_a_long_circle_is_shown_whole_too() -> None:
    """A graph that a program wrote may have one of thousands; no recursion, no part left out."""
    count = 5000
    modules = [step(f"m{at}", [f"r{at}"], f"r{(at + 1) % count}") for at in range(count)]

    with pytest.raises(InvalidError) as caught:
        Graph(modules)

    assert all(f" m{at} " in f"{caught.value.why} " for at in range(count))


@pytest.mark.parametrize(
    ("modules", "externals", "code", "message"),
    [
        (
            [step("a", [], "x"), step("b", [], "x")],
            [],
            "two-makers",
            "cannot tell who makes 'x': it is an output of 'a' and of 'b'",
        ),
        ([step("a", [], "x", "x")], [], "two-makers", "two of its outputs are called 'x'"),
        ([step("a", [], "x"), step("a", [], "y")], [], "duplicate-module", "two modules called 'a'"),
        ([step("a", [])], [], "no-output", "cannot use module 'a': it has no output"),
        ([step("a", ["p/x", "q/x"], "y")], [], "duplicate-role", "two inputs have the role 'x'"),
        ([step("a", [], "p/x", "q/x")], [], "duplicate-role", "two outputs have the role 'x'"),
        ([step("a", {"my role": "x"}, "y")], [], "bad-role", "the role 'my role' has a blank"),
        ([step("a", {"a[b]": "x"}, "y")], [], "bad-role", "the role 'a[b]' has a blank"),
        ([step("a", ["x@1"], "y")], [], "bad-name", "it contains '@'"),
        ([step("a:b", [], "y")], [], "bad-name", "cannot use 'a:b' as a name"),
        (
            [step("a", [], "y", properties={"x": 2**60})],
            [],
            "bad-property",
            "module 'a': cannot use property 'x'",
        ),
        ([step("a", [], "y", task=Command(()))], [], "empty-command", "its command is empty"),
        (
            [step("a", ["x"], "y", task=Command(("cp", "{inputs.raw}", "{outputs.y}")))],
            [],
            "no-such-role",
            "its command has {inputs.raw}, and the roles of its inputs are 'x'",
        ),
        (
            [step("a", [], "y", task=Command(("cp", "{input.x}")))],
            [],
            "bad-placeholder",
            "cannot use module 'a': cannot understand '{input.x}' in a command",
        ),
        (
            [step("a", [], "y", task=Command(("cp",), env={"X": "{inputs.raw}"}))],
            [],
            "no-such-role",
            "the roles of its inputs are none",
        ),
        (
            [step("a", [], "x")],
            [External("x")],
            "two-makers",
            "said to come from outside, and module 'a' makes",
        ),
        ([step("a", ["x"], "y")], [External("z")], "unused-resource", "'z': no module reads it"),
        ([step("a", ["x"], "y")], [External("x"), External("x")], "duplicate-resource", "described twice"),
        (
            [step("a", ["x"], "y")],
            [External("x", "v1", BuildParamsResource("x"), {"a": 1})],
            "bad-resource",
            "no other can be selected",
        ),
        (
            [step("a", ["x"], "y")],
            [External("x", None, BuildParamsResource("x"), {})],
            "bad-resource",
            "it has neither a payload nor properties",
        ),
        (
            [step("a", ["x"], "y")],
            [External("x", None, FileResource("x"), {"a": 1})],
            "bad-resource",
            "only a resource without payload",
        ),
        (
            [step("a", ["x"], "y")],
            [External("x", properties={"a": 1})],
            "bad-resource",
            "only a resource without",
        ),
        (
            [step("a", ["x"], "y")],
            [External("x", None, BuildParamsResource("x"), {"a": 2**60})],
            "bad-property",
            "the resource 'x': cannot use property 'a'",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(
    modules: list[Module], externals: list[External], code: str, message: str
) -> None:
    """At once, with the name of what is wrong; nothing has run by then."""
    with pytest.raises(InvalidError) as caught:
        Graph(modules, externals)

    assert code == caught.value.code
    assert message in str(caught.value)
