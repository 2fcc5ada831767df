"""The reference of hook points, `docs/hooks-reference.md`, written from the specifications and events.

python -m cas.cli.hooks_reference docs/hooks-reference.md            writes it
python -m cas.cli.hooks_reference --check docs/hooks-reference.md    fails if it would change
"""

from __future__ import annotations

import ast
import inspect
import itertools
import json
import sys
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

from cas.cli import pages
from cas.hooks import events, specs, wire
from cas.hooks.events import POINTS, is_before

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from cas.hooks.events import Event

_HEAD = """\
# Hook points

<!-- Written by `python -m cas.cli.hooks_reference docs/hooks-reference.md` from the code; do not edit. -->

[hooks.md](hooks.md) explains how hooks are written and found. This page lists the points, and what a hook is
told at each: in Python a frozen value with these attributes, in an executable one line of JSON with these
keys on standard input, the key `point` first. Keys are only ever added.

The text is ASCII; a byte of a path that is not UTF-8 is written as `\\udcXX`, as Python does. A version id or
content id is 64 hex digits.
"""


def render() -> str:
    """Write the whole page."""
    return "\n".join([_HEAD, *(part for point, kind in POINTS.items() for part in _point(point, kind))])


def _point(point: str, kind: type[Event]) -> Iterator[str]:
    specification = inspect.cleandoc(getattr(specs, point).__doc__ or "")
    power = (
        "It may refuse."
        if is_before(point)
        else "It comes too late to refuse; what goes wrong in it is a note."
    )
    yield f"## {point}\n"
    yield f"{specification} {power}\n"
    yield f"The event is `cas.hooks.{kind.__name__}`. {inspect.cleandoc(kind.__doc__ or '')}\n"
    told = _docstrings(kind)
    yield pages.table(
        ("key", "in JSON", "is"),
        [
            (f"`{field.name}`", wire.form_of(field.type).told, pages.escaped(told[field.name]))
            for field in fields(kind)
        ],
    )
    sample = wire.plain(wire.event_at(point, None, Path("/data/.cas")))
    yield f"```json\n{json.dumps(sample, indent=2)}\n```\n"


def _docstrings(kind: type[Event]) -> Mapping[str, str]:
    """Find what stands below each field of a class."""
    module = ast.parse(inspect.getsource(events))
    (body,) = (
        node.body for node in module.body if isinstance(node, ast.ClassDef) and node.name == kind.__name__
    )
    found = {}
    for field, below in itertools.pairwise(body):
        match field, below:
            case ast.AnnAssign(target=ast.Name(name)), ast.Expr(ast.Constant(str(words))):
                found[name] = words
    return found


def main(words: Sequence[str]) -> int:
    """Write or check the page named on the command line."""
    return pages.main(words, render, module="cas.cli.hooks_reference", page="docs/hooks-reference.md")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
