"""Where to draw the nodes of a graph without cycles: in layers, with few crossings, nobody on top of another.

The method of Sugiyama, in its plainest form:

1. *Layers*: a node comes one layer after the last of its inputs (longest path), so all edges run one way.
   Then each node without inputs moves next to its nearest user, so that its edges are short.
2. *Bends*: an edge that passes a layer gets a bend there, which takes part in the rest like a node.
3. *Order*: each layer is sorted by the mean place of its neighbours in the layer before, then in the layer
   after, to and fro; the order with the fewest crossings is kept.
4. *Places*: each node goes to the mean of its neighbours, as far as the order and the gaps allow; a few
   rounds each way.

Nothing is random, so the same graph gives the same picture. Layers run along x, the places in a layer along
y; all in the unit of the sizes given. Meant for what people look at, a few hundred nodes at most.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_ORDER_ROUNDS: Final = 12
_PLACE_ROUNDS: Final = 8
_BEND_HEIGHT: Final = 6.0


@dataclass(frozen=True, slots=True)
class Gaps:
    """The least distances."""

    between_layers: float
    within_layer: float


@dataclass(frozen=True, slots=True)
class Layout:
    """Where things are: upper left corners of the nodes, and for each edge the points where it bends."""

    places: Sequence[tuple[float, float]]
    """Of each node, in the order of the sizes."""
    bends: Sequence[Sequence[tuple[float, float, float]]]
    """Of each edge, from its source to its target: left end, right end and height of where it runs through a
    layer; often none."""
    width: float
    height: float


def arrange(sizes: Sequence[tuple[float, float]], edges: Sequence[tuple[int, int]], gaps: Gaps) -> Layout:
    """Find a place for each node.

    Args:
        sizes: Width and height of each node; there is one at least.
        edges: From node to node, by their numbers in `sizes`, without a cycle; there may be several between
            two nodes.
        gaps: The least distances.
    """
    layer_of = _layers(len(sizes), edges)
    chains = _chains(layer_of, edges)
    heights = [height for _, height in sizes] + [_BEND_HEIGHT] * (len(layer_of) - len(sizes))
    links = [pair for chain in chains for pair in pairwise(chain)]
    order = _ordered(layer_of, links)
    top = _heights_of(order, heights, links, gaps.within_layer)
    left, right = _columns(order, sizes, gaps.between_layers)
    return Layout(
        places=[(left[layer_of[node]], top[node]) for node in range(len(sizes))],
        bends=[
            [
                (left[layer_of[bend]], right[layer_of[bend]], top[bend] + _BEND_HEIGHT / 2)
                for bend in chain[1:-1]
            ]
            for chain in chains
        ],
        width=right[-1],
        height=max(place + height for place, height in zip(top, heights, strict=True)),
    )


def _layers(count: int, edges: Sequence[tuple[int, int]]) -> list[int]:
    """Number the layer of each node: one after the last of its inputs, or one before its first user."""
    users, missing = defaultdict(list), [0] * count
    for source, target in edges:
        users[source].append(target)
        missing[target] += 1
    layer = [0] * count
    without_inputs = [node for node in range(count) if not missing[node]]
    ready = list(without_inputs)
    for node in ready:  # it grows meanwhile
        for user in users[node]:
            layer[user] = max(layer[user], layer[node] + 1)
            missing[user] -= 1
            if not missing[user]:
                ready.append(user)
    for node in without_inputs:
        if users[node]:
            layer[node] = min(layer[user] for user in users[node]) - 1
    return layer


def _chains(layer_of: list[int], edges: Sequence[tuple[int, int]]) -> list[list[int]]:
    """Cut each edge into steps of one layer; the bends are numbered after the nodes, and `layer_of` grows."""
    chains = []
    for source, target in edges:
        passed = range(layer_of[source] + 1, layer_of[target])
        first = len(layer_of)
        layer_of.extend(passed)
        chains.append([source, *range(first, first + len(passed)), target])
    return chains


def _neighbours(links: Sequence[tuple[int, int]]) -> tuple[Mapping[int, list[int]], Mapping[int, list[int]]]:
    """Give for each item what it is linked to in the layer before, and in the layer after."""
    before, after = defaultdict(list), defaultdict(list)
    for source, target in links:
        before[target].append(source)
        after[source].append(target)
    return before, after


def _ordered(layer_of: Sequence[int], links: Sequence[tuple[int, int]]) -> list[list[int]]:
    """Order the items of each layer so that few links cross."""
    order: list[list[int]] = [[] for _ in range(max(layer_of) + 1)]
    for item, layer in enumerate(layer_of):
        order[layer].append(item)
    before, after = _neighbours(links)
    best, fewest = order, _crossings(order, after)
    for number in range(_ORDER_ROUNDS):
        if not fewest:
            break
        is_forward = number % 2 == 0
        order = _swept(order, before if is_forward else after, is_forward=is_forward)
        crossings = _crossings(order, after)
        if crossings < fewest:
            best, fewest = order, crossings
    return best


def _swept(order: list[list[int]], linked: Mapping[int, list[int]], *, is_forward: bool) -> list[list[int]]:
    """Sort each layer by where the neighbours are, from one side to the other."""
    result = list(order)
    place = {item: float(at) for layer in order for at, item in enumerate(layer)}
    for at in range(len(order)) if is_forward else reversed(range(len(order))):
        mean = {item: _mean([place[one] for one in linked.get(item, ())], place[item]) for item in order[at]}
        result[at] = sorted(order[at], key=mean.__getitem__)
        place.update({item: float(position) for position, item in enumerate(result[at])})
    return result


def _crossings(order: list[list[int]], after: Mapping[int, list[int]]) -> int:
    """Count the pairs of links that cross: the inversions among their ends, in order of their starts."""
    count = 0
    for layer, following in pairwise(order):
        place = {item: at for at, item in enumerate(following)}
        seen: list[int] = []
        for item in layer:
            ends = sorted(place[target] for target in after.get(item, ()))
            count += sum(len(seen) - bisect_right(seen, end) for end in ends)
            for end in ends:
                insort(seen, end)
    return count


def _heights_of(
    order: list[list[int]], heights: Sequence[float], links: Sequence[tuple[int, int]], gap: float
) -> list[float]:
    """Find the upper edge of each item; the least is 0."""
    before, after = _neighbours(links)
    centre = [0.0] * len(heights)
    for layer in order:
        _place(layer, [0.0] * len(layer), heights, gap, centre)
    for number in range(_PLACE_ROUNDS):
        is_forward = number % 2 == 0
        linked = before if is_forward else after
        for layer in order if is_forward else reversed(order):
            wanted = [_mean([centre[one] for one in linked.get(item, ())], centre[item]) for item in layer]
            _place(layer, wanted, heights, gap, centre)
    tops = [middle - height / 2 for middle, height in zip(centre, heights, strict=True)]
    least = min(tops)
    return [top - least for top in tops]


def _place(
    layer: Sequence[int], wanted: Sequence[float], heights: Sequence[float], gap: float, centre: list[float]
) -> None:
    """Put the items of a layer as near as can be to where they want to be, in order and with gaps.

    Least squares: neighbours that are too close are joined to a block, which goes to the mean of what its
    members want (isotonic regression, "pool adjacent violators").
    """
    offset, offsets = 0.0, []
    for at, item in enumerate(layer):
        offset += (heights[layer[at - 1]] + heights[item]) / 2 + gap if at else 0.0
        offsets.append(offset)
    blocks: list[tuple[float, int]] = []
    for goal, shift in zip(wanted, offsets, strict=True):
        mean, size = goal - shift, 1
        while blocks and blocks[-1][0] > mean:
            other, members = blocks.pop()
            mean, size = (mean * size + other * members) / (size + members), size + members
        blocks.append((mean, size))
    placed = [mean for mean, size in blocks for _ in range(size)]
    for item, mean, shift in zip(layer, placed, offsets, strict=True):
        centre[item] = mean + shift


def _columns(
    order: list[list[int]], sizes: Sequence[tuple[float, float]], gap: float
) -> tuple[list[float], list[float]]:
    """Find where each layer begins and ends."""
    left, right, at = [], [], 0.0
    for layer in order:
        left.append(at)
        right.append(at + max((sizes[item][0] for item in layer if item < len(sizes)), default=0.0))
        at = right[-1] + gap
    return left, right


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise
