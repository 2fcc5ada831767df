"""The audit log: every line whole, whoever writes at the same time and whatever died before."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from cas.hooks import Hooks
from cas.hooks.audit import AuditLog
from cas.hooks.events import POINTS, is_before, point_of
from cas.hooks.wire import plain
from tests import processes
from tests.hooks.samples import EVENTS, POST_CHECKOUT, POST_COMMIT, POST_GC

if TYPE_CHECKING:
    from cas.hooks.events import Event

NOON_NS = 1_704_110_400 * 10**9
"""2024-01-01 12:00 UTC."""


def hooks(path: Path, actor: str = "ann@box") -> Hooks:
    """Hooks of which the audit log is the only one."""
    return Hooks(built_in={"audit_log": AuditLog(path, lambda: NOON_NS, actor)}, installed=False)


def fire(log: Hooks, event: Event) -> tuple[str, ...]:
    """Fire a post-hook."""
    notes: tuple[str, ...] = getattr(log, point_of(type(event)))(event)
    return notes


def entries(path: Path) -> list[dict[str, Any]]:
    """Read a log as its documentation says: what is no JSON is skipped."""
    found = []
    for line in path.read_bytes().splitlines():
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return found


def test_a_line_says_when_who_and_what(tmp_path: Path) -> None:
    """The whole line is pinned: other programs read it."""
    path = tmp_path / "audit.jsonl"

    assert fire(hooks(path), POST_GC) == ()

    assert path.read_bytes() == (
        b'{"at": "2024-01-01T12:00:00.000000Z", "by": "ann@box", "point": "post_gc", '
        b'"repository": "/somewhere/.cas", "objects_deleted": 3, "packs_deleted": 1, "bytes_freed": 4096}\n'
    )


def test_everything_that_was_done_is_written_down(tmp_path: Path) -> None:
    """Every post-point has a line, in the order in which things happened."""
    path = tmp_path / "audit.jsonl"
    done = [event for event in EVENTS if not is_before(point_of(type(event)))]
    log = hooks(path)

    for event in done:
        fire(log, event)

    assert [point for point in POINTS if not is_before(point)] == [entry["point"] for entry in entries(path)]
    assert [plain(event) for event in done] == [
        {key: value for key, value in entry.items() if key not in {"at", "by"}} for entry in entries(path)
    ]


def test_what_is_there_stays(tmp_path: Path) -> None:
    """A log is only ever appended to."""
    path = tmp_path / "audit.jsonl"
    fire(hooks(path), POST_COMMIT)
    before = path.read_bytes()

    fire(hooks(path), POST_CHECKOUT)

    assert path.read_bytes().startswith(before)


@pytest.mark.parametrize("torn", [b'{"at": "2024', b"\xff", b" "])
def test_a_torn_line_costs_no_other(tmp_path: Path, torn: bytes) -> None:
    """A machine died, or the disk was full, in the middle of a line: the next begins a new one."""
    path = tmp_path / "audit.jsonl"
    fire(hooks(path), POST_COMMIT)
    with path.open("ab") as file:
        file.write(torn)

    fire(hooks(path), POST_GC)
    fire(hooks(path), POST_CHECKOUT)

    assert ["post_commit", "post_gc", "post_checkout"] == [entry["point"] for entry in entries(path)]
    assert torn in path.read_bytes().split(b"\n")


def write_many(path: str, actor: str, count: str) -> None:
    """Write lines as a process of its own, from the moment on that it is told to."""
    log = hooks(Path(path), actor)
    processes.say("ready")
    input()
    for _ in range(int(count)):
        fire(log, POST_COMMIT)


def test_writers_at_the_same_time_do_not_mix(tmp_path: Path) -> None:
    """Each line is one write to a file opened for appending."""
    path = tmp_path / "audit.jsonl"
    writers = [processes.start(write_many, path, f"writer {number}", 200) for number in range(3)]
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"

    for writer in writers:
        writer.communicate("go\n")

    lines = [json.loads(line)["by"] for line in path.read_text().splitlines()]
    assert {f"writer {number}": 200 for number in range(3)} == {by: lines.count(by) for by in set(lines)}


def test_a_log_that_cannot_be_written_is_a_note(tmp_path: Path) -> None:
    """The command has done its work; that nobody wrote it down is told."""
    path = tmp_path / "missing" / "audit.jsonl"

    (note,) = fire(hooks(path), POST_GC)

    assert note.startswith(
        "the hook post_gc of built-in 'audit_log' failed: NotFoundError: cannot write the audit log"
    )


def test_a_full_disk_is_a_note(tmp_path: Path) -> None:
    """And tears a line at most, of which the next writer takes care."""
    path = tmp_path / "audit.jsonl"
    path.symlink_to("/dev/full")

    (note,) = fire(hooks(path), POST_GC)

    assert os.strerror(28) in note
