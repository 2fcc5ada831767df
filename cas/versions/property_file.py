"""Property files: one YAML mapping, read so that every reader of YAML would read the same.

YAML 1.1 and 1.2 disagree about `no`, `012`, `1:30` and `1e3`, and a wrong guess would change a version id
without a word. What they disagree about is refused, with the advice to quote it. So are dates (JSON has
none), tags, duplicate keys, and anchors and aliases, which can blow a small file up to gigabytes.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import yaml

from cas import fs
from cas.errors import InvalidError
from cas.versions.values import MAX_DEPTH

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MAX_SIZE: Final = 1 << 20
"""Bytes in a property file: properties describe data, they are not data."""

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_resolver: Any = yaml.SafeLoader("")

_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?[0-9]+(\.[0-9]*)?([eE][-+]?[0-9]+)?")
_BOOLEANS: Final = {"true": True, "false": False}
_JSON_NUMBERS: Final = frozenset({"NaN", "Infinity", "-Infinity"})  # to lax readers of JSON; text to YAML
_TAG: Final = "tag:yaml.org,2002:"


class _Refused(Exception):  # noqa: N818 - carried to the one place that knows the file's name
    """What is wrong, and where."""

    def __init__(self, event: yaml.Event, why: str, hint: str | None = None) -> None:
        super().__init__(why)
        mark = event.start_mark
        assert mark is not None, "the parser marks every event"
        self.why = f"line {mark.line + 1}, column {mark.column + 1}: {why}"
        self.hint = hint


def read_mapping(path: Path) -> dict[str, object]:
    """Read the mapping in the YAML file `path`; what its values may be is for the caller to check.

    Raises:
        InvalidError: It is not YAML, not a mapping, or holds something that is refused.
        NotFoundError: There is no such file.
    """
    with fs.explained(f"cannot read '{path}'"):
        if path.stat().st_size > MAX_SIZE:
            raise _invalid(path, f"it is larger than {MAX_SIZE} bytes", None)
        text = path.read_bytes()
    try:
        return _mapping_of(yaml.parse(text, Loader=_Loader))
    except _Refused as error:
        raise _invalid(path, error.why, error.hint) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise _invalid(path, " ".join(str(error).split()), None) from error


def _invalid(path: Path, why: str, hint: str | None) -> InvalidError:
    return InvalidError(f"cannot read properties from '{path}'", code="bad-property-file", why=why, hint=hint)


def _mapping_of(events: Iterator[yaml.Event]) -> dict[str, object]:
    """Build the one document of the stream."""
    next(events)  # the start of the stream
    event = next(events)
    if isinstance(event, yaml.StreamEndEvent):
        return {}
    first = next(events)
    if isinstance(first, yaml.ScalarEvent) and first.implicit[0] and not first.value:
        return {}  # a file of comments only
    if not isinstance(first, yaml.MappingStartEvent):
        raise _Refused(first, "it is not a mapping of keys to values")
    mapping = _build(first, events, 0)
    next(events)  # the end of the document
    after = next(events)
    if not isinstance(after, yaml.StreamEndEvent):
        raise _Refused(after, "it holds a second document")
    assert isinstance(mapping, dict)
    return mapping


def _build(event: yaml.Event, events: Iterator[yaml.Event], depth: int) -> object:
    """Turn the node that starts with `event` into a plain value."""
    if isinstance(event, yaml.NodeEvent) and event.anchor is not None:
        raise _Refused(event, "anchors and aliases are not allowed", "write the value out")
    assert isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent), "a node starts here"
    if event.tag is not None:
        raise _Refused(event, f"the tag {event.tag!r} is not allowed", "remove it; quote text")
    if depth > MAX_DEPTH:
        raise _Refused(event, f"it is nested more than {MAX_DEPTH} deep")
    if isinstance(event, yaml.ScalarEvent):
        return _scalar(event)
    if isinstance(event, yaml.SequenceStartEvent):
        return [_build(item, events, depth + 1) for item in _until(yaml.SequenceEndEvent, events)]
    result: dict[str, object] = {}
    for key_event in _until(yaml.MappingEndEvent, events):
        key = _key(key_event, events, depth)
        if key in result:
            raise _Refused(key_event, f"the key {key!r} is there twice")
        result[key] = _build(next(events), events, depth + 1)
    return result


def _until(end: type[yaml.Event], events: Iterator[yaml.Event]) -> Iterator[yaml.Event]:
    for event in events:
        if isinstance(event, end):
            return
        yield event


def _key(event: yaml.Event, events: Iterator[yaml.Event], depth: int) -> str:
    key = _build(event, events, depth + 1)
    if not isinstance(key, str):
        raise _Refused(event, f"the key {key!r} is {type(key).__name__}, and keys are strings", "quote it")
    return key


def _scalar(event: yaml.ScalarEvent) -> object:
    """Read a scalar as the JSON value that every YAML reader takes it for."""
    text = event.value
    if not event.implicit[0]:
        return text  # quoted, or a block
    kind = _resolver.resolve(yaml.ScalarNode, text, (True, False)).removeprefix(_TAG)
    quote = f"quote it: '{text}'"
    match kind:
        case "null":
            return None
        case "bool" if text.lower() in _BOOLEANS:
            return _BOOLEANS[text.lower()]
        case "int" if _INTEGER.fullmatch(text):
            return int(text)
        case "float" if _FLOAT.fullmatch(text):
            return float(text)
        case "str" if not _FLOAT.fullmatch(text) and text not in _JSON_NUMBERS:
            return text
        case "timestamp":
            raise _Refused(event, f"{text} is a date, and JSON has none", quote)
        case "float" if "inf" in text.lower() or "nan" in text.lower():
            raise _Refused(event, f"JSON has no {text}", quote)
    raise _Refused(event, f"YAML readers disagree about what {text} means", quote)
