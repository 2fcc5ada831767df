"""Completion in the shell: commands, options, names, tags, versions, layers.

The shell runs `cas` at every press of Tab, so everything here is quick, and silent when anything is
wrong: a broken repository must not spill errors over somebody's command line.

bash breaks words at `@`, `:` and `=`, all of which are part of our arguments, and then wants back only the
part after the last break (an `@` belongs to that part, because readline counts it among its special
prefixes). So for bash the line is split here, not by bash.
"""

from __future__ import annotations

import itertools
import re
import sys
from typing import TYPE_CHECKING

from click.shell_completion import (
    BashComplete,
    CompletionItem,
    ShellComplete,
    get_completion_class,
    split_arg_string,
)

from cas.cli.context import Invocation
from cas.cli.render import text
from cas.ids import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import click

    from cas.repo import Repository

    Completer = Callable[[click.Context, click.Parameter, str], list[CompletionItem[str]]]

VARIABLE = "_CAS_COMPLETE"
"""Set by the shell to ask for completions: `bash_complete`, `zsh_complete` or `fish_complete`."""

SHELLS = ("bash", "zsh", "fish")

_BASH_SCRIPT = """\
%(complete_func)s() {
    local response type value IFS=$'\\n'
    response=$(env COMP_LINE="${COMP_LINE:0:COMP_POINT}" COMP_BREAKS="$COMP_WORDBREAKS" \\
        %(complete_var)s=bash_complete "$1" 2>/dev/null)
    COMPREPLY=()
    while IFS=',' read -r type value; do
        case "$type" in
            file) compopt -o default ;;
            dir) compopt -o dirnames ;;
            plain) COMPREPLY+=("$value") ;;
        esac
    done <<< "$response"
}
complete -o nosort -F %(complete_func)s %(prog_name)s
"""

_MOST_ITEMS = 10_000
"""Looked at when a path inside a version is completed; a Tab must not walk a million files."""

_SPECIAL = re.compile(r"([^\w@%+=:,./~-])")


def answer(app: click.Command, instruction: str, environment: Mapping[str, str]) -> None:
    """Do what the shell asks for: print completions, or the script that sets them up."""
    shell, _, action = instruction.partition("_")
    kind = _class_for(shell)
    if kind is None:
        return
    completer = kind(app, {"obj": Invocation(environment)}, "cas", VARIABLE)
    if action == "source":
        sys.stdout.write(completer.source())
    elif action == "complete":
        sys.stdout.write(completer.complete() + "\n")


def script(app: click.Command, shell: str) -> str:
    """Return what the shell has to evaluate once."""
    kind = _class_for(shell)
    return kind(app, {}, "cas", VARIABLE).source() if kind is not None else ""


def _class_for(shell: str) -> type[ShellComplete] | None:
    return Bash if shell == "bash" else get_completion_class(shell)


class Bash(BashComplete):
    """Completion for bash that knows where our words end."""

    source_template = _BASH_SCRIPT

    def get_completion_args(self) -> tuple[list[str], str]:
        """Split the line up to the cursor by the rules of quoting alone."""
        words = split_arg_string(self._line)
        if not self._line or self._line[-1].isspace():
            return words[1:], ""
        return words[1:-1], words[-1]

    def format_completion(self, item: CompletionItem[str]) -> str:
        """Quote a completion and leave off what bash takes for other words."""
        _, word = self.get_completion_args()
        skipped = max((word.rfind(char) for char in self._breaks if char in "@:="), default=-1)
        if skipped < 0 or word[skipped] != "@":
            skipped += 1
        value = item.value[skipped:] if item.value.startswith(word[:skipped]) else item.value
        return f"{item.type}," + _SPECIAL.sub(r"\\\1", value)

    def source(self) -> str:
        """Give the script, without asking which bash this is: 4.4 is ten years old."""
        return self.source_template % self.source_vars()

    @property
    def _line(self) -> str:
        return self._environment.get("COMP_LINE", "")

    @property
    def _breaks(self) -> str:
        return self._environment.get("COMP_BREAKS", "")

    @property
    def _environment(self) -> Mapping[str, str]:
        invocation = self.ctx_args.get("obj")
        return invocation.environment if isinstance(invocation, Invocation) else {}


