"""The text of `config.yaml` with other layers, and everything else in it as somebody wrote it.

The file is for people: comments, keys of newer versions and the way it is laid out must survive a command.
So only the lines of the section are replaced, and those of a layer that stays as it is are kept, with the
comments above it. Whether the outcome means what it should is for the caller to check: a file that is laid
out in a way not foreseen here gives a text that does not.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import yaml

from cas.layer_settings import layer_document
from cas.yaml_values import BadValueError, Value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cas.layer_settings import LayerConfig


def with_layers(text: bytes, old: Sequence[LayerConfig], new: Sequence[LayerConfig]) -> bytes:
    """Put the layers `new` in the place of `old`, which are those that `text` has.

    Raises:
        BadValueError: It has no section `layers`, or is no UTF-8.
    """
    key, section = _find(Value.parse(text).node)
    try:
        lines = text.decode().splitlines(keepends=True)
    except UnicodeDecodeError as error:
        raise BadValueError("it is not UTF-8") from error
    start, end = key.start_mark.line, _last_line(section)
    kept = _lines_of_layers(lines, start, section, old)
    margin = _margin(kept)
    body = [kept.get(layer.name) if layer in old else None for layer in new]
    made = [part or _dump(layer, margin) for part, layer in zip(body, new, strict=True)]
    made = [part if part.endswith("\n") else f"{part}\n" for part in made]
    heading = lines[start] if kept else "layers:\n"
    return "".join([*lines[:start], heading, *made, *lines[end + 1 :]]).encode()


def _find(root: yaml.Node) -> tuple[yaml.Node, yaml.Node]:
    for key, section in root.value:
        if key.value == "layers":
            return key, section
    raise BadValueError("'layers' is missing")


def _lines_of_layers(
    lines: Sequence[str], start: int, section: yaml.Node, layers: Sequence[LayerConfig]
) -> dict[str, str]:
    """Give the text of each layer, comments above it included; nothing if they share lines."""
    if not _is_block(section) or section.start_mark.line == start:
        return {}
    found = {}
    begin = start + 1
    for layer, node in zip(layers, section.value, strict=True):
        end = _last_line(node)
        found[layer.name] = "".join(lines[begin : end + 1])
        begin = end + 1
    return found


def _margin(kept: dict[str, str]) -> str:
    """How far the layers are indented that are there."""
    first = next(iter(kept.values()), "")
    match = re.search(r"^( *)- ", first, re.MULTILINE)
    return match[1] if match else ""


def _is_block(node: yaml.Node) -> bool:
    return isinstance(node, yaml.CollectionNode) and not node.flow_style


def _last_line(node: yaml.Node) -> int:
    """The line on which `node` ends; what YAML says of a block reaches to the next key, past any comments."""
    if not _is_block(node) or not node.value:
        return int(node.end_mark.line)
    last: Any = node.value[-1]
    return _last_line(last[1] if isinstance(node, yaml.MappingNode) else last)


def _dump(layer: LayerConfig, margin: str) -> str:
    text = yaml.safe_dump([layer_document(layer)], sort_keys=False, allow_unicode=True)
    return "".join(margin + line for line in text.splitlines(keepends=True))
