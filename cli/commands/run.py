"""Run one command and keep what it makes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cas.cli import completers, options, text
from cas.cli.command import command
from cas.cli.context import Invocation, working_directory
from cas.cli.render import runs

if TYPE_CHECKING:
    from cas.cli.console import Console
    from cas.graph.outcome import ModuleResult

_EXAMPLE = "cas run -o counts -i words -p kind=lines -- sh -c 'wc -l < {inputs.words} > {outputs.counts}'"


@command("run", example=_EXAMPLE, shape=runs.MODULE)
def run(  # noqa: PLR0913, PLR0917 - typer hands over one argument for each option
    ctx: typer.Context,
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="CMD...",
            help="The program and its arguments; {inputs.ROLE}, {outputs.ROLE} and {inputs.ROLE[KEY]} are "
            "filled in. Write -- before it.",
        ),
    ],
    outputs: Annotated[
        list[str],
        typer.Option(
            "-o",
            "--output",
            metavar="[ROLE=]NAME",
            autocompletion=completers.name,
            help="A resource that the command makes. Repeatable.",
        ),
    ],
    inputs: options.Inputs = None,
    assignments: options.Assignments = None,
    properties_file: options.PropertiesFile = None,
    type_name: Annotated[
        str,
        typer.Option(
            "--type", metavar="TYPE", help="What the outputs are: file, or directory, which CMD makes."
        ),
    ] = "file",
) -> None:
    """Run a command, unless what it makes is there

    The version of the outputs follows from the properties and the inputs, so it is known before; the command
    is not part of it. The command runs here and finds its files through the arguments that are filled in, or
    in CAS_INPUT_<ROLE> and CAS_OUTPUT_<ROLE>. A role is the last part of a name, unless one is given. Nothing
    is stored if the command fails.
    """
    from cas.cli.building import manner  # noqa: PLC0415 - the whole library
    from cas.graph.fill import fill_graph  # noqa: PLC0415 - as above
    from cas.graph.module import Command  # noqa: PLC0415 - as above
    from cas.graph.pins import pin  # noqa: PLC0415 - as above
    from cas.graph.plan import plan  # noqa: PLC0415 - as above
    from cas.graph.run import run as run_plan  # noqa: PLC0415 - as above
    from cas.graph.single import single_step  # noqa: PLC0415 - as above

    invocation = ctx.ensure_object(Invocation)
    properties = options.read_properties(assignments, properties_file)
    with invocation.repository() as repository:
        graph = single_step(
            repository,
            Command(tuple(words), working_directory()),
            outputs=outputs,
            inputs=inputs or (),
            properties=properties or {},
            type_name=type_name,
        )
        planned = plan(repository, fill_graph(graph, pin(repository, graph)))
    how = manner(invocation, modules=1, jobs=1, keeps_work=False)
    [result] = run_plan(invocation.repository, planned, how).modules
    if result.error is not None:
        raise result.error
    _show(invocation.console, result)


def _show(console: Console, result: ModuleResult) -> None:
    if console.is_json:
        console.document(runs.module_document(result))
    elif console.is_quiet:
        console.lines(text.printable(output.ref) for output in result.outputs)
    elif result.made:
        for made in result.made:
            console.line(f"built {made.version.ref}  ({text.size(made.size)} in {result.seconds:.1f} s)")
    else:
        console.lines(f"nothing to do: {text.printable(reason)}" for reason in result.reasons)
