r"""Events as JSON, which is how executables get them and how the audit log keeps them.

An object with the key `point` and one key for each field of the event. Keys are only ever added. The text
is ASCII, with everything else escaped, so that a path whose bytes are not UTF-8 survives as `\udcXX`.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cas.errors import InvalidError, NotFoundError
from cas.hooks.events import POINTS, Subject, point_of
from cas.ids import BlobId, Content, Kind, VersionId

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cas.hooks.events import Event


@dataclass(frozen=True, slots=True)
class Form:
    """How fields with one annotation are written."""

    told: str
    """What it is in JSON, for the reference."""
    write: Callable[[Any], Any]
    read: Callable[[Any], Any]
    """Undoes `write`; raises ValueError, TypeError or KeyError for what is not of this form."""


def encode(event: Event) -> bytes:
    """Write an event as one line of JSON, without its end."""
    import json  # noqa: PLC0415 - only where an executable or the audit log wants it

    return json.dumps(plain(event)).encode()


def plain(event: Event) -> dict[str, Any]:
    """Turn an event into what JSON can say."""
    written = {field.name: form_of(field.type).write(getattr(event, field.name)) for field in fields(event)}
    return {"point": point_of(type(event)), **written}


def event_at(point: str, data: bytes | None, repository: Path) -> Event:
    """Read an event to try the hooks of `point` with, or make one up.

    Raises:
        NotFoundError: There is no such point.
        InvalidError: It is not an event of this point.
    """
    if point not in POINTS:
        import difflib  # noqa: PLC0415 - only on the way out

        near = difflib.get_close_matches(point.replace("-", "_"), POINTS, n=1)
        raise NotFoundError(
            f"cannot find the hook point '{point}'",
            code="no-such-point",
            why=f"the points are {', '.join(POINTS)}",
            hint=f"did you mean '{near[0]}'?" if near else None,
        )
    return sample(point, repository) if data is None else decode(data, point=point, repository=repository)


def decode(data: bytes, *, point: str, repository: Path) -> Event:
    """Read an event of `point`; `repository` is what it gets if it names none.

    Raises:
        InvalidError: It is not JSON, or not an event of this point.
    """
    import json  # noqa: PLC0415 - as above

    try:
        document = json.loads(data)
    except ValueError as error:
        raise _bad(point, f"it is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise _bad(point, "it is not an object")
    given = {"point": point, "repository": str(repository), **document}
    if given.pop("point") != point:
        raise _bad(point, f"it is one of {document['point']}")
    kind = POINTS[point]
    names = [field.name for field in fields(kind)]
    wrong = [f"it lacks '{name}'" for name in names if name not in given]
    wrong += [f"'{name}' is no field of it" for name in given if name not in names]
    if wrong:
        raise _bad(point, wrong[0])
    return kind(
        **{field.name: _read(point, field.name, field.type, given[field.name]) for field in fields(kind)}
    )


def sample(point: str, repository: Path) -> Event:
    """Make up an event of `point`, to try a hook with."""
    subject = Subject("main", "sample/roads", VersionId(bytes(32)))
    values: dict[str, Any] = {
        "repository": repository,
        "subject": subject,
        "subjects": (subject,),
        "content": Content(Kind.FILE, BlobId.of(b"sample\n")),
        "size": 7,
        "file_count": 1,
        "properties": {"region": "Oslo", "year": 2024},
        "inputs": {"source": VersionId(bytes(32))},
        "message": "a sample",
        "outcome": "created",
        "new_size": 7,
        "destination": repository.parent / "roads",
        "path": None,
        "written": 1,
        "removed": 0,
        "objects_deleted": 3,
        "packs_deleted": 1,
        "bytes_freed": 4096,
        "module": "roads",
        "outputs": (subject,),
        "built": True,
        "seconds": 1.5,
    }
    kind = POINTS[point]
    return kind(**{field.name: values[field.name] for field in fields(kind)})


def form_of(annotation: Any) -> Form:  # noqa: ANN401 - dataclasses do not say that it is text
    """Find how a field of an event is written, by its annotation."""
    return FORMS[annotation]


def _read(point: str, name: str, annotation: Any, value: Any) -> Any:  # noqa: ANN401 - JSON is anything
    form = form_of(annotation)
    try:
        return form.read(value)
    except (ValueError, TypeError, KeyError) as error:
        raise _bad(point, f"'{name}' must be {form.told}") from error


def _bad(point: str, why: str) -> InvalidError:
    return InvalidError(
        f"cannot read an event of {point}",
        code="bad-event",
        why=why,
        hint="docs/hooks-reference.md shows one",
    )


def _same(value: Any) -> Any:  # noqa: ANN401 - JSON is anything
    return value


_KINDS: Final = {kind.name.lower(): kind for kind in (Kind.FILE, Kind.EXECUTABLE, Kind.DIRECTORY)}


def _exactly(*kinds: type) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:  # noqa: ANN401 - JSON is anything
        if type(value) not in kinds:  # not isinstance: True is no number here
            raise TypeError
        return value

    return read


_text = _exactly(str)
_object = _exactly(dict)


def _write_subject(subject: Subject) -> dict[str, str]:
    return {"layer": subject.layer, "name": subject.name, "version": str(subject.version)}


def _read_subject(value: Any) -> Subject:  # noqa: ANN401 - JSON is anything
    return Subject(_text(value["layer"]), _text(value["name"]), VersionId.parse(_text(value["version"])))


def _write_content(content: Content) -> dict[str, str]:
    return {"kind": content.kind.name.lower(), "id": str(content.id)}


def _read_content(value: Any) -> Content:  # noqa: ANN401 - JSON is anything
    return Content.of(_KINDS[_text(value["kind"])], BlobId.parse(_text(value["id"])).raw)


def _write_versions(versions: Mapping[str, VersionId]) -> dict[str, str]:
    return {role: str(version) for role, version in versions.items()}


def _read_versions(value: Any) -> dict[str, VersionId]:  # noqa: ANN401 - JSON is anything
    return {role: VersionId.parse(_text(version)) for role, version in _object(value).items()}


FORMS: Final[Mapping[str, Form]] = {
    "str": Form("a string", _same, _text),
    "str | None": Form("a string or null", _same, _exactly(str, type(None))),
    "int": Form("a whole number", _same, _exactly(int)),
    "float": Form("a number", _same, _exactly(int, float)),
    "bool": Form("true or false", _same, _exactly(bool)),
    "Path": Form("a string, an absolute path", str, lambda value: Path(_text(value))),
    "Subject": Form("an object of `layer`, `name` and `version`", _write_subject, _read_subject),
    "tuple[Subject, ...]": Form(
        "an array of objects of `layer`, `name` and `version`",
        lambda subjects: [_write_subject(one) for one in subjects],
        lambda value: tuple(_read_subject(one) for one in _exactly(list)(value)),
    ),
    "Content": Form(
        "an object of `kind` (`file`, `executable`, `directory`) and `id`", _write_content, _read_content
    ),
    "Mapping[str, Any]": Form("an object", dict, _object),
    "Mapping[str, VersionId]": Form("an object of version ids", _write_versions, _read_versions),
}
"""Annotation of a field → how it is written."""
