"""Times as the versions have them: aware, UTC, to the microsecond; and the two other forms they take."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def to_microseconds(at: datetime) -> int:
    """Count the microseconds from 1970 to the aware time `at`."""
    return (at - _EPOCH) // _MICROSECOND


def from_microseconds(count: int) -> datetime:
    """Undo `to_microseconds`."""
    return _EPOCH + count * _MICROSECOND


def from_nanoseconds(count: int) -> datetime:
    """Turn what the system's clock counts into a time."""
    return from_microseconds(count // 1000)


def format_time(at: datetime) -> str:
    """Write an aware time as ISO 8601 in UTC.

    >>> format_time(from_microseconds(1_500_000))
    '1970-01-01T00:00:01.500000Z'
    """
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
