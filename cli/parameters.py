"""Arguments and options: typer's own, with two differences.

typer 0.29 hands every value, given or not, to pydantic, and importing that would add 70 ms to every command.
So what needs no more than the constructor of its type is converted here; anything else, and with it the words
of most errors, stays typer's affair.

The other difference is that a metavar is shown as it was written, in the help and in the usage line.
"""

from __future__ import annotations

import contextlib
import os
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import typer
from typer.core import TyperArgument, TyperOption

if TYPE_CHECKING:
    from collections.abc import Iterable

Context: TypeAlias = Any
"""The context in the signatures of typer's methods; its class is private to typer."""

_UNCONVERTED: Final = object()


class Option(TyperOption):
    """An option of `cas`."""

    def process_value(self, ctx: Context, value: Any) -> Any:  # noqa: ANN401 - typer's signature
        """Convert a value and hand it to the callback."""
        converted = _converted(self, value)
        if converted is _UNCONVERTED:
            return super().process_value(ctx, value)
        return self.callback(ctx, self, converted) if self.callback is not None else converted

    @property
    def takes_value(self) -> bool:
        """Whether the next word belongs to this option."""
        return not (self.is_flag or self.count)


class Argument(TyperArgument):
    """A positional argument of `cas`; its metavar says whether it is optional and how often it may come."""

    def process_value(self, ctx: Context, value: Any) -> Any:  # noqa: ANN401 - typer's signature
        """Convert a value and hand it to the callback."""
        converted = _converted(self, value)
        if converted is _UNCONVERTED:
            return super().process_value(ctx, value)
        return self.callback(ctx, self, converted) if self.callback is not None else converted

    def get_usage_pieces(self, ctx: Context) -> list[str]:  # noqa: ARG002 - typer's signature
        """Give what stands for it in the usage line."""
        return [self.label]

    @property
    def label(self) -> str:
        """What stands for it in the help."""
        return self.metavar or self.name.upper()


def ours(params: Iterable[object]) -> list[Any]:
    """Make ours of typer's parameters; typer makes its own classes and can be told no others."""
    made: list[Option | Argument] = []
    for param in params:
        one = Option.__new__(Option) if isinstance(param, TyperOption) else Argument.__new__(Argument)
        vars(one).update(vars(param))
        made.append(one)
    return made


def _converted(param: Option | Argument, value: Any) -> Any:  # noqa: ANN401 - text in, anything out
    """Convert what is no error and needs no more than its constructor; leave the rest to typer."""
    kind = param.type_descriptor.annotation
    if param.value_is_missing(value):
        return _UNCONVERTED if param.required else value
    if kind == list[str] or (isinstance(kind, type) and isinstance(value, kind)):
        return value
    if kind is int:
        return _whole_number(value, least=param.min or 0)
    if value == "" and isinstance(kind, type) and issubclass(kind, Path):
        raise typer.BadParameter("a path is needed")  # Path("") would be the current directory
    if isinstance(kind, type) and _is_fit(param, kind, value):
        return kind(value)
    return _UNCONVERTED


def _is_fit(param: Option | Argument, kind: type, text: str) -> bool:
    """Tell whether the constructor of `kind` takes `text`, and the rules of `param` allow it."""
    if issubclass(kind, Path):
        rule = param.type_descriptor.parameter_info
        return (rule.file_okay or not os.path.isfile(text)) and (rule.dir_okay or not os.path.isdir(text))
    return issubclass(kind, Enum) and any(text == member.value for member in kind)


def _whole_number(text: str, *, least: float) -> int:
    with contextlib.suppress(ValueError):
        if (number := int(text)) >= least:
            return number
    raise typer.BadParameter(f"'{text}' is not a whole number of at least {least}")
