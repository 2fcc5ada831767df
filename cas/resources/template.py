"""Names made of properties: `str.format` templates, with what is dangerous in them left out.

    important_file_{region}_{vendor}_{shipping_date}.json

A field is the name of a property, with any number of `[KEY]` after it, and `!r`, `:03d` and the like as in
`str.format`; `{{` and `}}` are braces. `{name}` and `{version}` are known too, if no property is called so.
Refused where the template is declared: fields without a name (`{}`, `{0}`), because properties have no order,
and attributes (`{region.__class__}`), because they lead into the interpreter.
"""

from __future__ import annotations

import re
import string
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from cas.errors import InvalidError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from cas.ids import VersionId
    from cas.versions.values import JSON

MAX_FILE_NAME_SIZE: Final = 255
"""Bytes in a file name; no common file system takes more."""

_FIELD: Final = re.compile(r"(?P<name>[^.\[\]]*)(?P<keys>(?:\[[^\[\]]+\])*)")
_KEY: Final = re.compile(r"\[([^\[\]]+)\]")
_CONVERSIONS: Final[Mapping[str, Callable[[object], str]]] = {"r": repr, "s": str, "a": ascii}
_HUGE: Final = re.compile(r"[0-9]{5}")
"""A width or precision that would fill the memory; a property may give one: `{n:{width}}`."""

_UNFIT: Final = {"/": "a '/'", "\0": "a NUL", "..": "'..'"}
_UNFIT_START: Final = {"-": "an option of a program", "~": "somebody's home directory"}


class _Piece(NamedTuple):
    """Some text, and the field after it."""

    literal: str
    name: str | None
    """The property; None after the last field."""
    keys: tuple[str, ...] = ()
    conversion: str | None = None
    spec: tuple[_Piece, ...] = ()
    """The format, which may have fields of its own: `{n:{width}d}`."""

    @property
    def field(self) -> str:
        """The field as an error names it."""
        return f"{self.name}{''.join(f'[{key}]' for key in self.keys)}"


