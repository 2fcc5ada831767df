"""The reference of the command line, `docs/cli.md`, written from the commands themselves.

    python -m cas.cli.reference docs/cli.md            writes it
    python -m cas.cli.reference --check docs/cli.md    fails if it would change

Nothing here depends on the terminal, the environment or the machine, so the text is always the same.
"""

from __future__ import annotations

import inspect
import sys
from typing import TYPE_CHECKING

import typer

from cas.cli import errors, pages
from cas.cli.app import SECTIONS, app
from cas.cli.render import shapes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cas.cli.command import Command
    from cas.cli.parameters import Context, Option

_HEAD = """\
# The command line

<!-- Written by `python -m cas.cli.reference docs/cli.md` from the commands themselves; do not edit. -->

`cas [GLOBAL OPTIONS] COMMAND [OPTIONS] [ARGUMENTS]`; `cas COMMAND --help` shows the same as this page.
"""

_SPEC = """\
## Naming a version

`SPEC` is `[LAYER:]NAME[@SELECTOR]`. Without a selector it is the current version, in the uppermost layer that
has the name.

| selector | means |
|---|---|
| `1f3a9c` | the version whose id starts with this; 4 hex digits or more, unique |
| `best` | the version with this tag |
| `~2` | two versions back |
| `year:=2016,region=ru` | the newest version that has all these properties |
"""

_OUTPUT = """\
## Output

Results go to standard output, everything else to standard error. On a terminal tables are cut to its width;
into a pipe they are written in full. Colours are used on a terminal only; `NO_COLOR` turns them off,
`FORCE_COLOR` on. A progress bar appears on a terminal when something takes more than a second.

With `--json` the result is one JSON document of the shape given below for each command. Keys are only ever
added. Sizes are bytes, times ISO 8601 in UTC, ids 64 hex digits. A byte of a file name that is not UTF-8 is
written as `\\udcXX`, as Python does.

With `-q` a command that acts prints the bare reference of what it made or changed, so that
`cas remove $(cas find -q camera=x100)` works.

An error is three lines on standard error, the last two only where there is something to say:

```text
error: cannot find 'photoz'
  why: no layer has a resource of that name
 hint: did you mean 'photos'?
```

With `--json` it is one line of JSON on standard error instead, with the keys `code`, `what`, `why`, `hint`
and `exit_code`, and standard output stays empty. Codes are listed in [errors.md](errors.md).
"""

_COMPLETION = """\
## Completion

Commands, options, names, `@` tags and version ids, and layers complete at Tab after one of these, in the file
that the shell reads at its start:

```sh
eval "$(cas --show-completion bash)"    # ~/.bashrc
eval "$(cas --show-completion zsh)"     # ~/.zshrc
cas --show-completion fish | source     # ~/.config/fish/config.fish
```
"""


def render() -> str:
    """Write the whole page."""
    with typer.Context(app, info_name="cas") as context:
        parts = [_HEAD, *_global_options(context), _SPEC, _OUTPUT, *_exit_codes(), _COMPLETION]
        for section, commands in SECTIONS.items():
            parts.append(f"## {section}\n")
            for name in commands:
                command = app.get_command(context, name)
                assert command is not None
                parts += _command(command, typer.Context(command, info_name=name, parent=context))
    parts += _shape_of("The version object", shapes.VERSION, "In every command a version is this object:")
    parts += _shape_of("The node object", shapes.NODE, "In `cas which` and `cas ls --files`:")
    parts += _shape_of("The whiteout object", shapes.WHITEOUT, "In `cas ls --hidden`:")
    parts += _shape_of("The change object", shapes.CHANGE, "A changed path, in `cas diff` and `cas status`:")
    return "\n".join(filter(None, parts))


def _global_options(context: Context) -> Iterator[str]:
    yield "## Global options\n\nAccepted before the name of the command and after it.\n"
    rows = [_option(option, context) for option in app.everywhere() if option is not app.help_option()]
    yield pages.table(("option", "means"), rows)


def _exit_codes() -> Iterator[str]:
    yield "## Exit status\n"
    rows = [
        line.split("|")[1:3]
        for line in inspect.cleandoc(errors.__doc__ or "").splitlines()
        if line.startswith("| ") and "---" not in line
    ]
    yield pages.table(tuple(rows[0]), rows[1:])


def _command(command: Command, context: Context) -> Iterator[str]:
    yield f"### cas {command.name}\n"
    title, _, rest = inspect.cleandoc(command.help or "").partition("\n")
    yield f"{title}.\n{rest}\n" if rest else f"{title}.\n"
    yield f"```text\ncas {command.name} {' '.join(_pieces(command))}\n```\n"
    arguments = [
        (f"`{argument.label}`", pages.escaped(argument.help or "")) for argument in command.arguments()
    ]
    if arguments:
        yield pages.table(("argument", "means"), arguments)
    yield pages.table(("option", "means"), [_option(option, context) for option in command.options()])
    yield f"```console\n$ {command.example}\n```\n"
    yield from _json(command.shape)


def _pieces(command: Command) -> list[str]:
    options = ["[OPTIONS]"] if command.options() else []
    return options + [argument.label for argument in command.arguments()]


def _option(option: Option, context: Context) -> tuple[str, str]:
    names, told = option.get_help_record(context) or ("", "")
    head, *metavar = names.rsplit(" ", 1) if option.takes_value else (names,)
    shown = ", ".join(f"`{name}`" for name in head.split(", "))
    return " ".join([shown, *(f"`{pages.escaped(word)}`" for word in metavar)]), pages.escaped(told)


def _json(shape: shapes.Shape) -> Iterator[str]:
    if shape.name:
        kind = f"an array of [{shape.name} objects]" if shape.is_array else f"a [{shape.name} object]"
        yield f"With `--json`: {kind}(#the-{shape.name}-object).\n"
        return
    yield f"With `--json`: {'an array of objects' if shape.is_array else 'an object'} with these keys:\n"
    yield pages.table(("key", "is"), list(_fields(shape)))


def _fields(shape: shapes.Shape, prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, inside in shape.fields.items():
        place = f"{prefix}{key}"
        if isinstance(inside, str):
            yield f"`{place}`", pages.escaped(inside)
        elif inside.name:
            many = "array of " if inside.is_array else ""
            plural = "s" if inside.is_array else ""
            yield f"`{place}`", f"{many}[{inside.name} object{plural}](#the-{inside.name}-object)"
        else:
            yield f"`{place}`", "array of objects:" if inside.is_array else "object:"
            yield from _fields(inside, f"{place}{'[]' if inside.is_array else ''}.")


def _shape_of(title: str, shape: shapes.Shape, intro: str) -> Iterator[str]:
    yield f"## {title}\n\n{intro}\n"
    yield pages.table(("key", "is"), list(_fields(shape)))


def main(words: Sequence[str]) -> int:
    """Write or check the page named on the command line."""
    return pages.main(words, render, module="cas.cli.reference", page="docs/cli.md")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
