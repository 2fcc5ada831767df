"""`remote.yaml`: which resources there are elsewhere, and where each belongs here.

`docs/format/remote-yaml.md` describes it key by key. Whatever is wrong with an entry is said when the file is
read, with its line, and then none of its entries is used: half a registry is a registry that lies.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, NoReturn

from cas.errors import InvalidError, NotFoundError
from cas.registry.entry import RemoteEntry
from cas.registry.nested import nested
from cas.remotes.digests import Digest
from cas.remotes.location import Location
from cas.remotes.secrets import hushed, redacted
from cas.versions.names import parse_name
from cas.versions.properties import check_properties
from cas.versions.property_file import read_values
from cas.yaml_values import BadValueError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from cas.versions.values import JSON
    from cas.yaml_values import Value

ALL: Final = "ALL"
"""What the command line calls every entry of a registry; no entry may be called so."""

SLASH_RULE: Final = "a dst_path ends in `/` if and only if the resource is a directory"
"""What is said wherever the two disagree."""

MAX_SIZE: Final = 1 << 24
"""Bytes in a registry: some 100,000 entries."""

_KEYS: Final = ("name", "dst_path", "gs_url", "url", "digest", "size", "mirrors", "properties")
_TOP: Final = "resources"
_LARGEST: Final = 2**53
_OURS: Final = frozenset({".cas", ".cas-downloads"})
_WHITEOUT: Final = ".wh."
_FROM_THE_FAR_SIDE: Final = ("url", "etag", "generation", "digest")
"""Properties that each version gets from where it was fetched."""


class _RefusedError(Exception):
    """What is wrong, carried to the one place that knows the file's name."""

    def __init__(self, why: str, hint: str | None = None) -> None:
        super().__init__(why)
        self.why = why
        self.hint = hint


def load(path: Path) -> tuple[RemoteEntry, ...]:
    """Read the registry in the YAML file `path`, in the order of the file.

    Raises:
        InvalidError: It is not YAML, or an entry breaks a rule; the message says where and which.
        NotFoundError: There is no such file.
    """
    if path.exists() and not path.is_file():  # a pipe would be waited for
        raise _invalid(path, "it is no file")
    try:
        document = read_values(path, holds="remote resources", code="bad-registry", max_size=MAX_SIZE)
        entries = tuple(map(_entry, _listed(document))) if document is not None else ()
        _refuse_duplicates(entries)
        _refuse_overlaps(entries)
    except NotFoundError as error:
        error.hint = _hint_at_others(path)
        raise
    except InvalidError as error:
        raise _invalid(path, error.why or "", error.hint) from None
    except BadValueError as error:
        raise _invalid(path, str(error)) from None
    except _RefusedError as error:
        raise _invalid(path, error.why, error.hint) from None
    return nested(entries)


def _invalid(path: Path, why: str, hint: str | None = None) -> InvalidError:
    return InvalidError(
        f"cannot use the registry '{path}'",
        code="bad-registry",
        why=hushed(why),  # a URL may stand where a path belongs, or a list of URLs
        hint=hushed(hint) if hint else None,
    )


def _hint_at_others(path: Path) -> str:
    """Say which registry may be meant by one that is not there."""
    there = sorted(other.name for pattern in ("*.yaml", "*.yml") for other in path.parent.glob(pattern))
    near = _nearest(path.name, there)
    if near is not None:
        return f"did you mean '{path.parent / near}'?"
    if there:
        return f"beside it there is '{path.parent / there[0]}'"
    return "docs/format/remote-yaml.md says how to write one"


def _listed(document: Value) -> list[Value]:
    """Take the list, which is the whole document or stands under the one key `resources`."""
    rule = "a list of resources, each with name, dst_path and url"
    if isinstance(document.data, list):
        return document.items(rule)
    _refuse_unknown_keys(document, (_TOP,))
    listed = document.member(_TOP)
    return listed.items(rule) if listed is not None else []


def _entry(value: Value) -> RemoteEntry:
    _refuse_unknown_keys(value, _KEYS)
    named = value.member("name")
    if named is None:
        raise _RefusedError(f"line {value.line}: a resource has no 'name'", "give it one to download it by")
    name = _name(named)
    try:
        return _named_entry(replace(value, name=""), name)
    except _RefusedError as error:
        raise _RefusedError(f"resource '{name}', {error.why}", error.hint) from None
    except BadValueError as error:
        raise _RefusedError(f"resource '{name}', {error}") from None


def _named_entry(value: Value, name: str) -> RemoteEntry:
    dst_path = _dst_path(value.required("dst_path", "where it belongs: a path, for a directory with a `/`"))
    mirrors = value.member("mirrors")
    is_directory = dst_path.endswith("/")
    return RemoteEntry(
        name=name,
        dst_path=dst_path,
        url=_url(value, is_directory=is_directory),
        mirrors=()
        if mirrors is None
        else tuple(_location(one, is_directory=is_directory) for one in mirrors.items("a list of URLs")),
        digest=_digest(value.member("digest"), is_directory=is_directory),
        size=_size(value.member("size")),
        properties=_properties(value.member("properties")),
        line=value.line,
    )


