"""Completion in the shell: which parameter the cursor is at, and what each shell is told.

typer's own completion leaves the splitting of the line to the shell. bash breaks words at `@`, `:` and `=`,
all of which are part of our arguments, and wants back only the part after the last break (an `@` belongs to
that part, because readline counts it among its special prefixes). So here every shell hands over the line up
to the cursor, in COMP_LINE, and it is split by the rules of quoting alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from cas.cli.parameters import Argument, Context, Option

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from cas.cli.app import App
    from cas.cli.context import Invocation

VARIABLE = "_CAS_COMPLETE"
"""Set by the shell to ask for completions: `bash_complete`, `zsh_complete` or `fish_complete`."""


class Shell(StrEnum):
    """The shells that can be told."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


_SCRIPTS = {
    Shell.BASH: """\
_cas_completion() {
    local response type value IFS=$'\\n'
    response=$(env COMP_LINE="${COMP_LINE:0:COMP_POINT}" COMP_BREAKS="$COMP_WORDBREAKS" \\
        _CAS_COMPLETE=bash_complete "$1" 2>/dev/null)
    COMPREPLY=()
    while IFS=',' read -r type value; do
        case "$type" in
            file) compopt -o default ;;
            dir) compopt -o dirnames ;;
            plain) COMPREPLY+=("$value") ;;
        esac
    done <<< "$response"
}
complete -o nosort -F _cas_completion cas
""",
    Shell.ZSH: """\
#compdef cas
_cas_completion() {
    local -a response plain described
    local type value told
    (( ! $+commands[cas] )) && return 1
    local line="${(j: :)words[1,CURRENT]}"
    response=("${(@f)$(env COMP_LINE="$line" _CAS_COMPLETE=zsh_complete cas 2>/dev/null)}")
    for type value told in ${response}; do
        case "$type" in
            file) _path_files -f ;;
            dir) _path_files -/ ;;
            plain) if [[ "$told" == "_" ]]; then plain+=("$value"); else described+=("$value:$told"); fi ;;
        esac
    done
    if [[ -n "$described" ]]; then _describe -V unsorted described -U; fi
    if [[ -n "$plain" ]]; then compadd -U -V unsorted -a plain; fi
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    _cas_completion "$@"
else
    compdef _cas_completion cas
fi
""",
    Shell.FISH: """\
function _cas_completion
    set -l line (commandline -cp | string collect)
    for completion in (env COMP_LINE="$line" _CAS_COMPLETE=fish_complete cas 2>/dev/null)
        set -l part (string split -m 1 "," -- $completion)
        switch $part[1]
            case file
                __fish_complete_path $part[2]
            case dir
                __fish_complete_directories $part[2]
            case plain
                echo $part[2]
        end
    end
end
complete --no-files --command cas --arguments "(_cas_completion)"
""",
}

_CURSOR = "x"
"""Typed where the cursor is, it is the end of the word that is to be completed."""

_SPECIAL = re.compile(r"([^\w@%+=:,./~-])")


@dataclass(frozen=True, slots=True)
class _Offer:
    """One completion of a word."""

    value: str
    kind: str = "plain"
    """`plain`, or `file` or `dir` for what the shell itself completes best."""
    told: str = ""


def script(shell: Shell) -> str:
    """Return what the shell has to evaluate once."""
    return _SCRIPTS[shell]


def answer(app: App, instruction: str, invocation: Invocation) -> None:
    """Print what the word at the cursor could become."""
    shell = instruction.removesuffix("_complete")
    line = invocation.environment.get("COMP_LINE", "")
    words = _split(line + _CURSOR)  # a blank before the cursor is a part of the word if it is quoted
    word = words.pop().removesuffix(_CURSOR)
    for offer in _offers(app, words[1:], word, invocation):
        match shell:
            case Shell.BASH:
                breaks = invocation.environment.get("COMP_BREAKS", "")
                print(f"{offer.kind},{_after_breaks(offer.value, word, breaks)}")
            case Shell.ZSH:
                value = offer.value.replace(":", "\\:") if offer.told else offer.value
                print(offer.kind, value, offer.told or "_", sep="\n")
            case Shell.FISH:
                print(f"{offer.kind},{offer.value}" + (f"\t{offer.told}" if offer.told else ""))


