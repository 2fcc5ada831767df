"""Propagators: the table of semantics 2.5, the steps worth having besides, and how they are written down."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cas.errors import ConflictError, InvalidError, NotFoundError
from cas.resources.frozen import freeze
from cas.resources.propagators import (
    Chain,
    Constant,
    CopyFrom,
    Drop,
    EnsureEqualProperties,
    Merge,
    Rename,
    parse_propagator,
)
from cas.testing import strategies

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cas.resources.propagators import Propagator
    from cas.versions.values import JSON

RU: dict[str, Any] = {"region": "ru", "date": 20160101, "rows": 7}
FI: dict[str, Any] = {"region": "fi", "date": 20160101}
EMPTY: dict[str, Any] = {"is_empty": True}


def test_what_all_inputs_agree_about_is_handed_on_and_nothing_else() -> None:
    """Other properties of inputs describe the inputs."""
    inputs = {"a": {**RU, "x": 1}, "b": {**RU, "rows": 8}}

    assert EnsureEqualProperties("region", "date")(inputs) == {"region": "ru", "date": 20160101}


def test_disagreement_names_property_inputs_and_values() -> None:
    """Every property that differs, with the value in each input: all that is needed to repair it."""
    with pytest.raises(ConflictError) as caught:
        EnsureEqualProperties("region", "date", "rows")({"a": RU, "b": {**FI, "rows": None}, "c": RU})

    assert caught.value.code == "properties-disagree"
    assert caught.value.what == "the inputs disagree about 'region' and 'rows'"
    assert (
        caught.value.why
        == '\'region\' is "ru" in a, "fi" in b, "ru" in c; \'rows\' is 7 in a, null in b, 7 in c'
    )


def test_missing_is_not_equal() -> None:
    """The input and the property are named, though the others agree."""
    with pytest.raises(NotFoundError) as caught:
        EnsureEqualProperties("rows")({"a": RU, "b": FI})

    assert caught.value.code == "no-such-property"
    assert caught.value.what == "cannot take the property 'rows' of the input 'b'"
    assert caught.value.why == "there are date, region"


def test_an_empty_optional_input_is_skipped_unless_it_has_the_property() -> None:
    """Nothing is known of what is not there; what is known is checked."""
    check = EnsureEqualProperties("region")

    assert check({"a": RU, "extra": EMPTY}) == {"region": "ru"}
    assert check({"a": RU, "extra": {**EMPTY, "region": "ru"}}) == {"region": "ru"}
    with pytest.raises(ConflictError):
        check({"a": RU, "extra": {**EMPTY, "region": "fi"}})
    with pytest.raises(NotFoundError, match="'extra'"):
        check({"a": RU, "extra": {"is_empty": False}})


@pytest.mark.parametrize(
    ("inputs", "why"), [({}, "there are no inputs"), ({"a": EMPTY, "b": EMPTY}, "all of them are empty")]
)
def test_somebody_must_have_the_property(inputs: dict[str, Any], why: str) -> None:
    """An output without the property would claim less than was asked for."""
    with pytest.raises(NotFoundError) as caught:
        EnsureEqualProperties("region")(inputs)

    assert caught.value.code == "no-such-property"
    assert caught.value.why == why


FOUR = [1, 1.0, True, "1"]


@pytest.mark.parametrize("a", FOUR, ids=repr)
@pytest.mark.parametrize("b", FOUR, ids=repr)
@pytest.mark.parametrize("wrap", [lambda v: v, lambda v: [v], lambda v: {"k": [v]}], ids=["", "list", "map"])
def test_equality_is_strict_and_deep(a: JSON, b: JSON, wrap: Any) -> None:  # noqa: ANN401 - a function of any value
    """To Python three of the four are equal."""
    inputs = {"a": {"x": wrap(a)}, "b": {"x": wrap(b)}}

    if type(a) is type(b):
        assert EnsureEqualProperties("x")(inputs) == {"x": wrap(a)}
    else:
        with pytest.raises(ConflictError):
            EnsureEqualProperties("x")(inputs)


def test_lists_are_ordered_and_mappings_are_not() -> None:
    """As in JSON, and as in versions."""
    EnsureEqualProperties("x")({"a": {"x": {"p": 1, "q": 2}}, "b": {"x": {"q": 2, "p": 1}}})
    with pytest.raises(ConflictError):
        EnsureEqualProperties("x")({"a": {"x": [1, 2]}, "b": {"x": [2, 1]}})


def test_no_properties_to_compare_is_a_mistake() -> None:
    """It would succeed whatever the inputs are."""
    with pytest.raises(InvalidError, match="no properties to compare"):
        EnsureEqualProperties()


def test_copying_all_leaves_out_what_is_about_the_input_only() -> None:
    """An output is not empty because an input is."""
    assert CopyFrom("a")({"a": {**RU, **EMPTY}, "b": FI}) == RU
    assert CopyFrom("a", "rows")({"a": RU}) == {"rows": 7}
    assert CopyFrom("a", "is_empty")({"a": EMPTY}) == EMPTY


@pytest.mark.parametrize(
    ("propagator", "code", "why"),
    [
        (CopyFrom("c"), "no-such-input", "the inputs are 'a', 'b'"),
        (CopyFrom("b", "rows"), "no-such-property", "there are date, region"),
        (CopyFrom("b", "region", "rows"), "no-such-property", "there are date, region"),
        (Rename(town="city"), "no-such-property", "there are date, region, rows"),
    ],
)
def test_what_is_not_there_is_named(propagator: Propagator, code: str, why: str) -> None:
    """With what is, because it is mostly a typing error."""
    inputs = {"a": {**RU, "region": "fi"}, "b": FI}

    with pytest.raises(NotFoundError) as caught:
        propagator(inputs)

    assert (caught.value.code, caught.value.why) == (code, why)


def test_copying_from_an_empty_input_says_that_it_is_empty() -> None:
    """`there are is_empty` would be no help."""
    with pytest.raises(NotFoundError, match="the input is optional, and empty"):
        CopyFrom("a", "rows")({"a": EMPTY})


def test_merging_is_a_union_with_conflict_error() -> None:
    """Which of two values were to win, nobody could guess from the pipeline."""
    assert Merge()({"a": {"x": 1}, "b": {"x": 1, "y": 2}, "c": EMPTY}) == {"x": 1, "y": 2}
    with pytest.raises(ConflictError, match="the inputs disagree about 'region'"):
        Merge()({"a": RU, "b": FI})


def test_constants_stand_alone_or_overrule() -> None:
    """They are the author's last word."""
    assert Constant(kind="map")({"a": RU}) == {"kind": "map"}
    assert Chain(CopyFrom("a"), Constant(rows=0, self=1))({"a": RU}) == {**RU, "rows": 0, "self": 1}


