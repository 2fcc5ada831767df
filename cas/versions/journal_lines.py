r"""Lines of the journal: the only module that knows their bytes.

    <BLAKE3-128 of the JSON, 32 hex digits> <JSON of a `Group`>\n

JSON has no raw newline, so a line ends where it seems to, and whoever repairs a repository by hand can read
it. Ids and records are base64, as JSON has no bytes.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple

import msgspec
from blake3 import blake3

from cas import fs
from cas.errors import CorruptError
from cas.versions.events import Entry  # noqa: TC001 - msgspec reads it at run time

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

_CHECKSUM_SIZE: Final = 16
_PREFIX_SIZE: Final = 2 * _CHECKSUM_SIZE + 1
_WINDOW: Final = 1 << 16
_SNAPSHOT_BATCH: Final = 1000


class Group(msgspec.Struct, frozen=True, gc=False):
    """One line: the events of one command, or a part of a snapshot."""

    first: int
    """Sequence of its first event; 0 in a snapshot."""
    last: int
    """Sequence of its last event; in a snapshot, of the last event that the snapshot includes."""
    entries: list[Entry]
    is_complete: bool = True
    """False for all lines of a snapshot but its last."""


class Tail(NamedTuple):
    """The last whole group of the journal and where it is; `first` and `last` are 0 for an empty file."""

    path: Path
    first: int
    last: int
    start: int
    end: int


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Group)


def encode(group: Group) -> bytes:
    """Give the line of a group."""
    text = _encoder.encode(group)
    return b"%b %b\n" % (_checksum(text), text)


def decode(line: bytes) -> Group | None:
    """Read a line; None if it is not whole.

    Raises:
        CorruptError: It is whole but means nothing to this version; that is no accident, so nobody cuts it.
    """
    text = line[_PREFIX_SIZE:-1]
    if line[-1:] != b"\n" or line[:_PREFIX_SIZE] != _checksum(text) + b" ":
        return None
    try:
        return _decoder.decode(text)
    except msgspec.DecodeError as error:
        raise CorruptError(
            "cannot understand the journal",
            code="journal-unknown",
            why=f"a line that is intact is none of its groups: {error}",
            hint="a newer cas wrote it: upgrade with `pip install --upgrade cas-store`",
        ) from error


def _checksum(text: bytes) -> bytes:
    return blake3(text).hexdigest(_CHECKSUM_SIZE).encode()


def find_tail(path: Path, fd: int) -> Tail:
    """Find the last whole group, from the end; what lies behind it is torn."""
    end = os.fstat(fd).st_size
    while True:
        start, line = _line_before(fd, end)
        if not line:
            return Tail(path, 0, 0, 0, 0)
        group = decode(line)
        if group is not None:
            last = group.last if group.is_complete else 0  # a snapshot that lost its end counts for nothing
            return Tail(path, group.first, last, start, start + len(line))
        end = start


def _line_before(fd: int, end: int) -> tuple[int, bytes]:
    """Return the last line that ends with a newline before `end`, and its offset; empty if there is none."""
    window = _WINDOW
    while True:
        offset = max(0, end - window)
        data = fs.read_exactly(fd, end - offset, offset)
        stop = data.rfind(b"\n")
        start = data.rfind(b"\n", 0, max(stop, 0)) + 1
        if start or offset == 0:
            return offset + start, data[start : stop + 1]
        window *= 8


def snapshot_lines(sequence: int, entries: Iterable[Entry]) -> Iterator[bytes]:
    """Encode the state at `sequence` as lines, a thousand entries each. Memory: one line."""
    batch: list[Entry] = []
    for entry in entries:
        batch.append(entry)
        if len(batch) == _SNAPSHOT_BATCH:
            yield encode(Group(0, sequence, batch, is_complete=False))
            batch = []
    yield encode(Group(0, sequence, batch))


def groups(file: BinaryIO, report: Callable[[str], None]) -> Iterator[Group]:
    """Decode line by line; a damaged last line is torn (invariant 2) and none of anybody's business."""
    damaged = None
    for number, line in enumerate(file, start=1):
        if damaged is not None:
            report(damaged)
        group = decode(line)
        damaged = f"line {number} of '{file.name}' does not match its checksum" if group is None else None
        if group is not None:
            yield group


def without_replaced(groups: Iterator[Group], report: Callable[[str], None]) -> Iterator[Entry]:
    """Yield the entries of `groups` in order, each group held back until the next shows that it stands."""
    held = Group(0, 0, [])  # an empty repository is the snapshot that every journal could begin with
    for group in groups:
        if not group.first:  # a line of the snapshot: all of them come before the first group
            yield from held.entries
        elif group.first != held.first:  # or else `group` replaces `held`: invariant 4
            _check_order(held, group.first, report)
            yield from held.entries
        held = group
    _check_order(held, held.last + 1, report)
    yield from held.entries


def _check_order(held: Group, following: int, report: Callable[[str], None]) -> None:
    if not held.is_complete:
        report(f"the snapshot at event {held.last} is cut short")
    elif following != held.last + 1:
        report(f"event {held.last + 1} is missing: event {following} follows")
