"""What is written where: results to standard output, everything else to standard error."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, TextIO

from cas.cli import table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class Paint(StrEnum):
    """The few colours used; the value is the SGR code of the terminal."""

    STRONG = "1"
    FAINT = "2"
    BAD = "1;31"
    GOOD = "32"
    GONE = "31"
    CHANGED = "33"
    HINT = "36"


@dataclass(frozen=True, slots=True)
class Console:
    """Writes for one run of one command, in the form that was asked for."""

    is_json: bool = False
    """Results are one JSON document; notes are left out."""

    is_quiet: bool = False
    """Results are bare references and ids; notes are left out."""

    has_color: bool = False
    """Standard output may be coloured."""

    has_error_color: bool = False
    """Standard error may be coloured."""

    cells: int | None = None
    """Width of the terminal that standard output is, or None when it is none."""

    def line(self, text: str = "") -> None:
        """Write one line of the result."""
        print(text)

    def lines(self, lines: Iterable[str]) -> None:
        """Write lines of the result."""
        for line in lines:
            print(line)

    def note(self, text: str) -> None:
        """Tell a person something that is not the result."""
        if not (self.is_json or self.is_quiet):
            sys.stdout.flush()  # so that the two streams do not change order on a terminal
            print(f"{self._error_paint('note:', Paint.FAINT)} {text}", file=sys.stderr)

    def warning(self, text: str) -> None:
        """Tell a person what may be wrong. Whoever reads JSON finds nothing but an error beside it."""
        if not self.is_json:
            self.failure("warning:", text, Paint.CHANGED)

    def trace(self, lines: Iterable[str]) -> None:
        """Tell what was asked to be told, whatever form the result has."""
        sys.stdout.flush()
        told = "\n".join(self._error_paint(line, Paint.FAINT) for line in lines)
        print(told, file=sys.stderr)  # at once: modules of a graph are traced side by side

    def table(self, columns: Sequence[table.Column], rows: Sequence[Sequence[str]]) -> None:
        """Write a table; nothing at all when there are no rows."""
        if rows:
            arranged = table.layout(columns, rows, cells=self.cells)
            self.line(self.paint(arranged.head, Paint.FAINT))
            self.lines(arranged.lines)

    def document(self, value: object) -> None:
        """Write `value` as the JSON document that is the whole result."""
        _write_raw(sys.stdout, encode(value, indent=2) + b"\n")

    def documents(self, values: Iterable[object]) -> None:
        """Write a JSON array whose elements come one after the other, so that it is never held whole."""
        before = b"[\n  "
        for value in values:
            _write_raw(sys.stdout, before + encode(value))
            before = b",\n  "
        _write_raw(sys.stdout, b"[]\n" if before.startswith(b"[") else b"\n]\n")

    def data(self, chunks: Iterable[bytes]) -> None:
        """Write bytes as they are."""
        for chunk in chunks:
            _write_raw(sys.stdout, chunk)

    def paint(self, text: str, paint: Paint) -> str:
        """Colour `text` for standard output."""
        return _painted(text, paint) if self.has_color else text

    def _error_paint(self, text: str, paint: Paint) -> str:
        return _painted(text, paint) if self.has_error_color else text

    def failure(self, label: str, text: str, paint: Paint) -> None:
        """Write one labelled line of an error."""
        sys.stdout.flush()
        print(f"{self._error_paint(label, paint)} {text}", file=sys.stderr)

    def failure_document(self, value: object) -> None:
        """Write an error as one line of JSON on standard error."""
        _write_raw(sys.stderr, encode(value) + b"\n")


def encode(value: object, *, indent: int | None = None) -> bytes:
    r"""Encode as JSON in UTF-8; a byte of a file name that is no UTF-8 is written `\udcXX`.

    >>> encode({"path": "caf\u00e9 \udcff"})
    b'{"path": "caf\xc3\xa9 \\udcff"}'
    """
    import json  # noqa: PLC0415 - most commands print no JSON and start faster without

    return json.dumps(value, ensure_ascii=False, indent=indent).encode("utf-8", "backslashreplace")


def _painted(text: str, paint: Paint) -> str:
    return f"\x1b[{paint.value}m{text}\x1b[0m" if text else text


def _write_raw(stream: TextIO, data: bytes) -> None:
    stream.flush()
    stream.buffer.write(data)
    stream.buffer.flush()