def test_renaming_is_all_at_once() -> None:
    """So two can be swapped; what would be lost is an error."""
    assert Rename(x="y", y="x")({"a": {"x": 1, "y": 2}}) == {"y": 1, "x": 2}
    for names in ({"x": "y"}, {"y": "x"}, {"x": "z", "y": "z"}):
        with pytest.raises(InvalidError) as caught:
            Rename(**names)({"a": {"x": 1, "y": 2}})
        assert caught.value.code == "duplicate-property"


def test_dropping_settles_a_disagreement() -> None:
    """Alone it is a union of everything else; in a chain it makes room for another value."""
    assert Drop("region", "absent")({"a": RU, "b": FI}) == {"date": 20160101, "rows": 7}
    chain = Chain(CopyFrom("a"), Drop("region"), CopyFrom("b", "region"))
    assert chain({"a": RU, "b": FI}) == {**RU, "region": "fi"}


def test_sources_of_a_chain_must_not_contradict_each_other() -> None:
    """The later one does not win without a word; both values and the step are shown."""
    with pytest.raises(ConflictError) as caught:
        Chain(CopyFrom("a"), CopyFrom("b"))({"a": RU, "b": FI})

    assert caught.value.what == "the steps disagree about 'region'"
    assert caught.value.why == '\'region\' is "ru" in those before, "fi" in step 2'


def test_edits_work_on_what_is_gathered() -> None:
    """As the first step on the union of the inputs, afterwards on nothing else."""
    inputs: Mapping[str, Any] = {"a": {"x": 1}, "b": {"y": 2}}

    assert Chain(Rename(x="z"))(inputs) == {"z": 1, "y": 2}
    assert Chain(CopyFrom("a"), Rename(x="z"))(inputs) == {"z": 1}
    assert Chain(Constant(k=0), Drop("k"))(inputs) == {}
    with pytest.raises(NotFoundError):
        Chain(CopyFrom("a"), Rename(y="z"))(inputs)
    assert Chain()(inputs) == {}


def test_any_pure_function_fits() -> None:
    """In a chain too, where it is a source; a chain in a chain is one as well."""

    def century(inputs: Mapping[str, Mapping[str, JSON]]) -> dict[str, JSON]:
        return {"century": int(str(inputs["a"]["date"])[:2]) + 1}

    assert Chain(CopyFrom("a", "rows"), century)({"a": RU}) == {"rows": 7, "century": 21}
    nested = Chain(CopyFrom("a", "rows"), Chain(CopyFrom("a", "region"), Rename(region="where")))
    assert nested({"a": RU}) == {"rows": 7, "where": "ru"}


