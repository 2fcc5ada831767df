"""Placeholders in commands, and the paths and properties that they stand for.

    {inputs.ROLE}         the path of an input
    {outputs.ROLE}        the path where an output is to be written
    {inputs.ROLE[KEY]}    a property of it: text as it is, anything else as JSON; of an output likewise

Nothing else has a meaning: every other brace is a brace, because awk, JSON and shells are full of them. Only
what looks like a slip of the above is refused, such as `{input.ROLE}`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cas.errors import InvalidError, NotFoundError
from cas.versions.values import canonical

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from cas.graph.module import Command, TaskContext
    from cas.resources.base import Resource
    from cas.versions.values import JSON

_PLACEHOLDER: Final = re.compile(r"\{(inputs|outputs)\.([^\s{}\[\]]+)(?:\[([^\n{}\[\]]+)\])?\}")
_LOOKALIKE: Final = re.compile(r"\{\s*(?:in|out)puts?\s*(?:[.\[][^{}\n]*)?\}")  # placeholders and slips
_TOKENS: Final = {
    "": re.compile(
        rf"\\(?:{_PLACEHOLDER.pattern}|.)|(?<![^\s;&|()])#[^\n]*|['\"]|{_PLACEHOLDER.pattern}", re.DOTALL
    ),
    '"': re.compile(rf"\\(?:{_PLACEHOLDER.pattern}|.)|\"|{_PLACEHOLDER.pattern}", re.DOTALL),
    "'": re.compile(rf"'|{_PLACEHOLDER.pattern}"),
}
"""What matters to a shell outside of quotes and inside each kind of them."""
_FORMS: Final = "placeholders are {inputs.ROLE}, {outputs.ROLE}, {inputs.ROLE[KEY]} and {outputs.ROLE[KEY]}"
_IN_QUOTES: Final = {"": '"%s"', '"': "%s", "'": "'\"%s\"'"}


@dataclass(frozen=True, slots=True)
class Placeholder:
    """One `{…}` of a command."""

    side: str
    """"inputs" or "outputs"."""
    role: str
    key: str | None
    """The property; None for the path."""

    def __str__(self) -> str:
        key = "" if self.key is None else f"[{self.key}]"
        return f"{{{self.side}.{self.role}{key}}}"


def placeholders(text: str) -> list[Placeholder]:
    """Find the placeholders in `text`, in order.

    Raises:
        InvalidError: Something in it looks like one, and is none.
    """
    if "{" not in text:
        return []
    return [_parse(one) for one in _LOOKALIKE.findall(text)]


def placeholders_of(command: Command) -> Iterator[Placeholder]:
    """Iterate over the placeholders of a command, its arguments' first; raises as `placeholders` does."""
    for text in (*command.argv, *command.env.values()):
        yield from placeholders(text)


def fill_in(text: str, context: TaskContext, path_of: Callable[[Resource], Path]) -> str:
    """Replace the placeholders in an argument or a variable; `path_of` says where a resource is.

    Raises:
        NotFoundError: The resource has no such property.
        InvalidError: The text would have a NUL in it, which no program can be given.
    """

    def value(match: re.Match[str]) -> str:
        found = _parse(match[0])
        resource = (context.inputs if found.side == "inputs" else context.outputs)[found.role]
        if found.key is None:
            return str(path_of(resource))
        return property_text(resource.properties, found, context.module)

    return _PLACEHOLDER.sub(value, text)


def property_text(properties: Mapping[str, JSON], wanted: Placeholder, module: str) -> str:
    """Write the property that a placeholder of `module` stands for; raises as `fill_in` does."""
    assert wanted.key is not None, "a path is no property"
    if wanted.key not in properties:
        there = ", ".join(sorted(properties))
        raise NotFoundError(
            f"cannot fill in '{wanted}' in the command of module '{module}'",
            code="no-such-property",
            why=f"the properties of {wanted.side}.{wanted.role} are {there}"
            if there
            else "it has no properties",
        )
    found = properties[wanted.key]
    text = found if isinstance(found, str) else canonical(found).decode()
    if "\0" in text:
        raise InvalidError(
            f"cannot fill in '{wanted}' in the command of module '{module}'",
            code="bad-argument",
            why=f"{text!r} has a NUL in it, and arguments end there",
        )
    return text


def shell(script: str) -> tuple[str, ...]:
    """Turn a script for `sh` into a command; it stops at the first command in it that fails.

    Placeholders become parameters of the script, and never text of it: a path or a property with a quote or a
    `$(…)` in it must not be executed. They are quoted for where they stand, inside of quotes or outside.

    Raises:
        InvalidError: A placeholder is where nobody but a shell could say how to quote it: in a here-document,
            in a command or a sum inside of quotes, after a backslash, or the script has a quote too many.

    >>> shell("sort -u {inputs.raw} > {outputs.sorted}")[2:]
    ('sort -u "${1}" > "${2}"', 'sh', '{inputs.raw}', '{outputs.sorted}')
    """
    numbers: dict[str, int] = {}
    pieces, at, quote, opened = [], 0, "", 0

    def reference(match: re.Match[str]) -> str:
        return f"${{{numbers.setdefault(match[0], len(numbers) + 1)}}}"

    while token := _TOKENS[quote].search(script, at):
        pieces.append(script[at : token.start()])
        at = token.end()
        if found := _PLACEHOLDER.fullmatch(token[0]):
            _check_place(script, found[0], token.start(), opened if quote == '"' else None)
            pieces.append(_IN_QUOTES[quote] % reference(found))
        elif _PLACEHOLDER.fullmatch(token[0], 1):
            raise _bad_placeholder(token[0], "a backslash before a placeholder has no meaning")
        elif token[0].startswith("#"):
            for inside in _PLACEHOLDER.finditer(token[0]):  # it may be a line of a here-document
                _check_place(script, inside[0], token.start(), None)
            pieces.append(_PLACEHOLDER.sub(reference, token[0]))
        else:
            pieces.append(token[0])
            if token[0] in _IN_QUOTES:
                quote, opened = ("", 0) if quote else (token[0], token.end())
    if quote and numbers:
        raise _bad_placeholder(script, f"a quote {quote} is open at the end, so what is quoted is a guess")
    return "sh", "-ec", "".join((*pieces, script[at:])), "sh", *numbers


def _parse(text: str) -> Placeholder:
    match = _PLACEHOLDER.fullmatch(text)
    if match is None:
        raise _bad_placeholder(text, _FORMS)
    return Placeholder(match[1], match[2], match[3])


def _check_place(script: str, shown: str, at: int, opened: int | None) -> None:
    """Refuse a placeholder where it cannot be quoted by looking at what is before it.

    Args:
        script: All of it.
        shown: The placeholder.
        at: Where it is.
        opened: Where the double quotes begin in which it is; None outside of them.
    """
    before = script[:at]
    where = None
    if "<<" in before:
        where = "after a here-document"
    elif before.count("$((") > before.count("))"):
        where = "in a sum"
    elif opened is not None and ("$(" in before[opened:] or "`" in before[opened:]):
        where = "in a command inside of double quotes"
    if where is not None:
        raise _bad_placeholder(
            shown, f"{where} it cannot be quoted; use a variable there, $CAS_INPUT_ROLE or one of `env:`"
        )


def _bad_placeholder(text: str, why: str) -> InvalidError:
    return InvalidError(f"cannot understand {text!r} in a command", code="bad-placeholder", why=why)
