"""YAML files: one mapping, read so that every reader of YAML would read the same.

Properties, pipelines and whatever else people write and `cas` hashes come this way.

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
from cas.yaml_errors import explained
from cas.yaml_values import Value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

MAX_SIZE: Final = 1 << 20
"""Bytes in a property file: properties describe data, they are not data."""

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_resolver: Any = yaml.SafeLoader("")

_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?[0-9]+(\.[0-9]*)?([eE][-+]?[0-9]+)?")
_BOOLEANS: Final = {"true": True, "false": False}
_JSON_NUMBERS: Final = frozenset({"NaN", "Infinity", "-Infinity"})  # to lax readers of JSON; text to YAML
_LONGEST_WORD: Final = len("false")  # of those that YAML takes for something else than text
_STARTS_OF_NUMBERS: Final = frozenset("+-.0123456789I")
_LONGEST_INTEGER: Final = 40
"""Digits; larger ones are refused anyway, and Python refuses to read very large ones."""
_TAG: Final = "tag:yaml.org,2002:"


class _Refused(Exception):  # noqa: N818 - carried to the one place that knows the file's name
    """What is wrong, and where."""

    def __init__(self, event: yaml.Event, why: str, hint: str | None = None) -> None:
        super().__init__(why)
        mark = event.start_mark
        assert mark is not None, "the parser marks every event"
        self.why = f"line {mark.line + 1}, column {mark.column + 1}: {why}"
        self.hint = hint


def read_mapping(path: Path, *, holds: str, code: str, max_size: int = MAX_SIZE) -> dict[str, object]:
    """Read the mapping in the YAML file `path`; what its values may be is for the caller to check.

    Args:
        path: The file.
        holds: What is to be read from it, for the message: "properties".
        code: The code of the error.
        max_size: Bytes that it may have.

    Raises:
        InvalidError: It is not YAML, not a mapping, or holds something that is refused.
        NotFoundError: There is no such file.
    """
    _, mapping = _read(path, _mapping_of, holds=holds, code=code, max_size=max_size)
    assert isinstance(mapping, dict)
    return mapping


def read_values(path: Path, *, holds: str, code: str, max_size: int = MAX_SIZE) -> Value | None:
    """Read the mapping or the list in the YAML file `path` as values that know their lines.

    Takes what `read_mapping` takes, a list besides, and raises what it raises. None is an empty file.
    """
    text, found = _read(path, _collection_of, holds=holds, code=code, max_size=max_size)
    return None if found is None else Value.parse(text)


def _read(
    path: Path,
    document_of: Callable[[Iterator[yaml.Event]], object],
    *,
    holds: str,
    code: str,
    max_size: int,
) -> tuple[bytes, object]:
    """Read the text of the file, and what `document_of` makes of its events."""

    def invalid(why: str, hint: str | None = None) -> InvalidError:
        return InvalidError(f"cannot read {holds} from '{path}'", code=code, why=why, hint=hint)

    with fs.explained(f"cannot read '{path}'"), path.open("rb") as stream:
        text = stream.read(max_size + 1)
    if len(text) > max_size:
        raise invalid(f"it is larger than {max_size} bytes")
    try:
        return text, document_of(iter(_Loader(text).get_event, None))
    except _Refused as error:
        raise invalid(error.why, error.hint) from None
    except yaml.YAMLError as error:
        raise invalid(*explained(error, text)) from error


def _mapping_of(events: Iterator[yaml.Event]) -> object:
    """Build the mapping that is the one document of the stream."""
    found = _document_of(events, (yaml.MappingStartEvent,), "a mapping of keys to values")
    return {} if found is None else found


def _collection_of(events: Iterator[yaml.Event]) -> object:
    """Build the mapping or the list that is the one document of the stream; None if there is nothing."""
    starts = (yaml.MappingStartEvent, yaml.SequenceStartEvent)
    return _document_of(events, starts, "a list, or a mapping of keys to values")


def _document_of(events: Iterator[yaml.Event], starts: tuple[type[yaml.Event], ...], rule: str) -> object:
    """Build the one document of the stream, which starts with one of `starts`; None if there is nothing."""
    next(events)  # the start of the stream
    event = next(events)
    if isinstance(event, yaml.StreamEndEvent):
        return None
    first = next(events)
    if isinstance(first, yaml.ScalarEvent) and first.implicit[0] and not first.value:
        return None  # a file of comments only
    if not isinstance(first, starts):
        raise _Refused(first, f"it is not {rule}")
    found = _build(first, events, 0)
    next(events)  # the end of the document
    after = next(events)
    if not isinstance(after, yaml.StreamEndEvent):
        raise _Refused(after, "it holds a second document")
    return found


def _build(event: yaml.Event, events: Iterator[yaml.Event], depth: int) -> object:
    """Turn the node that starts with `event` into a plain value."""
    if type(event) is yaml.ScalarEvent and event.anchor is event.tag is None and depth <= MAX_DEPTH:
        return _scalar(event)  # nearly every event of a large file
    assert isinstance(event, yaml.NodeEvent), "a node starts here"
    if event.anchor is not None:
        raise _Refused(event, "anchors and aliases are not allowed", "write the value out")
    assert isinstance(event, (yaml.ScalarEvent, yaml.CollectionStartEvent)), "an alias has an anchor"
    if event.tag is not None:
        raise _Refused(event, f"the tag {event.tag!r} is not allowed", "remove it; quote text")
    if depth > MAX_DEPTH:
        raise _Refused(event, f"it is nested more than {MAX_DEPTH} deep")
    if isinstance(event, yaml.ScalarEvent):
        return _scalar(event)
    if isinstance(event, yaml.SequenceStartEvent):
        items = []
        while not isinstance(item := next(events), yaml.SequenceEndEvent):
            items.append(_build(item, events, depth + 1))
        return items
    result: dict[str, object] = {}
    while not isinstance(start := next(events), yaml.MappingEndEvent):
        key = _key(start, events, depth)
        if key in result:
            raise _Refused(start, f"the key {key!r} is there twice", "remove one of them")
        result[key] = _build(next(events), events, depth + 1)
    return result


def _key(event: yaml.Event, events: Iterator[yaml.Event], depth: int) -> str:
    key = _build(event, events, depth + 1)
    if not isinstance(key, str):
        raise _Refused(event, f"the key {key!r} is {type(key).__name__}, and keys are strings", "quote it")
    return key


def _scalar(event: yaml.ScalarEvent) -> object:
    """Read a scalar as the JSON value that every YAML reader takes it for."""
    text = event.value
    is_quoted = not event.implicit[0]  # or a block
    if is_quoted or (len(text) > _LONGEST_WORD and text[0] not in _STARTS_OF_NUMBERS):
        return text
    kind = _resolver.resolve(yaml.ScalarNode, text, (True, False)).removeprefix(_TAG)
    quote = f"quote it: '{text}'"
    match kind:
        case "null":
            return None
        case "bool" if text.lower() in _BOOLEANS:
            return _BOOLEANS[text.lower()]
        case "int" if len(text) > _LONGEST_INTEGER:
            raise _Refused(event, f"{text[:_LONGEST_INTEGER]}… is beyond ±2^53", "put quotes around it")
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
