"""Telling the log. It is imported when there is something to tell: `cas ls` must start fast."""

from __future__ import annotations


def warn(logger: str, message: str, *values: object) -> None:
    """Log a warning; `message` has a `%s` for each value."""
    import logging  # noqa: PLC0415 - see above

    logging.getLogger(logger).warning(message, *values)
