"""A lineage as text, and in the language of graphviz; `svg` draws it without anybody's help.

What is returned is text that may hold any character that a name may hold; who writes it to a terminal escapes
what is not printable.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cas.graph.lineage import Edge, Key, Lineage, Node


def label(key: Key) -> str:
    """Write a node as NAME@VERSION; an unknown one as its version alone."""
    name, version = key
    return f"{name}@{version.short}" if name else version.short


def remark(node: Node) -> str:
    """Say what is special about a node: its state unless it is live."""
    return "" if node.state == "live" else node.state


def doubt(edge: Edge) -> str:
    """Say which other resources an input may be; nothing if that is certain."""
    return f"or {', '.join(edge.others)}: the record does not say" if edge.others else ""


def text_tree(found: Lineage) -> Iterator[str]:
    """Draw it as an indented tree, line by line: inputs first, then users, below the version itself.

    What is reached in two ways is opened once; elsewhere it is marked `(see above)`.
    """
    yield _described(found.nodes[found.root])
    inputs, users = _sides(found)
    if inputs[found.root]:
        yield "made from"
        yield from _branches(found, inputs, is_up=True)
    if users[found.root]:
        yield "used by"
        yield from _branches(found, users, is_up=False)


def _sides(found: Lineage) -> tuple[dict[Key, list[Edge]], dict[Key, list[Edge]]]:
    """Give for each node the edges to its inputs, and those to its users."""
    inputs, users = defaultdict(list), defaultdict(list)
    for edge in found.edges:
        inputs[edge.target].append(edge)
        users[edge.source].append(edge)
    return inputs, users


def _branches(found: Lineage, linked: dict[Key, list[Edge]], *, is_up: bool) -> Iterator[str]:
    """Draw what is below the root on one side, depth first."""
    opened = {found.root}
    waiting = [("", linked[found.root])]
    while waiting:
        indent, edges = waiting.pop()
        if not edges:
            continue
        edge, *rest = edges
        waiting.append((indent, rest))
        key = edge.source if is_up else edge.target
        below = linked.get(key, [])
        repeated = " (see above)" if key in opened and below else ""
        yield f"{indent}{'├── ' if rest else '└── '}{_branch(found, edge, key, is_up=is_up)}{repeated}"
        if key not in opened:
            opened.add(key)
            waiting.append((f"{indent}{'│   ' if rest else '    '}", below))


def _branch(found: Lineage, edge: Edge, key: Key, *, is_up: bool) -> str:
    line = _described(found.nodes[key])
    if edge.role != edge.source[0]:
        line = f"{edge.role}: {line}" if is_up else f"{line} as {edge.role}"
    return f"{line} ({doubt(edge)})" if edge.others else line


def _described(node: Node) -> str:
    special = remark(node)
    tags = f" [{', '.join(node.version.tags)}]" if node.version is not None and node.version.tags else ""
    return f"{label(node.key)}{tags}{f' ({special})' if special else ''}"


def dot(found: Lineage) -> Iterator[str]:
    """Write it for graphviz, line by line."""
    number = {key: at for at, key in enumerate(found.nodes)}
    yield "digraph lineage {"
    yield "  rankdir=LR;"
    yield '  node [shape=box, style=rounded, fontname="sans-serif", fontsize=11];'
    yield '  edge [fontname="sans-serif", fontsize=9];'
    for key, node in found.nodes.items():
        special = remark(node)
        style = f', style="rounded,{"dashed" if node.version else "dotted"}"' if special else ""
        bold = ", penwidth=2" if key == found.root else ""
        lines = [label(key), *([special] if special else [])]
        yield f"  n{number[key]} [label={_quoted(lines)}, tooltip={_quoted(tooltip(node))}{style}{bold}];"
    for edge in found.edges:
        told = [] if edge.role == edge.source[0] else [edge.role]
        told += [doubt(edge)] if edge.others else []
        attributes = f" [label={_quoted(told)}]" if told else ""
        yield f"  n{number[edge.source]} -> n{number[edge.target]}{attributes};"
    yield "}"


def tooltip(node: Node) -> list[str]:
    """Tell more about a node, line by line: its name and version in full, its state and its properties."""
    import json  # noqa: PLC0415 - text output does without

    name, version = node.key
    lines = [f"{name}@{version}" if name else f"{version}: there is no record of it"]
    if node.version is not None:
        lines += [f"{node.version.type}, {node.version.size} bytes, {node.state}"]
        lines += [
            f"{key}: {json.dumps(value, ensure_ascii=False)}"
            for key, value in sorted(node.version.properties.items())
        ]
    return lines


def _quoted(lines: Sequence[str]) -> str:
    r"""Quote lines as one string of the dot language, in which `\n` separates them."""
    return '"' + r"\n".join(_escaped(line) for line in lines) + '"'


def _escaped(text: str) -> str:
    plain = "".join(char if char.isprintable() else " " for char in text)
    return plain.replace("\\", "\\\\").replace('"', '\\"')
