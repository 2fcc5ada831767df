"""Events as JSON: executables in other languages read it, so it is pinned."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given

from cas.errors import InvalidError, NotFoundError
from cas.hooks import PostCheckout, PreCommit, Subject, wire
from cas.hooks.events import POINTS, point_of
from cas.ids import BlobId
from cas.testing.strategies import layers, records
from tests.hooks.samples import (
    DESTINATION,
    EVENTS,
    POST_CHECKOUT,
    POST_COMMIT,
    POST_RUN,
    PRE_COMMIT,
    PRE_GC,
    PRE_REMOVE,
    REPOSITORY,
    SUBJECT,
)

if TYPE_CHECKING:
    from cas.hooks.events import Event
    from cas.versions.record import Record

V = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
ROADS = '{"layer": "main", "name": "roads", "version": "' + V + '"}'

VECTORS: dict[str, tuple[Event, str]] = {
    "pre_commit": (
        PRE_COMMIT,
        '{"point": "pre_commit", "repository": "/somewhere/.cas", "subject": ' + ROADS + ", "
        '"content": {"kind": "file", '
        '"id": "3ae7d805f6789a6402acb70ad4096a85a56bf6804eaf25c0493ac697548d30b5"}, '
        '"size": 1, "file_count": 1, '
        '"properties": {"city": "Troms\\u00f8", "year": 2024, "box": [1.5, null, {"deep": true}]}, '
        '"inputs": {"raw": "' + V + '"}, "message": ""}',
    ),
    "post_commit": (
        POST_COMMIT,
        '{"point": "post_commit", "repository": "/somewhere/.cas", "subject": ' + ROADS + ", "
        '"content": {"kind": "directory", "id": "' + "0" * 64 + '"}, "outcome": "created", "new_size": 17}',
    ),
    "post_checkout": (
        POST_CHECKOUT,
        '{"point": "post_checkout", "repository": "/somewhere/.cas", "subject": ' + ROADS + ", "
        '"destination": "/work/caf\\udce9", "path": null, "written": 2, "removed": 1}',
    ),
    "pre_remove": (
        PRE_REMOVE,
        '{"point": "pre_remove", "repository": "/somewhere/.cas", "subjects": ['
        + ROADS
        + ", "
        + ROADS
        + "]}",
    ),
    "pre_gc": (PRE_GC, '{"point": "pre_gc", "repository": "/somewhere/.cas"}'),
    "post_run": (
        POST_RUN,
        '{"point": "post_run", "repository": "/somewhere/.cas", "module": "clean", "outputs": ['
        + ROADS
        + "], "
        '"inputs": {"raw": "' + V + '"}, "built": true, "seconds": 1.5}',
    ),
}


@pytest.mark.parametrize("point", VECTORS)
def test_the_text_is_pinned(point: str) -> None:
    """Keys are only ever added; what a hook in another language reads today it reads tomorrow."""
    event, text = VECTORS[point]

    assert text.encode() == wire.encode(event)


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: point_of(type(event)))
def test_every_event_comes_back(event: Event) -> None:
    """What `cas hooks run --event` reads is what a hook once got."""
    point = point_of(type(event))

    assert event == wire.decode(wire.encode(event), point=point, repository=REPOSITORY)


@given(record=records(), layer=layers())
def test_nothing_is_lost_on_the_way(record: Record, layer: str) -> None:
    """Whatever can be committed."""
    event = PreCommit(
        repository=REPOSITORY,
        subject=Subject(layer, record.name, record.version),
        content=record.content,
        size=record.size,
        file_count=record.file_count,
        properties=record.properties,
        inputs=record.inputs,
        message=record.message,
    )

    encoded = wire.encode(event)

    assert event == wire.decode(encoded, point="pre_commit", repository=REPOSITORY)
    assert encoded.isascii()
    assert b"\n" not in encoded, "one event is one line, for whoever keeps them in a file"


@pytest.mark.parametrize("point", POINTS)
def test_there_is_a_sample_for_every_point(point: str) -> None:
    """`cas hooks run POINT` needs one, and it looks like the real thing."""
    sample = wire.event_at(point, None, REPOSITORY)

    assert type(sample) is POINTS[point]
    assert sample == wire.decode(wire.encode(sample), point=point, repository=REPOSITORY)


def test_every_field_has_a_form() -> None:
    """A field of a new type must not reach the first hook that gets it as an error."""
    for kind in POINTS.values():
        for field in fields(kind):
            assert wire.form_of(field.type).told, f"{kind.__name__}.{field.name}"


def test_the_repository_and_the_point_may_be_left_out() -> None:
    """Whoever writes an event by hand writes what matters."""
    document = json.loads(wire.encode(POST_CHECKOUT))
    del document["repository"], document["point"]

    decoded = wire.event_at("post_checkout", json.dumps(document).encode(), REPOSITORY)

    assert PostCheckout(REPOSITORY, SUBJECT, DESTINATION, None, written=2, removed=1) == decoded


def changed(**changes: Any) -> bytes:  # noqa: ANN401 - JSON is anything
    """Write a commit with these keys replaced."""
    return json.dumps(json.loads(wire.encode(PRE_COMMIT)) | changes).encode()


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "it is not JSON"),
        (b"\xff", "it is not JSON"),
        (b"[]", "it is not an object"),
        (b"{}", "it lacks 'subject'"),
        (changed(point="pre_gc"), "it is one of pre_gc"),
        (changed(color="red"), "'color' is no field of it"),
        (changed(size="1"), "'size' must be a whole number"),
        (changed(size=True), "'size' must be a whole number"),
        (changed(size=1.5), "'size' must be a whole number"),
        (changed(message=None), "'message' must be a string"),
        (changed(repository=1), "'repository' must be a string, an absolute path"),
        (changed(subject={"name": "roads"}), "'subject' must be an object of `layer`, `name` and `version`"),
        (changed(subject="roads"), "'subject' must be an object"),
        (changed(subject={"layer": "main", "name": "roads", "version": "12"}), "'subject' must be an object"),
        (changed(content={"kind": "symlink", "id": V}), "'content' must be an object of `kind`"),
        (changed(properties=[]), "'properties' must be an object"),
        (changed(inputs={"raw": "1234"}), "'inputs' must be an object of version ids"),
        (changed(inputs=None), "'inputs' must be an object of version ids"),
    ],
)
def test_what_is_no_event_is_refused(data: bytes, why: str) -> None:
    """A hook must not be tried with what it will never get; the message names the key and the rule."""
    with pytest.raises(InvalidError) as caught:
        wire.event_at("pre_commit", data, REPOSITORY)

    assert "bad-event" == caught.value.code
    assert str(caught.value.why).startswith(why)


def test_a_misspelt_point_is_not_found() -> None:
    """As a file in `.cas/hooks` it would be refused, too."""
    with pytest.raises(NotFoundError) as caught:
        wire.event_at("pre-comit", None, REPOSITORY)

    assert ("no-such-point", "did you mean 'pre_commit'?") == (caught.value.code, caught.value.hint)


def test_kinds_are_what_trees_call_them() -> None:
    """The content of a file is what `b3sum` prints."""
    assert {"kind": "file", "id": str(BlobId.of(b"x"))} == wire.plain(PRE_COMMIT)["content"]
