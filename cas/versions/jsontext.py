"""JSON as users type it, read strictly: no duplicate keys, no NaN. What it says is not checked here."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from cas.errors import InvalidError


def parse_json(text: str, path: str) -> Any:  # noqa: ANN401 - the caller checks it
    """Read strict JSON: no duplicate keys, no NaN. The result is not checked yet.

    Raises:
        InvalidError: It is not JSON; `path` says which property it was for.
    """
    value, end = decode_json(text, 0, path)
    if text[end:]:
        raise _bad_json(path, f"{text[end:]!r} follows the JSON")
    return value


def decode_json(text: str, start: int, path: str) -> tuple[Any, int]:
    """Read the strict JSON that begins at `start` of `text`, and say where it ends.

    Raises:
        InvalidError: There is none.
    """
    try:
        return _json.raw_decode(text, start)
    except RecursionError:
        why = "it is nested too deeply"
    except ValueError as error:
        why = f"{text[start:]!r} is not JSON: {error}"
    raise _bad_json(path, why)


def _bad_json(path: str, why: str) -> InvalidError:
    hint = f"for plain text write {path}=TEXT"
    return InvalidError(f"cannot use property {path!r}", code="bad-json", why=why, hint=hint)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {twice!r} is there twice")
    return result


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"JSON has no {name}")


_json = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_refuse_constant)
