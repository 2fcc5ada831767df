"""Finding versions by their properties, through the table `properties`.

A condition that is a text also matches the number, `true`, `false` or `null` that is written so: whoever
types `year=2016` does not want to know how the year was stored. Anything else matches only its equal, and
equal is what has the same canonical JSON: `1` is `1.0` and neither `"1"` nor `true`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cas.errors import InvalidError
from cas.versions import refs, rows
from cas.versions.jsontext import parse_json
from cas.versions.values import FINGERPRINT_SIZE, canonical, check_mapping, check_value, fingerprint
from cas.versions.version import State

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from cas.objects.index import Txn
    from cas.versions.values import JSON
    from cas.versions.version import Version


def find(txn: Txn, layers: Sequence[str], conditions: Mapping[str, JSON]) -> list[Version]:
    """Return the live versions in `layers` that have all these properties, newest first.

    Without conditions these are all live versions. Cost: the matches of each condition on its own.

    Raises:
        InvalidError: A condition is not a JSON value.
    """
    checked = list(check_mapping(conditions, "", depth=0).items())
    keys: set[bytes] = set()
    for layer in layers:
        keys |= _matching(txn, checked, rows.ref_key(layer, ""))
    return _newest_first(txn, keys)


def newest(txn: Txn, layer: str, name: str, conditions: Iterable[tuple[str, JSON]]) -> Version | None:
    """Return the newest live version of `name` that has all these properties, or None."""
    keys = _matching(txn, list(conditions), rows.ref_key(layer, name) + b"\0")
    return next(iter(_newest_first(txn, keys)), None)


def is_match(properties: Mapping[str, JSON], conditions: Iterable[tuple[str, JSON]]) -> bool:
    """Whether `properties` fulfil all conditions."""
    return all(
        key in properties and canonical(properties[key]) in map(canonical, _readings(value))
        for key, value in conditions
    )


def _matching(txn: Txn, conditions: list[tuple[str, JSON]], prefix: bytes) -> set[bytes]:
    """Keys of the live versions that start with `prefix` and fulfil all conditions."""
    if not conditions:
        return {
            key
            for key, value in txn.scan(txn.tables.versions, prefix)
            if not rows.is_order(value) and rows.decode_version(value).state is State.LIVE
        }
    found = [_having(txn, key, value, prefix) for key, value in conditions]
    return set.intersection(*found)


def _having(txn: Txn, key: str, value: JSON, prefix: bytes) -> set[bytes]:
    return {
        row_key[FINGERPRINT_SIZE:]
        for reading in _readings(value)
        for row_key, _ in txn.scan(txn.tables.properties, fingerprint(key, reading) + prefix)
    }


def _readings(value: JSON) -> list[JSON]:
    """What a condition may mean: a text also what it says as JSON, if that is neither text nor container."""
    if not isinstance(value, str):
        return [value]
    try:
        meant = check_value(parse_json(value, ""), "")
    except InvalidError:
        return [value]
    return [value] if isinstance(meant, str | list | dict) else [value, meant]


def _newest_first(txn: Txn, keys: Iterable[bytes]) -> list[Version]:
    found = []
    for key in keys:
        ref, version = rows.split_version_key(key)
        layer, name = rows.split_ref_key(ref)
        match = refs.get(txn, layer, name, version)
        assert match is not None, "effects, invariant 3"
        found.append(match)
    return sorted(found, key=lambda version: version.sequence, reverse=True)
