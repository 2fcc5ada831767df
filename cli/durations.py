"""Lengths of time as they are typed: 30m, 12h, 14d, 2w."""

from __future__ import annotations

import re
from datetime import timedelta

import typer

_PATTERN = re.compile(r"(\d{1,9})([smhdw])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_LONGEST_S = 365_000 * 86400  # a thousand years: more would overflow when taken from a date


def parse(text: str) -> timedelta | None:
    """Read a duration; None when `text` is none.

    >>> parse("14d"), parse("2w"), parse("soon")
    (datetime.timedelta(days=14), datetime.timedelta(days=14), None)
    """
    match = _PATTERN.fullmatch(text)
    if match is None:
        return None
    return timedelta(seconds=min(int(match[1]) * _SECONDS[match[2]], _LONGEST_S))


def option(text: str) -> timedelta:
    """Read the value of an option, as its parser."""
    found = parse(text)
    if found is None:
        raise typer.BadParameter(f"'{text}' is not a duration such as 30m, 12h, 14d or 2w")
    return found
