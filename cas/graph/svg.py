"""A lineage as a picture: SVG, drawn by ourselves, because nobody should need graphviz to see it.

Inputs stand left of what was made from them (`layered` finds the places). Edges come in at the left side of a
box, one below the other in the order of where they come from, so a box is as high as it has inputs. Before
that they run level for as long as the longest role is, which stands there. What is too long is cut, and whole
in the tooltip. The picture follows the light or dark mode of whoever shows it,
where that is known, and is light elsewhere.
"""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cas.graph.draw import doubt, label, remark, tooltip
from cas.graph.layered import Gaps, arrange

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cas.graph.layered import Layout
    from cas.graph.lineage import Edge, Lineage, Node

_MARGIN: Final = 16.0
_BETWEEN_LAYERS: Final = 72.0
_WITHIN_LAYER: Final = 18.0
_PADDING: Final = 12.0
_CELL: Final = 7.6
"""Width of a narrow character of a name; a little more than most fonts need."""
_ROLE_CELL: Final = 6.0
_BOX_HEIGHT: Final = 46.0
_PORT: Final = 15.0
"""From one incoming edge to the next."""
_NAME_CELLS: Final = 30
_ROLE_CELLS: Final = 13

_STYLE: Final = """\
text { font-family: system-ui, "Segoe UI", "Helvetica Neue", "DejaVu Sans", sans-serif }
.paper { fill: #ffffff }
.box { fill: #f6f8fa; stroke: #8b949e; stroke-width: 1.2 }
.name { fill: #1f2328; font-size: 13px; font-weight: 600 }
.more { fill: #59636e; font-size: 11px }
.role { fill: #59636e; font-size: 10px }
.edge { fill: none; stroke: #8b949e; stroke-width: 1.3 }
.doubtful { stroke-dasharray: 5 4 }
.arrow { fill: #8b949e }
.root .box { fill: #ddf4ff; stroke: #0969da; stroke-width: 2 }
.removed .box, .collected .box { stroke-dasharray: 6 4 }
.collected .box { fill: #ffffff }
.unknown .box { fill: none; stroke-dasharray: 2 3 }
.collected .name, .unknown .name { fill: #59636e }
@media (prefers-color-scheme: dark) {
  .paper { fill: #0d1117 }
  .box { fill: #161b22; stroke: #6e7681 }
  .name { fill: #e6edf3 }
  .more { fill: #9198a1 }
  .role { fill: #9198a1 }
  .edge { stroke: #6e7681 }
  .arrow { fill: #6e7681 }
  .root .box { fill: #0c2d6b; stroke: #58a6ff }
  .collected .box { fill: #0d1117 }
  .unknown .box { fill: none }
  .collected .name, .unknown .name { fill: #9198a1 }
}"""


def svg(found: Lineage) -> Iterator[str]:
    """Draw it, line by line: a whole SVG 1.1 document."""
    number = {key: at for at, key in enumerate(found.nodes)}
    links = [(number[edge.source], number[edge.target]) for edge in found.edges]
    sizes = _sizes(found)
    run = max((_cells(_role(edge)) * _ROLE_CELL + 12 for edge in found.edges if _role(edge)), default=0.0)
    layout = arrange(sizes, links, Gaps(_BETWEEN_LAYERS + run, _WITHIN_LAYER))
    width, height = layout.width + 2 * _MARGIN, layout.height + 2 * _MARGIN
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" role="img">'
    )
    yield f"<title>{_text(f'Lineage of {label(found.root)}')}</title>"
    yield f"<style>{_STYLE}</style>"
    yield (
        '<defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
        'orient="auto"><path class="arrow" d="M0,0.5 L8,4 L0,7.5 z"/></marker></defs>'
    )
    yield '<rect class="paper" width="100%" height="100%"/>'
    yield f'<g transform="translate({_MARGIN:.0f},{_MARGIN:.0f})">'
    yield from _edges(found, _paths(links, sizes, layout, run))
    for node, size, place in zip(found.nodes.values(), sizes, layout.places, strict=True):
        yield from _box(node, size, place, is_root=node.key == found.root)
    yield "</g>"
    yield "</svg>"


def _sizes(found: Lineage) -> list[tuple[float, float]]:
    """Measure the boxes: all of one width, and as high as their inputs need."""
    cells = max(_cells(line) for node in found.nodes.values() for line in _lines(node))
    inputs = Counter(edge.target for edge in found.edges)
    width = cells * _CELL + 2 * _PADDING
    return [(width, max(_BOX_HEIGHT, inputs[key] * _PORT + _PORT)) for key in found.nodes]


def _lines(node: Node) -> tuple[str, str]:
    """Give the two lines in a box: the name, and the version with what is special about it."""
    name, version = node.key
    tags = node.version.tags if node.version is not None else ()
    more = " · ".join([version.short, *filter(None, [remark(node)]), *tags])
    return _clip(name or "?", _NAME_CELLS, keep_end=True), _clip(more, _NAME_CELLS, keep_end=False)


