"""Version ids: the hash of what was asked for, known before the data exists.

A version id is BLAKE3 in derive-key mode, context `cas version v1`, of the RFC 8785 canonical JSON of

    {"inputs": {input name: version id as 64 hex digits, …}, "properties": {…}}

The name, the type, the code and the content are not in it. Two resources of different names may have
equal version ids; (name, version id) is the key. Input names are in it, so that two inputs that swap
roles make another version.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from blake3 import blake3

from cas.errors import CorruptError, InvalidError
from cas.ids import VersionId
from cas.versions.plain import canonical_of_plain
from cas.versions.properties import check_properties
from cas.versions.values import canonical

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cas.ids import Content
    from cas.versions.record import Record
    from cas.versions.values import JSON

CONTEXT: Final = "cas version v1"

CONTENT_PROPERTY: Final = "content"
"""The property that a resource with neither properties nor inputs gets."""


def version_id(properties: Mapping[str, object], inputs: Mapping[str, VersionId]) -> VersionId:
    """Hash properties and inputs.

    >>> version_id({"region": "ru", "year": 2016}, {}).short
    '36b7a6f6541d'

    Raises:
        InvalidError: A property is not a JSON value.
    """
    roles: JSON = {name: version.raw.hex() for name, version in inputs.items()}
    text = canonical_of_plain({"inputs": roles, "properties": properties})
    if text is None:
        text = canonical({"inputs": roles, "properties": check_properties(properties)})
    return VersionId(blake3(text, derive_key_context=CONTEXT).digest())


def identifying_properties(
    properties: Mapping[str, object],
    inputs: Mapping[str, VersionId],
    content: Content,
    *,
    by_content: bool = False,
) -> dict[str, JSON]:
    """Return the checked properties under which `content` is committed.

    With neither properties nor inputs there is nothing to tell versions apart, so the content id becomes
    the one property: each distinct content is its own version. With `by_content` it is one of them.

    Raises:
        InvalidError: A property is not a JSON value, or says that the content is another one.
    """
    checked = check_properties(properties)
    if checked or inputs:
        if not by_content:
            return checked
        said = checked.get(CONTENT_PROPERTY, str(content))
        if said != str(content):
            raise InvalidError(
                f"cannot use the property '{CONTENT_PROPERTY}'",
                code="content-property",
                why=f"it is to be the content id, {content}, and is given as {said!r}",
                hint="call it something else",
            )
    return {**checked, CONTENT_PROPERTY: str(content)}


def check_record(record: Record) -> None:
    """Check that a record's version is the hash of its properties and inputs.

    Raises:
        CorruptError: It is not.
    """
    expected = version_id(record.properties, record.inputs)
    if expected != record.version:
        raise CorruptError(
            f"cannot trust the record of '{record.name}'",
            code="bad-record",
            why=f"it says version {record.version.short}, its properties and inputs give {expected.short}",
            hint="run `cas verify`",
        )