class Template:
    """A text with properties to be filled in, checked when it is declared.

    >>> Template("{region}_{year:04d}.json", owner="roads").fields == {"region", "year"}
    True
    """

    __slots__ = ("_is_file_name", "_owner", "_pieces", "fields", "text")

    def __init__(self, text: str, *, owner: str, is_file_name: bool = False) -> None:
        """Parse a template.

        Args:
            text: The template.
            owner: The resource whose it is, for errors.
            is_file_name: What comes out is to name one file, so nothing in it may lead elsewhere.

        Raises:
            InvalidError: It cannot be understood, or has a field that is refused.
        """
        self.text = text
        self._owner = owner
        self._is_file_name = is_file_name
        self._pieces = self._parsed(text)
        self.fields = frozenset(_names(self._pieces))
        """The properties that it needs, `name` and `version` among them."""
        if is_file_name:
            self._check_literals()

    def expand(self, properties: Mapping[str, JSON], *, name: str, version: VersionId) -> str:
        """Fill the template in.

        Args:
            properties: Values for the fields; those that no field asks for are ignored.
            name: What `{name}` is, if no property is called so.
            version: What `{version}` is, if no property is called so: 64 hex digits.

        Raises:
            NotFoundError: A property is missing.
            InvalidError: A value cannot be formatted so, or what comes out is no file name and has to be.
        """
        known = {"name": name, "version": str(version), **properties}
        expanded = self._expanded(self._pieces, known)
        if self._is_file_name:
            self._check_file_name(expanded)
        return expanded

    def _parsed(self, text: str, depth: int = 0) -> tuple[_Piece, ...]:
        try:
            found = list(string.Formatter().parse(text))
        except ValueError as error:
            raise self._bad(str(error)) from None
        return tuple(
            _Piece(literal, None) if field is None else self._piece(literal, field, spec, conversion, depth)
            for literal, field, spec, conversion in found
        )

    def _piece(
        self, literal: str, field: str, spec: str | None, conversion: str | None, depth: int
    ) -> _Piece:
        match = _FIELD.fullmatch(field)
        if match is None:
            rule = "asks for an attribute" if "." in _KEY.sub("", field) else "has brackets that do not match"
            raise self._bad(f"the field {{{field}}} {rule}", "write {PROPERTY} or {PROPERTY[KEY]}")
        if not match["name"] or match["name"].isdecimal():
            raise self._bad(f"the field {{{field}}} has no name, and properties have no order")
        if conversion is not None and conversion not in _CONVERSIONS:
            raise self._bad(f"there is no conversion !{conversion}; there are !r, !s and !a")
        if depth > 1:
            raise self._bad(f"the field {{{field}}} is in a format that is in a format")
        keys = tuple(_KEY.findall(match["keys"]))
        return _Piece(literal, match["name"], keys, conversion, self._parsed(spec or "", depth + 1))

    def _expanded(self, pieces: tuple[_Piece, ...], known: Mapping[str, JSON]) -> str:
        parts = []
        for piece in pieces:
            parts.append(piece.literal)
            if piece.name is not None:
                parts.append(self._formatted(piece, known))
        return "".join(parts)

    def _formatted(self, piece: _Piece, known: Mapping[str, JSON]) -> str:
        value = self._value(piece, known)
        if piece.conversion is not None:
            value = _CONVERSIONS[piece.conversion](value)
        spec = self._expanded(piece.spec, known)
        if _HUGE.search(spec):
            raise self._unusable(f"the format {spec!r} of the field {{{piece.field}}} is too wide")
        try:
            text = format(value, spec)
        except (ValueError, TypeError, OverflowError) as error:
            raise self._unusable(f"the property '{piece.field}' is {value!r}: {error}") from None
        if self._is_file_name:
            self._check_part(piece.field, text)
        return text

    def _value(self, piece: _Piece, known: Mapping[str, JSON]) -> Any:  # noqa: ANN401 - whatever JSON has
        assert piece.name is not None, "it is a field"
        value: Any = known
        for key in (piece.name, *piece.keys):
            try:  # keys of mappings are texts, so [2016] is one there, and a number elsewhere
                value = value[int(key) if key.isdecimal() and not isinstance(value, dict) else key]
            except (LookupError, TypeError, ValueError):
                there = ", ".join(sorted(known.keys() - {"name", "version"})) or "none"
                raise NotFoundError(
                    f"cannot fill in the template '{self.text}' of '{self._owner}'",
                    code="no-such-property",
                    why=f"there is no property '{piece.field}'; the properties are {there}",
                ) from None
        return value

    def _check_literals(self) -> None:
        """Find what no value could put right."""
        if not self.text:
            raise self._bad("it is empty, and is to be a file name")
        for piece in self._pieces:
            for unfit, words in _UNFIT.items():
                if unfit in piece.literal:
                    raise self._bad(f"it has {words} in it, and is to be a file name")
        if self.text[0] in _UNFIT_START:
            raise self._bad(f"it looks like {_UNFIT_START[self.text[0]]}, and is to be a file name")

    def _check_part(self, field: str, text: str) -> None:
        for unfit, words in _UNFIT.items():
            if unfit in text:
                why = f"the property '{field}' is {text!r}, and a file name cannot have {words} in it"
                raise self._unusable(why)

    def _check_file_name(self, text: str) -> None:
        why = None
        if text in {"", ".", ".."}:
            why = "which names no file"
        elif text[0] in _UNFIT_START:
            why = f"which looks like {_UNFIT_START[text[0]]}"
        elif any("\ud800" <= character <= "\udfff" for character in text):
            why = "which is not valid Unicode"
        elif (size := len(text.encode())) > MAX_FILE_NAME_SIZE:
            why = f"which has {size} bytes, and a file name has at most {MAX_FILE_NAME_SIZE}"
        if why is not None:
            raise self._unusable(f"that gives {text!r}, {why}")

    def _bad(self, why: str, hint: str | None = None) -> InvalidError:
        return InvalidError(
            f"cannot use the template '{self.text}' for '{self._owner}'",
            code="bad-template",
            why=why,
            hint=hint,
        )

    def _unusable(self, why: str) -> InvalidError:
        return InvalidError(
            f"cannot fill in the template '{self.text}' of '{self._owner}'",
            code="bad-template-value",
            why=why,
        )


def _names(pieces: tuple[_Piece, ...]) -> Iterator[str]:
    for piece in pieces:
        if piece.name is not None:
            yield piece.name
            yield from _names(piece.spec)
