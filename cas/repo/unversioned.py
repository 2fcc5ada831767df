"""What is said of a path that the view has, and that somebody took for the name of a resource."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from cas.errors import CasError, NotFoundError
from cas.ids import Kind

if TYPE_CHECKING:
    from cas.versions.spec import Spec
    from cas.view.node import Node
    from cas.view.view import View

_NO_SUCH_NAME = "no-such-name"


def explained(error: NotFoundError, spec: Spec, view: View) -> NotFoundError:
    """Say what there is where `spec` found no resource, if it is something; else return `error`."""
    if error.code != _NO_SUCH_NAME or spec.layer is not None:
        return error
    try:
        node = view.find(spec.name)
    except CasError:
        return error
    what = "a directory" if node.is_directory else "a symlink" if node.kind is Kind.SYMLINK else "a file"
    place = "of the view" if node.host is None else f"of layer '{node.layer}'"
    return NotFoundError(
        error.what,
        code=_NO_SUCH_NAME,
        why=f"it is {what} {place}, and not the name of a resource",
        hint=_hint(node, spec.name, view),
    )


def _hint(node: Node, name: str, view: View) -> str:
    """Say how to get at it: as a path of a version, as one of the view, or by making it a version."""
    inside = _inside(name, view)
    if inside is not None:
        resource, path = map(shlex.quote, inside)
        look = "tree" if node.is_directory else "cat"
        return f"of the current version: cas {look} {resource} {path}, cas checkout {resource} --path {path}"
    quoted = shlex.quote(name)
    if node.is_directory:
        return f"cas ls {quoted}/"
    return f'to read it: cat "$(cas path {quoted})"; to make it one: cas commit {quoted} {node.host}'


def _inside(name: str, view: View) -> tuple[str, str] | None:
    """Split a path into the resource that it is in, and the path there."""
    parts = name.split("/")
    for count in range(len(parts) - 1, 0, -1):
        resource, path = "/".join(parts[:count]), "/".join(parts[count:])
        found = next(view.names(resource), None)
        if found is not None and found.host is None and found.path == resource:
            return resource, path
    return None
