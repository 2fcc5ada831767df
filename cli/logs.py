"""What the library logs, on standard error: a warning as a line like other notes, and with -v everything.

Clients of others log too, and a URL whole, keys and all. So no line leaves here before its URLs are hushed.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from cas.cli import text

if TYPE_CHECKING:
    from cas.cli.console import Console


def start(console: Console, verbosity: int) -> None:
    """Show warnings, each once; from a verbosity of 1 on what is done, and from 2 on more."""
    if verbosity:
        handler = logging.StreamHandler()
        handler.setFormatter(_Hushed("%(relativeCreated)6d ms  %(name)s: %(message)s"))
        level = logging.INFO if verbosity == 1 else logging.DEBUG
        logging.basicConfig(level=level, handlers=[handler], force=True)
        logging.getLogger("botocore").setLevel(logging.INFO)  # below, it logs answers that are credentials
    else:  # where a program that calls us has set up its own logging, that holds
        logging.lastResort = _Warnings(console)


class _Hushed(logging.Formatter):
    """Writes lines without what is secret in URLs."""

    def format(self, record: logging.LogRecord) -> str:
        """Write one, and the traceback that may follow it."""
        return _hushed(super().format(record))


class _Warnings(logging.Handler):
    """Writes warnings as the rest of the command line writes what it has to say."""

    def __init__(self, console: Console) -> None:
        super().__init__(logging.WARNING)
        self._console = console
        self._told: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        """Write one."""
        message = text.printable(_hushed(record.getMessage()))
        if message not in self._told:
            self._told.add(message)
            self._console.warning(message)


def _hushed(message: str) -> str:
    from cas.remotes.secrets import hushed  # noqa: PLC0415 - most commands log nothing

    return hushed(message)