def _box(
    node: Node, size: tuple[float, float], place: tuple[float, float], *, is_root: bool
) -> Iterator[str]:
    (width, height), (x, y) = size, place
    name, more = _lines(node)
    classes = f"{node.state}{' root' if is_root else ''}"
    middle = height / 2
    yield f'<g class="{classes}" transform="translate({x:.1f},{y:.1f})">'
    yield f"<title>{_text(chr(10).join(tooltip(node)))}</title>"
    yield f'<rect class="box" width="{width:.1f}" height="{height:.1f}" rx="6"/>'
    yield f'<text class="name" x="{_PADDING:.0f}" y="{middle - 4:.1f}">{_text(name)}</text>'
    yield f'<text class="more" x="{_PADDING:.0f}" y="{middle + 13:.1f}">{_text(more)}</text>'
    yield "</g>"


@dataclass(frozen=True, slots=True)
class _Path:
    """How an edge runs."""

    commands: str
    """As the attribute `d` has them."""
    end: tuple[float, float]


def _paths(
    links: Sequence[tuple[int, int]], sizes: Sequence[tuple[float, float]], layout: Layout, run: float
) -> Iterator[_Path]:
    """Lead each edge from the right side of its source, through its bends, to its port."""
    ports = _ports(links, sizes, layout)
    for (source, target), bends, port in zip(links, layout.bends, ports, strict=True):
        (x, y), (width, height) = layout.places[source], sizes[source]
        here = x + width, y + height / 2
        commands = f"M{here[0]:.1f},{here[1]:.1f}"
        for left, right, level in bends:
            commands += f"{_curve(here, (left, level))} H{right:.1f}"
            here = right, level
        end = layout.places[target][0] - 1, port
        yield _Path(f"{commands}{_curve(here, (end[0] - run, port))} H{end[0]:.1f}", end)


def _edges(found: Lineage, paths: Iterator[_Path]) -> Iterator[str]:
    for edge, path in zip(found.edges, paths, strict=True):
        classes = "edge doubtful" if edge.others else "edge"
        yield f'<path class="{classes}" d="{path.commands}" marker-end="url(#arrow)">'
        yield f"<title>{_text(_told(edge))}</title></path>"
        if role := _role(edge):
            x, y = path.end
            yield f'<text class="role" x="{x - 9:.1f}" y="{y - 3:.1f}" text-anchor="end">{_text(role)}</text>'


def _curve(start: tuple[float, float], end: tuple[float, float]) -> str:
    """Go from one point to another, level at both ends."""
    middle = (start[0] + end[0]) / 2
    return f" C{middle:.1f},{start[1]:.1f} {middle:.1f},{end[1]:.1f} {end[0]:.1f},{end[1]:.1f}"


def _ports(
    links: Sequence[tuple[int, int]], sizes: Sequence[tuple[float, float]], layout: Layout
) -> list[float]:
    """Find the height at which each edge comes in, in the order of where they come from."""
    incoming: dict[int, list[tuple[float, int]]] = defaultdict(list)
    for at, (source, target) in enumerate(links):
        bends = layout.bends[at]
        height = bends[-1][2] if bends else layout.places[source][1] + sizes[source][1] / 2
        incoming[target].append((height, at))
    found = [0.0] * len(links)
    for target, edges in incoming.items():
        middle = layout.places[target][1] + sizes[target][1] / 2
        for place, (_, at) in enumerate(sorted(edges)):
            found[at] = middle + (place - (len(edges) - 1) / 2) * _PORT
    return found


def _role(edge: Edge) -> str:
    """Give what stands at the end of an edge: the role, where the name of the input does not say it."""
    name = edge.source[0]
    if edge.role in {name, name.rpartition("/")[2]}:
        return ""
    return _clip(edge.role, _ROLE_CELLS, keep_end=True)


def _told(edge: Edge) -> str:
    told = f"{label(edge.target)} has {label(edge.source)} as '{edge.role}'"
    return f"{told} ({doubt(edge)})" if edge.others else told


def _clip(text: str, cells: int, *, keep_end: bool) -> str:
    """Cut what is too long, and say so by an ellipsis; of a name the end says more."""
    if _cells(text) <= cells:
        return text
    while _cells(text) >= cells:
        text = text[1:] if keep_end else text[:-1]
    return f"…{text}" if keep_end else f"{text}…"


def _cells(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


def _text(text: str) -> str:
    """Escape what means something in XML, and replace what XML cannot hold in any form."""
    allowed = "".join(char if _is_allowed(char) else "\N{REPLACEMENT CHARACTER}" for char in text)
    return allowed.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _is_allowed(char: str) -> bool:
    """Tell whether XML 1.0 has this character."""
    return char in "\t\n\r" or " " <= char <= "\ud7ff" or "\ue000" <= char <= "\ufffd" or char >= "\U00010000"