def _split(line: str) -> list[str]:
    """Split a line into words as a shell does; the last one may be unfinished."""
    from shlex import shlex  # noqa: PLC0415 - only on a Tab

    lexer = shlex(line, posix=True, punctuation_chars=False)
    lexer.whitespace_split = True
    lexer.commenters = ""
    words = []
    try:
        while (word := lexer.get_token()) is not None:
            words.append(word)
    except ValueError:  # a quote is still open
        words.append(lexer.token)
    return words


def _after_breaks(value: str, word: str, breaks: str) -> str:
    """Quote a completion for bash and leave off what bash takes for other words."""
    skipped = max((word.rfind(char) for char in breaks if char in "@:="), default=-1)
    if skipped < 0 or word[skipped] != "@":
        skipped += 1
    rest = value[skipped:] if value.startswith(word[:skipped]) else value
    return _SPECIAL.sub(r"\\\1", rest)


def _offers(app: App, words: Sequence[str], word: str, invocation: Invocation) -> Iterator[_Offer]:
    at = _command_index(app.options(), words)
    with app.make_context("cas", list(words[:at]), obj=invocation, resilient_parsing=True) as root:
        if at >= len(words):
            yield from _next_words(_at_cursor(root, words, word), before="")
            return
        name, rest = app.split(words[at:])
        command = app.get_command(root, name)
        if command is None:
            if not rest:  # perhaps the first of two words
                yield from _next_words(_own(app, root, f"{name} {word}"), before=f"{name} ")
            return
        with command.make_context(name, rest.copy(), parent=root, resilient_parsing=True) as context:
            yield from _at_cursor(context, rest, word)


def _next_words(offers: Iterable[_Offer], *, before: str) -> Iterator[_Offer]:
    """Of names of commands, which may be two words, offer the one word that comes after `before`."""
    seen = set()
    for offer in offers:
        word, is_more, _ = offer.value.removeprefix(before).partition(" ")
        if offer.kind != "plain":
            yield offer
        elif word not in seen:
            seen.add(word)
            yield _Offer(word, told="" if is_more else offer.told)


def _command_index(options: Sequence[Option], words: Sequence[str]) -> int:
    with_value = _with_value(options)
    at = 0
    while at < len(words) and words[at].startswith("-"):
        at += 2 if words[at] in with_value else 1
    return at


def _with_value(options: Sequence[Option]) -> Mapping[str, Option]:
    return {name: option for option in options if option.takes_value for name in option.opts}


def _at_cursor(context: Context, words: Sequence[str], word: str) -> Iterator[_Offer]:
    """Complete `word`, which follows `words`, in the command of `context`."""
    params = context.command.get_params(context)
    with_value = _with_value([param for param in params if isinstance(param, Option)])
    may_be_option = "--" not in words
    name, equals, value = word.partition("=")
    if words and words[-1] in with_value and may_be_option:
        yield from _values(context, with_value[words[-1]], word)
    elif equals and name in with_value and may_be_option:
        for offer in _values(context, with_value[name], value):
            yield _Offer(f"{name}={offer.value}", offer.kind, offer.told)
    elif word.startswith("-") and may_be_option:
        yield from _own(context.command, context, word)
    else:
        open_ones = [param for param in params if isinstance(param, Argument) and _is_open(context, param)]
        if open_ones:
            yield from _values(context, open_ones[0], word)
        else:
            yield from _own(context.command, context, word)


def _is_open(context: Context, argument: Argument) -> bool:
    source = context.get_parameter_source(argument.name)
    return argument.nargs == -1 or source is None or source.name != "COMMANDLINE"


def _values(context: Context, param: Option | Argument, word: str) -> Iterator[_Offer]:
    kind = param.type_descriptor
    if kind.is_path or kind.path_type != "path":
        yield _Offer(word, "dir" if kind.path_type == "dir" else "file")
    else:
        yield from _own(param, context, word)


def _own(asked: Context, context: Context, word: str) -> Iterator[_Offer]:
    """Ask typer: an app for commands, a command for options, a parameter for values."""
    for item in asked.shell_complete(context, word):
        yield _Offer(item.value, told=item.help or "")
