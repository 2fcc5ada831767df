"""Arguments and options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cas.cli import completion
from cas.errors import InvalidError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cas.versions.values import JSON

    Function = Callable[..., None]
    Decorator = Callable[[Function], Function]

SPEC_HELP = "A version: [LAYER:]NAME[@SELECTOR]; the selector is a tag, an id prefix, ~N or key=value."


def layer(help: str) -> Decorator:  # noqa: A002 - click's own word
    """Declare --layer."""
    return click.option("--layer", metavar="LAYER", shell_complete=completion.complete_layer, help=help)


def properties(function: Function) -> Function:
    """Declare -p and --properties."""
    function = click.option(
        "--properties",
        "properties_file",
        metavar="FILE",
        type=click.Path(dir_okay=False, path_type=Path),
        help="Take properties from a YAML file; -p overrides it.",
    )(function)
    return click.option(
        "-p",
        "assignments",
        metavar="KEY=TEXT",
        multiple=True,
        help="Set a property; KEY:=JSON for numbers, lists and so on. Repeatable.",
    )(function)


def inputs(function: Function) -> Function:
    """Declare -i."""
    return click.option(
        "-i",
        "--input",
        "inputs",
        metavar="[ROLE=]SPEC",
        multiple=True,
        shell_complete=completion.complete_input,
        help="Say that this was made from another version. Repeatable.",
    )(function)


def dry_run(help: str) -> Decorator:  # noqa: A002 - click's own word
    """Declare --dry-run."""
    return click.option("-n", "--dry-run", is_flag=True, help=help)


def read_properties(assignments: Sequence[str], file: Path | None) -> dict[str, JSON] | None:
    """Gather the properties that were given; None if none were.

    Raises:
        InvalidError: One is malformed, or -p names a key twice.
    """
    if not assignments and file is None:
        return None
    from cas.versions import properties as grammar  # noqa: PLC0415 - RFC 8785 and YAML, only where properties are given

    found = grammar.read_properties_file(file) if file is not None else {}
    return found | read_conditions(assignments)


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
