"""Where nodes are drawn: laws that every layout keeps."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from cas.graph.layered import Gaps, arrange

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cas.graph.layered import Layout

GAPS = Gaps(between_layers=50.0, within_layer=10.0)
TOLERANCE = 1e-6


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[tuple[float, float]], list[tuple[int, int]]]:
    """Boxes of a few sizes, and edges from lower to higher numbers; some twice."""
    sizes = draw(
        st.lists(
            st.tuples(st.sampled_from([40.0, 90.0]), st.sampled_from([20.0, 65.0])), min_size=1, max_size=12
        )
    )
    pairs = list(combinations(range(len(sizes)), 2))
    return sizes, draw(st.lists(st.sampled_from(pairs), max_size=20)) if pairs else []


def square(count: int, edges: Sequence[tuple[int, int]]) -> Layout:
    return arrange([(20.0, 20.0)] * count, edges, GAPS)


@given(graphs())
def test_nothing_overlaps(graph: tuple[list[tuple[float, float]], list[tuple[int, int]]]) -> None:
    """Two boxes are a gap apart, one way or the other."""
    sizes, edges = graph
    layout = arrange(sizes, edges, GAPS)
    boxes = [(x, y, x + w, y + h) for (x, y), (w, h) in zip(layout.places, sizes, strict=True)]

    for (left, top, right, bottom), (other_left, other_top, other_right, other_bottom) in combinations(
        boxes, 2
    ):
        is_beside = max(left, other_left) - min(right, other_right) >= GAPS.between_layers - TOLERANCE
        is_below = max(top, other_top) - min(bottom, other_bottom) >= GAPS.within_layer - TOLERANCE
        assert is_beside or is_below


@given(graphs())
def test_edges_run_one_way(graph: tuple[list[tuple[float, float]], list[tuple[int, int]]]) -> None:
    """From the right side of a box, through its bends, to the left side of another, with room for a curve."""
    sizes, edges = graph
    layout = arrange(sizes, edges, GAPS)

    for (source, target), bends in zip(edges, layout.bends, strict=True):
        at = layout.places[source][0] + sizes[source][0]
        for left, right, _ in bends:
            assert at + GAPS.between_layers <= left + TOLERANCE
            at = right
        assert at + GAPS.between_layers <= layout.places[target][0] + TOLERANCE


@given(graphs())
def test_edges_pass_no_box(graph: tuple[list[tuple[float, float]], list[tuple[int, int]]]) -> None:
    """Where an edge crosses a layer, it runs between the boxes there."""
    sizes, edges = graph
    layout = arrange(sizes, edges, GAPS)

    for bends in layout.bends:
        for left, _, height in bends:
            for (x, y), (_, box) in zip(layout.places, sizes, strict=True):
                assert x != left or not y - TOLERANCE < height < y + box + TOLERANCE


@given(graphs())
def test_everything_is_on_the_paper(graph: tuple[list[tuple[float, float]], list[tuple[int, int]]]) -> None:
    """From 0 to the width and the height, and no larger than needed."""
    sizes, edges = graph
    layout = arrange(sizes, edges, GAPS)

    assert 0 == min(x for x, _ in layout.places)
    assert 0 <= min(y for _, y in layout.places)
    ends = [(x + w, y + h) for (x, y), (w, h) in zip(layout.places, sizes, strict=True)]
    assert layout.width == max(x for x, _ in ends)
    assert layout.height >= max(y for _, y in ends)


@given(graphs())
def test_the_same_graph_gives_the_same_picture(
    graph: tuple[list[tuple[float, float]], list[tuple[int, int]]],
) -> None:
    """Nothing is random, so that a drawing can be kept under version control."""
    assert arrange(*graph, GAPS) == arrange(*graph, GAPS)


def test_an_input_stands_next_to_its_user() -> None:
    """Not at the far left because it has no inputs itself: that would be a long edge for nothing."""
    layout = square(4, [(0, 1), (1, 2), (3, 2)])

    assert layout.places[3][0] == layout.places[1][0]
    assert [[], [], []] == [list(bends) for bends in layout.bends]


def test_a_long_edge_bends_in_each_layer_that_it_passes() -> None:
    """That is what keeps it away from the boxes there."""
    layout = square(4, [(0, 1), (1, 2), (2, 3), (0, 3)])

    assert [0, 0, 0, 2] == [len(bends) for bends in layout.bends]


def test_what_need_not_cross_does_not() -> None:
    """Three chains whose ends were listed in the opposite order lie side by side."""
    layout = square(9, [(0, 5), (1, 4), (2, 3), (3, 8), (4, 7), (5, 6)])

    starts, middles, ends = (
        sorted(range(3), key=lambda chain: layout.places[nodes[chain]][1])
        for nodes in ((0, 1, 2), (5, 4, 3), (6, 7, 8))
    )
    assert starts == middles == ends


def test_a_chain_is_straight() -> None:
    """All at one height."""
    layout = square(5, [(0, 1), (1, 2), (2, 3), (3, 4)])

    assert 1 == len({y for _, y in layout.places})


def test_a_node_stands_in_the_middle_of_its_inputs() -> None:
    """As far as there is room."""
    layout = square(4, [(0, 3), (1, 3), (2, 3)])

    assert layout.places[3][1] == sorted(y for _, y in layout.places[:3])[1]