def complete_spec(ctx: click.Context, _param: click.Parameter, word: str) -> list[CompletionItem[str]]:
    """Complete `[LAYER:]NAME[@SELECTOR]`: names, then tags and version ids."""
    return _quietly(
        ctx, lambda repository: _selectors(repository, word) if "@" in word else _names(repository, word)
    )


def complete_input(ctx: click.Context, param: click.Parameter, word: str) -> list[CompletionItem[str]]:
    """Complete `[ROLE=]SPEC`."""
    role, equals, spec = word.partition("=")
    if not equals or "@" in role:
        return complete_spec(ctx, param, word)
    found = complete_spec(ctx, param, spec)
    return [CompletionItem(f"{role}={item.value}", help=item.help) for item in found]


def complete_inside(ctx: click.Context, _param: click.Parameter, word: str) -> list[CompletionItem[str]]:
    """Complete a path inside the version that was named before it."""
    spec = str(ctx.params.get("spec") or "")
    folder, slash, _ = word.rpartition("/")

    def find(repository: Repository) -> list[CompletionItem[str]]:
        items = itertools.islice(repository.tree(spec, folder or None), _MOST_ITEMS)
        depth = len(folder.split("/")) if slash else 0
        names = [
            item.path + ("/" if item.kind is Kind.DIRECTORY else "")
            for item in items
            if item.path.count("/") == depth
        ]
        return [CompletionItem(name) for name in names if name.startswith(word)]

    return _quietly(ctx, find)


def complete_name(ctx: click.Context, _param: click.Parameter, word: str) -> list[CompletionItem[str]]:
    """Complete the name of a resource."""
    return _quietly(ctx, lambda repository: _names(repository, word))


def complete_layer(ctx: click.Context, _param: click.Parameter, word: str) -> list[CompletionItem[str]]:
    """Complete the name of a layer."""
    return _quietly(
        ctx,
        lambda repository: [
            CompletionItem(layer.name) for layer in repository.config.layers if layer.name.startswith(word)
        ],
    )


def _quietly(
    ctx: click.Context, find: Callable[[Repository], list[CompletionItem[str]]]
) -> list[CompletionItem[str]]:
    invocation = ctx.find_root().obj
    if not isinstance(invocation, Invocation):
        return []
    try:
        with invocation.repository() as repository:
            return find(repository)
    except Exception:  # noqa: BLE001 - whatever it is, a half-typed line is no place to report it
        return []


def _names(repository: Repository, word: str) -> list[CompletionItem[str]]:
    layer, colon, prefix = word.rpartition(":")
    found = repository.names(prefix, layer=layer or None)
    names = dict.fromkeys(f"{layer}{colon}{listing.name}" for listing in found)
    items = [CompletionItem(name) for name in names]
    layers = repository.config.refs_layers()
    if not colon and len(layers) > 1:
        items += [CompletionItem(f"{name}:") for name in layers if name.startswith(word)]
    return items


def _selectors(repository: Repository, word: str) -> list[CompletionItem[str]]:
    target, _, selector = word.rpartition("@")
    layer, _, name = target.rpartition(":")
    items = []
    for version in repository.versions(name, layer=layer or None, include_removed=True):
        told = f"{text.when(version.created_at)} {version.record.message}".rstrip()
        items += [CompletionItem(f"{target}@{tag}", help=told) for tag in version.tags]
        items.append(CompletionItem(f"{target}@{version.version.short}", help=told))
    return [item for item in items if item.value[len(target) + 1 :].startswith(selector)]
