"""Sizes, counts, times and names as people read them."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
_STEP = 1024


def size(count: int) -> str:
    """Write a number of bytes with one decimal and a binary unit.

    >>> size(0), size(1023), size(1536), size(2**20 - 1)
    ('0 B', '1023 B', '1.5 KiB', '1.0 MiB')
    """
    if abs(count) < _STEP:
        return f"{count} B"
    value = float(count)
    unit = 0
    while round(abs(value), 1) >= _STEP and unit < len(_UNITS) - 1:
        value /= _STEP
        unit += 1
    return f"{value:.1f} {_UNITS[unit]}"


def number(count: int) -> str:
    """Write an integer with thousands separated.

    >>> number(1234567)
    '1,234,567'
    """
    return f"{count:,}"


def counted(count: int, noun: str, plural: str | None = None) -> str:
    """Write how many of something there are.

    >>> counted(1, "file"), counted(1200, "file"), counted(2, "copy", "copies")
    ('1 file', '1,200 files', '2 copies')
    """
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def when(moment: datetime) -> str:
    """Write a time to the minute, in the zone of whoever reads it."""
    return moment.astimezone().strftime("%Y-%m-%d %H:%M")


def when_exactly(moment: datetime) -> str:
    """Write a time to the second with its offset from UTC."""
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S %z")


def printable(text: str) -> str:
    r"""Escape control characters, so that a file name cannot break a line or drive the terminal.

    >>> print(printable("a\nb\x1b[31m"))
    a\nb\x1b[31m
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or _is_raw_byte(char) else _escape(char) for char in text)


def width(text: str) -> int:
    """Count the terminal cells that `text` takes.

    >>> width("data"), width("données"), width("地図")
    (4, 7, 4)
    """
    if text.isascii():
        return len(text)
    return sum(_cells(char) for char in text)


def clip(text: str, cells: int) -> str:
    """Shorten `text` to at most `cells` cells, with an ellipsis where something was cut.

    >>> clip("resources", 9), clip("resources", 5)
    ('resources', 'reso…')
    """
    if width(text) <= cells:
        return text
    room = cells - 1
    kept = ""
    for char in text:
        room -= _cells(char)
        if room < 0:
            break
        kept += char
    return f"{kept}…"


def wrapped(text: str, cells: int) -> list[str]:
    """Break `text` between words into lines of at most `cells` cells; a longer word has a line of its own.

    >>> wrapped("what is not here", 8), wrapped("https://example.org", 8), wrapped("", 8)
    (['what is', 'not here'], ['https://example.org'], [])
    """
    if width(text) <= cells:
        return [text] if text else []
    lines = [""]
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}" if lines[-1] else word
        if lines[-1] and width(longer) > cells:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def _cells(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def _is_raw_byte(char: str) -> bool:
    """Tell a byte that is no UTF-8 (a surrogate of PEP 383), which goes out as it came in."""
    return "\udc80" <= char <= "\udcff"


def _escape(char: str) -> str:
    return char.encode("unicode_escape", "surrogatepass").decode("ascii")
