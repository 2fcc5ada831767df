"""Paths of the view: text, components separated by `/`, "" is the root."""

from __future__ import annotations

import os

from cas.errors import InvalidError


def parse(*parts: str | os.PathLike[str]) -> str:
    """Join parts to a path of the view. Blank, leading, trailing and doubled `/` mean nothing.

    Bytes that are no UTF-8 are surrogate escapes, as `os.fsdecode` gives them.

    >>> parse("/models/", "inception.ckpt")
    'models/inception.ckpt'

    Raises:
        InvalidError: A component is `.` or `..`, or the text is none that a path can have.
    """
    whole = "/".join(map(os.fsdecode, parts))
    components = [component for component in whole.split("/") if component]
    for component in components:
        if component in {".", ".."}:
            raise _bad(whole, f"'{component}' is not allowed: a path of the view begins at its root")
    if "\0" in whole:
        raise _bad(whole, "it contains a NUL")
    try:
        whole.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise _bad(whole, f"it contains {whole[error.start]!r}, which no path can") from error
    return "/".join(components)


def join(folder: str, name: str) -> str:
    """Name something in a directory of the view."""
    return f"{folder}/{name}" if folder else name


def components(path: str) -> list[str]:
    """Split a path of the view."""
    return path.split("/") if path else []


def is_below(path: str, top: str) -> bool:
    """Whether `path` is `top` or below it."""
    return not top or path == top or path.startswith(top + "/")


def _bad(path: str, why: str) -> InvalidError:
    return InvalidError(
        f"cannot look up {path!r}", code="bad-path", why=why, hint="name the path as the view shows it"
    )


def absolute(path: str | os.PathLike[str]) -> str:
    """Make the path of a directory of the host's absolute.

    Raises:
        InvalidError: It is empty: the current directory is not meant by accident.
    """
    text = os.fsdecode(path)
    if not text:
        raise InvalidError(
            "cannot use '' as a directory", code="bad-path", why="it is empty", hint="write '.' for this one"
        )
    return os.path.abspath(text)
