"""Whether a JSON document is what its shape promises."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cas.cli.render.shapes import Shape

_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "number": (int, float),
    "boolean": (bool,),
    "array of strings": (list,),
    "object": (dict,),
    "string or null": (str, type(None)),
    "number or null": (int, float, type(None)),
    "object or null": (dict, type(None)),
}


def require(document: Any, shape: Shape, *, where: str = "") -> None:  # noqa: ANN401 - JSON is anything
    """Fail unless `document` has exactly the keys and types of `shape`."""
    if shape.is_array:
        assert isinstance(document, list), where
        for number, one in enumerate(document):
            _require_object(one, shape, f"{where}[{number}]")
    else:
        _require_object(document, shape, where)


def _require_object(document: Any, shape: Shape, where: str) -> None:  # noqa: ANN401 - JSON is anything
    assert isinstance(document, dict), where
    assert set(shape.fields) == set(document), where
    for key, inside in shape.fields.items():
        value = document[key]
        if not isinstance(inside, str):
            require(value, inside, where=f"{where}.{key}")
            continue
        kind = inside.partition(":")[0].partition(";")[0]
        if kind != "any JSON value":
            assert isinstance(value, _TYPES[kind]), f"{where}.{key}: {value!r} is not {kind}"
