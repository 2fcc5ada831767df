"""Arguments and options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from cas.cli import completers
from cas.errors import InvalidError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cas.versions.values import JSON

SPEC_HELP = "A version: [LAYER:]NAME[@SELECTOR]; the selector is a tag, an id prefix, ~N or key=value."

Spec: TypeAlias = Annotated[
    str, typer.Argument(metavar="SPEC", autocompletion=completers.spec, help=SPEC_HELP)
]

Specs: TypeAlias = Annotated[
    list[str], typer.Argument(metavar="SPEC...", autocompletion=completers.spec, help=SPEC_HELP)
]

Assignments: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "-p",
        metavar="KEY=TEXT",
        help="Set a property; KEY:=JSON for numbers, lists and so on. Repeatable.",
    ),
]

PropertiesFile: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--properties",
        metavar="FILE",
        dir_okay=False,
        help="Take properties from a YAML file; -p overrides it.",
    ),
]

Inputs: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "-i",
        "--input",
        metavar="[ROLE=]SPEC",
        autocompletion=completers.used,
        help="Say that this was made from another version. Repeatable.",
    ),
]


def read_properties(assignments: Sequence[str] | None, file: Path | None) -> dict[str, JSON] | None:
    """Gather the properties that were given; None if none were.

    Raises:
        InvalidError: One is malformed, or -p names a key twice.
    """
    if not assignments and file is None:
        return None
    from cas.versions import properties as grammar  # noqa: PLC0415 - RFC 8785 and YAML, only where properties are given

    found = grammar.read_properties_file(file) if file is not None else {}
    return found | read_conditions(assignments or ())


def read_conditions(assignments: Sequence[str]) -> dict[str, JSON]:
    """Read `key=text` and `key:=json`, each key once.

    Raises:
        InvalidError: One is malformed, or a key is there twice.
    """
    from cas.versions import properties as grammar  # noqa: PLC0415 - as above

    found: dict[str, JSON] = {}
    for assignment in assignments:
        key, value = grammar.parse_assignment(assignment)
        if key in found:
            raise InvalidError(
                f"cannot set property '{key}' twice",
                code="duplicate-property",
                why=f"it was given as {found[key]!r} and as {value!r}",
            )
        found[key] = value
    return found