def _refuse_unknown_keys(value: Value, known: tuple[str, ...]) -> None:
    if not isinstance(value.data, dict):
        raise value.bad("a mapping of keys to values")
    for key, _ in value.node.value:
        if key.value not in known:
            near = _nearest(key.value, known)
            hint = f"did you mean '{near}'?" if near else f"the keys are {', '.join(known)}"
            raise _RefusedError(f"line {key.start_mark.line + 1}: '{key.value}' is not a key", hint)


def _nearest(word: str, known: Iterable[str]) -> str | None:
    from difflib import get_close_matches  # noqa: PLC0415 - only on the way out

    return next(iter(get_close_matches(word, list(known), n=1)), None)


def _name(value: Value) -> str:
    """Take the id of an entry: a word that can stand on a command line."""
    name = value.text("a name to download it by")
    if name == ALL:
        _refuse(value, f"is '{ALL}', which means every resource", "choose another name")
    if not name.isprintable() or name != name.strip():
        _refuse(value, f"is {name!r}, and no blanks at its ends or control characters are allowed")
    if name.startswith("-"):
        _refuse(value, f"is '{name}', which looks like an option")
    return name


def _dst_path(value: Value) -> str:
    """Take a path in the view, which is the name of a resource too, with or without a `/` at its end."""
    text = value.text("a relative path")
    if text.startswith("/"):
        _refuse(value, f"is '{text}', an absolute path", "write where it belongs below the directory layer")
    if "\0" in text:
        _refuse(value, f"is {text!r}, which holds a NUL")
    path = text.removesuffix("/")
    if ".." in path.split("/"):
        _refuse(value, f"is '{text}', and '..' leads out of the layer")
    for part in path.split("/"):
        if part in _OURS or part.startswith(_WHITEOUT):
            _refuse(value, f"is '{text}', and '{part}' is a name that cas keeps for itself")
    try:
        parse_name(path)
    except InvalidError as error:
        _refuse(value, f"is {text!r}, which cannot be: {error.why}", error.hint)
    return text


def _refuse(value: Value, why: str, hint: str | None = None) -> NoReturn:
    raise _RefusedError(f"line {value.line}: '{value.name}' {why}", hint)


def _url(value: Value, *, is_directory: bool) -> str:
    google, any_url = value.member("gs_url"), value.member("url")
    if google is not None and any_url is not None:
        _refuse(any_url, "is given, and so is 'gs_url'", "keep one of them")
    found = google or any_url
    if found is None:
        raise BadValueError(f"line {value.line}: it has no 'url', and no 'gs_url' either")
    url = _location(found, is_directory=is_directory)
    if google is not None and not url.startswith("gs://"):
        _refuse(google, f"is '{Location.parse(url)}', and must begin with gs://", "call the key 'url'")
    return url


def _location(value: Value, *, is_directory: bool) -> str:
    url = value.text("a URL")
    try:
        location = Location.parse(url)
    except InvalidError as error:
        _refuse(value, f"is '{redacted(url)}', which cannot be used: {error.why}", error.hint)
    if location.is_directory and not is_directory:
        _refuse(value, f"is '{location}', a directory, and dst_path is that of a file", SLASH_RULE)
    return url


def _digest(value: Value | None, *, is_directory: bool) -> Digest | None:
    if value is None:
        return None
    if is_directory:
        _refuse(value, "is for files: a directory has none that the far side could know", "leave it out")
    try:
        return Digest.parse(value.text("a digest, such as sha256:…"))
    except InvalidError as error:
        _refuse(value, str(error), error.hint)


def _size(value: Value | None) -> int | None:
    return None if value is None else value.whole_number(0, _LARGEST)


def _properties(value: Value | None) -> dict[str, JSON]:
    if value is None:
        return {}
    if not isinstance(value.data, dict):
        raise value.bad("a mapping of keys to values")
    for key in _FROM_THE_FAR_SIDE:
        if key in value.data:
            _refuse(value, f"has '{key}', which is set from where it was fetched", "choose another key")
    try:
        return check_properties(value.data)
    except InvalidError as error:
        _refuse(value, f"cannot be used: {error}", error.hint)


def _refuse_duplicates(entries: tuple[RemoteEntry, ...]) -> None:
    seen: dict[str, RemoteEntry] = {}
    for entry in entries:
        other = seen.setdefault(entry.name, entry)
        if other is not entry:
            raise _RefusedError(
                f"lines {other.line} and {entry.line}: two resources are called '{entry.name}'",
                "give one of them another name",
            )


def _refuse_overlaps(entries: tuple[RemoteEntry, ...]) -> None:
    """Refuse one place for two entries, and a place below a file.

    Below a directory is fine: the seed has a directory `data/`, and other files may well belong into it.
    `nested` is what keeps the two apart.
    """
    places: dict[str, RemoteEntry] = {}
    for entry in entries:
        other = places.setdefault(entry.path, entry)
        if other is not entry:
            raise _RefusedError(
                f"lines {other.line} and {entry.line}: '{other.name}' and '{entry.name}' "
                f"have the same dst_path, '{entry.path}'",
                "give one of them another",
            )
    for entry in entries:
        for parent in _parents(entry.path):
            outer = places.get(parent)
            if outer is not None and not outer.is_directory:
                raise _RefusedError(
                    f"lines {outer.line} and {entry.line}: '{entry.dst_path}' of '{entry.name}' "
                    f"lies below '{outer.dst_path}' of '{outer.name}', which is a file",
                    f"write '{outer.dst_path}/' if that is a directory",
                )


def _parents(path: str) -> Iterator[str]:
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path
