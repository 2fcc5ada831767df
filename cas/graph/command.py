"""Doing the task of a module: its program, or its Python function.

A program finds its resources by placeholders (`cas.graph.arguments`) or by variables:

    CAS_INPUT_<ROLE>, CAS_OUTPUT_<ROLE>   their paths; the role in capitals, `_` for what no variable may have
    CAS_OUTPUT                            the path of the output, where there is only one
    CAS_WORKSPACE                         a directory to leave things in; it is deleted afterwards

Where two roles would give one variable, neither does. A resource that is not a file, such as build
parameters, has no path and no variable. An empty optional input has both, and nothing is there, so that a
script may ask with `[ -e … ]`.
"""

from __future__ import annotations

import re
import traceback
from collections import Counter
from typing import TYPE_CHECKING, Final

from cas.errors import CasError, InvalidError
from cas.graph.arguments import fill_in
from cas.graph.module import Command
from cas.resources.optional import OptionalResource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from cas.graph.module import Module, TaskContext
    from cas.graph.programs import Programs
    from cas.resources.base import Resource

_LONGEST_SHOWN: Final = 100

_ABSENT: Final = "absent"
"""What stands in the workspace's place of an empty optional resource; no task makes a file there."""


def perform(module: Module, context: TaskContext, programs: Programs) -> str:
    """Do the task of `module`, and return the last lines that it said; a Python function says nothing.

    Raises:
        CasError: It failed.
    """
    if isinstance(module.task, Command):
        return _run(module.task, context, programs)
    _call(module.task, context)
    return ""


def path_of(resource: Resource, workspace: Path) -> Path | None:
    """Say where a resource is, or is to be; None if its type has no path."""
    if isinstance(resource, OptionalResource) and not resource:
        return workspace / _ABSENT
    path: Callable[[], Path] | None = getattr(resource, "path", None)
    return None if path is None else path()


def _run(command: Command, context: TaskContext, programs: Programs) -> str:
    def needed(resource: Resource) -> Path:
        path = path_of(resource, context.workspace)
        if path is None:
            raise InvalidError(
                f"cannot run module '{context.module}'",
                code="no-path",
                why=f"its command asks for the path of '{resource.name}', which is of type "
                f"'{resource.type_name}' and no file",
                hint="take a property of it instead: {inputs.ROLE[KEY]}",
            )
        return path

    return programs.run(
        context.module,
        [fill_in(part, context, needed) for part in command.argv],
        shown=_shown(command),
        cwd=command.cwd or context.workspace,
        variables={
            **_variables(context),
            **{key: fill_in(value, context, needed) for key, value in command.env.items()},
        },
    )


def _shown(command: Command) -> str:
    """Give a command as errors name it: as it was written, in a line that is not too long."""
    is_script = command.argv[:2] == ("sh", "-ec")
    line = " ".join(command.argv[2:3] if is_script else command.argv).strip().partition("\n")[0]
    return line if len(line) <= _LONGEST_SHOWN else f"{line[:_LONGEST_SHOWN]}…"


def _call(task: Callable[[TaskContext], None], context: TaskContext) -> None:
    try:
        task(context)
    except (CasError, KeyboardInterrupt, MemoryError):
        raise
    except BaseException as error:  # SystemExit and asyncio's CancelledError end a task, not the run
        *_, last = traceback.extract_tb(error.__traceback__)
        raise CasError(
            f"module '{context.module}' failed",
            code="task-failed",
            why=f"{type(error).__name__}: {error} (line {last.lineno} of '{last.filename}', in {last.name})",
        ) from error


def _variables(context: TaskContext) -> dict[str, str]:
    named = [
        *_named("CAS_INPUT", context.inputs, context.workspace),
        *_named("CAS_OUTPUT", context.outputs, context.workspace),
    ]
    if len(context.outputs) == 1:
        named += [("CAS_OUTPUT", path) for key, path in named if key.startswith("CAS_OUTPUT_")]
    counts = Counter(key for key, _ in named)
    found = {key: str(path) for key, path in named if counts[key] == 1 and path is not None}
    return {**found, "CAS_WORKSPACE": str(context.workspace)}


def _named(
    prefix: str, resources: Mapping[str, Resource], workspace: Path
) -> Iterator[tuple[str, Path | None]]:
    for role, resource in resources.items():
        yield f"{prefix}_{re.sub(r'[^A-Z0-9_]', '_', role.upper())}", path_of(resource, workspace)