propagators = st.recursive(
    st.builds(lambda names: EnsureEqualProperties(*names), st.lists(st.sampled_from("xyz"), min_size=1))
    | st.builds(lambda names: CopyFrom("a", *names), st.lists(st.sampled_from("xyz")))
    | st.builds(lambda names: Drop(*names), st.lists(st.sampled_from("xyz"), min_size=1))
    | st.builds(lambda value: Constant(x=value), strategies.json_values())
    | st.sampled_from([Merge(), Rename(x="y"), Rename(x="y", y="x")]),
    lambda steps: st.lists(steps, min_size=1, max_size=3).map(lambda some: Chain(*some)),
    max_leaves=4,
)
few_values = st.dictionaries(st.sampled_from("xyz"), st.sampled_from([1, True, "a", [1], {"k": 1}]))


@given(propagators, few_values, few_values)
def test_propagators_are_pure(propagator: Propagator, a: dict[str, JSON], b: dict[str, JSON]) -> None:
    """They change no input (frozen ones would tell), and have no eye for the order of anything."""

    def outcome(inputs: Mapping[str, Mapping[str, JSON]]) -> object:
        try:
            return propagator(inputs)
        except (ConflictError, NotFoundError, InvalidError) as error:
            return error.code

    assert outcome({"a": freeze(a), "b": freeze(b)}) == outcome({"b": freeze(b), "a": freeze(a)})
    assert outcome({"a": freeze(a), "b": b}) == outcome({"a": dict(reversed(a.items())), "b": b})


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"ensure_equal": ["region", "date"]}, EnsureEqualProperties("region", "date")),
        ({"ensure_equal": "region"}, EnsureEqualProperties("region")),
        ({"copy_from": {"dataset": ["rows"]}}, CopyFrom("dataset", "rows")),
        ({"copy_from": {"a": ["x"], "b": "y"}}, Chain(CopyFrom("a", "x"), CopyFrom("b", "y"))),
        ({"copy_from": "dataset"}, CopyFrom("dataset")),
        ({"copy_from": ["a", "b"]}, Chain(CopyFrom("a"), CopyFrom("b"))),
        ({"constant": {"kind": "x", "n": [1]}}, Constant(kind="x", n=[1])),
        ({"merge": True}, Merge()),
        ({"rename": {"a": "b"}}, Rename(a="b")),
        ({"drop": ["x"]}, Drop("x")),
        ([{"merge": True}, {"drop": "x"}], Chain(Merge(), Drop("x"))),
        ([{"merge": True}], Chain(Merge())),
    ],
)
def test_propagators_are_written_as_data(data: object, expected: Propagator) -> None:
    """Each form that a pipeline file may have; equal ones are equal."""
    parsed = parse_propagator(data)

    assert parsed == expected
    assert hash(parsed) == hash(expected)
    assert repr(parsed) == repr(expected)
    assert parsed != Constant(other=1)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (None, "None is neither a step nor a list of steps"),
        ({}, "{} is neither a step"),
        ([], "[] is neither a step"),
        ("merge", "'merge' is neither a step"),
        ([["merge"]], "'merge' is neither a step"),
        ({"ensure_eqal": ["x"]}, "there is no 'ensure_eqal'; there are ensure_equal, copy_from, merge"),
        ({"merge": True, "drop": ["x"]}, "merge, drop are 2 steps in one mapping, which has no order"),
        ({"merge": False}, "'merge' takes nothing but true"),
        ({"merge": 1}, "'merge' takes nothing but true"),
        ({"ensure_equal": []}, "'ensure_equal' takes a list of names"),
        ({"ensure_equal": {"a": 1}}, "'ensure_equal' takes a list of names"),
        ({"drop": [1]}, "'drop' takes a list of names"),
        ({"copy_from": {}}, "'copy_from' takes a list of names"),
        ({"copy_from": {"a": None}}, "'copy_from' takes a list of names"),
        ({"constant": ["x"]}, "'constant' takes a mapping of properties to values"),
        ({"constant": {}}, "'constant' takes a mapping"),
        ({"rename": {"a": 1}}, "'rename' takes a mapping of old names to new names"),
        ({"rename": "a"}, "'rename' takes a mapping"),
        ({"use": ["x"]}, "'use' takes a name"),
    ],
)
def test_what_is_no_propagator_is_refused(data: object, why: str) -> None:
    """With the rule that it breaks."""
    with pytest.raises(InvalidError) as caught:
        parse_propagator(data)

    assert caught.value.code == "bad-propagator"
    assert why in str(caught.value.why)


def test_a_propagator_that_nobody_announces_is_named() -> None:
    """It comes with a package that is missing here."""
    with pytest.raises(NotFoundError) as caught:
        parse_propagator({"use": "no.such.propagator"})

    assert caught.value.code == "no-such-propagator"
    assert caught.value.what == "cannot find the propagator 'no.such.propagator'"
