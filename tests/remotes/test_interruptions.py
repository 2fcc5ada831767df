"""Downloads that are broken off, run into each other, or run out of room."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import threading
from typing import TYPE_CHECKING

import pytest

from cas.errors import CasError, NotFoundError
from cas.remotes.fetch import fetch_file
from cas.remotes.location import Location
from cas.remotes.partial import PART, STEP, Partial
from cas.remotes.settings import Settings
from cas.remotes.sources import open_source
from tests import processes
from tests.maintenance.test_full_disk import SMALL_DISK, has_small_disks
from tests.remotes import children
from tests.remotes.fetching import MIB, fetch, left_in_state
from tests.servers.web import Answer, Cut

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.web import Asked, WebServer

LARGE = random.Random(4).randbytes(4 * PART)


def leave_parts(web: WebServer, home: Path) -> str:
    """Kill a download in its last part; returns its URL."""
    url = web.put("/x", LARGE)
    killed = processes.run(children.fetch_and_die, url, home, 3 * PART + MIB)
    assert -signal.SIGKILL == killed.returncode, killed.stderr
    web.asked.clear()
    return url


def test_a_killed_download_goes_on_where_it_was(tmp_path: Path, web: WebServer) -> None:
    """Only what was not noted yet is asked for again: less than a step of the part that was on its way."""
    url = leave_parts(web, tmp_path)
    assert not (tmp_path / "file").exists()

    fetched = fetch(url, tmp_path)

    assert (LARGE, True) == ((tmp_path / "file").read_bytes(), fetched.resumed > 3 * PART + MIB - STEP)
    assert {"bytes=0-0", f"bytes={fetched.resumed}-{4 * PART - 1}"} == {asked.range for asked in web.asked}
    assert {".record"} == left_in_state(tmp_path)


def test_a_download_that_failed_goes_on_where_each_part_was(
    tmp_path: Path, web: WebServer, caplog: pytest.LogCaptureFixture
) -> None:
    """What came of each is kept, whole or not, and the log says so."""
    url = web.put("/x", LARGE)

    def vanish(asked: Asked) -> None:
        if asked.range == f"bytes={2 * PART}-{3 * PART - 1}":
            web.instead["/x"].append(Cut(3 * MIB))
            web.always["/x"] = Answer(404)

    web.before = vanish
    with pytest.raises(NotFoundError):
        fetch(url, tmp_path, connections=1)
    came = sum(int(line.split(" ")[1]) for line in last_words(tmp_path).values())
    assert [f"{url}: {came:,} of {len(LARGE):,} bytes are here; another attempt goes on from there"] == [
        record.getMessage() for record in caplog.records if record.name == "cas.remotes.transfer"
    ]
    web.always.clear()
    web.before = lambda _: None

    fetched = fetch(url, tmp_path)

    assert (LARGE, came, True) == (
        (tmp_path / "file").read_bytes(),
        fetched.resumed,
        came >= 2 * (PART + MIB),
    )


def last_words(home: Path) -> dict[str, str]:
    """Return the last line of the journal about each part."""
    (journal,) = (home / "state").glob("*.parts")
    lines = journal.read_text().splitlines()[2:]
    return {line.split(" ")[0]: line for line in lines if line[0].isdigit()}


def test_parts_of_another_state_are_not_used(tmp_path: Path, web: WebServer) -> None:
    """What was begun with one ETag is not completed with another."""
    leave_parts(web, tmp_path)
    url = web.put("/x", LARGE[::-1], etag='"two"')

    fetched = fetch(url, tmp_path)

    assert (LARGE[::-1], 0) == ((tmp_path / "file").read_bytes(), fetched.resumed)


@pytest.mark.parametrize("power", ["before the sync", "in the sync", "after the sync"])
def test_after_a_power_cut_only_what_was_synced_counts(
    tmp_path: Path,
    web: WebServer,
    power: str,
) -> None:
    """What was written in another boot of the machine may be lost, and looks like zeros."""
    url = leave_parts(web, tmp_path)
    (journal,) = (tmp_path / "state").glob("*.parts")
    header, _, *rest = journal.read_text().splitlines()
    assert ["syncing 0", "synced 0"] == rest[:2]
    came = sum(int(line.split(" ")[1]) for line in last_words(tmp_path).values())
    match power:
        case "before the sync":
            lines, survives = rest, 0
        case "in the sync":
            lines, survives = [*rest, "syncing 1", "2 5"], 0
        case _:
            lines, survives = [*rest, "syncing 1", "2 5", "synced 1", "3 7"], came
    journal.write_text("".join(f"{line}\n" for line in [header, "another boot", *lines]))

    fetched = fetch(url, tmp_path)

    assert (LARGE, survives) == ((tmp_path / "file").read_bytes(), fetched.resumed)


@pytest.mark.parametrize("damage", ["cut", "empty", "binary", "shorter file", "no begin"])
def test_a_damaged_journal_does_no_damage(tmp_path: Path, web: WebServer, damage: str) -> None:
    """At worst all is fetched again."""
    url = leave_parts(web, tmp_path)
    (journal,) = (tmp_path / "state").glob("*.parts")
    match damage:
        case "cut":
            journal.write_bytes(journal.read_bytes()[:-1])
        case "empty":
            journal.write_bytes(b"")
        case "no begin":
            lines = ["another boot", "2 1048576", "synced 7", "99 5", "3 99999999"]
            header = journal.read_text().splitlines()[0]
            journal.write_text("".join(f"{line}\n" for line in [header, *lines]))
        case "binary":
            journal.write_bytes(b"\xff\x00\n")
        case _:
            (part,) = (tmp_path / "state").glob("*.part")
            part.write_bytes(part.read_bytes()[:PART])

    fetch(url, tmp_path)

    assert LARGE == (tmp_path / "file").read_bytes()


def test_a_partial_file_is_not_written_after_it_was_left(tmp_path: Path) -> None:
    """A thread that hung may come back at any time; its descriptor is still that of its file."""
    partial = Partial(tmp_path / "x.part", size=None)
    hung = partial.write
    del partial

    hung(0, b"late")

    assert b"late" == (tmp_path / "x.part").read_bytes()


@pytest.mark.parametrize("kind", ["web", "bucket"])
def test_an_interrupt_ends_a_download_that_hangs(tmp_path: Path, web: WebServer, kind: str) -> None:
    """Whatever the threads wait for, and the process ends."""
    hangs, is_over = threading.Semaphore(0), threading.Event()
    web.put("/x", LARGE, modified="Sun, 06 Nov 1994 08:49:37 GMT")
    web.files["/bucket/x"] = web.files["/x"]

    def stall(asked: object) -> None:
        del asked
        if len(web.asked) > 2:
            hangs.release()
            is_over.wait()

    web.before = stall
    url, endpoint = (web.url("/x"), "") if kind == "web" else ("s3://bucket/x", f"http://{web.host}")

    with processes.start(children.fetch_until_interrupted, url, tmp_path, endpoint) as child:
        hangs.acquire()
        assert child.stdout is not None
        assert "hangs\n" == child.stdout.readline()
        child.send_signal(signal.SIGINT)
        said, _ = child.communicate()
    is_over.set()

    assert ("interrupted\n", 0, False) == (said, child.returncode, (tmp_path / "file").exists())
    web.before = lambda _: None
    fetch(url, tmp_path, children.settings(endpoint))
    assert LARGE == (tmp_path / "file").read_bytes()


@pytest.mark.parametrize("kind", ["file", "directory"])
def test_two_processes_fetch_once(tmp_path: Path, web: WebServer, kind: str) -> None:
    """The second waits for the first, and finds everything there."""
    (tmp_path / "far").mkdir()
    (tmp_path / "far" / "x").write_bytes(LARGE)
    url = web.put("/x", LARGE) if kind == "file" else f"file://{tmp_path / 'far'}/"
    both = [processes.start(children.fetch_beside_others, url, tmp_path) for _ in range(2)]

    for child in both:
        assert child.stdout is not None
        assert "ready\n" == child.stdout.readline()
    for child in both:
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()
    said = sorted(child.communicate()[0] for child in both)

    assert ["False\n", "True\n"] == said if kind == "file" else ["0\n", "1\n"] == said
    path = tmp_path / "file" if kind == "file" else tmp_path / "all" / "x"
    assert LARGE == path.read_bytes()


ROOMS = ["limit"]
if has_small_disks():
    ROOMS += ["disk"]


@pytest.mark.parametrize("room", ROOMS)
@pytest.mark.parametrize("has_length", [True, False])
def test_without_room_the_old_file_stays(
    tmp_path: Path,
    web: WebServer,
    room: str,
    has_length: bool,
) -> None:
    """Whether the size is known before or the disk is full in the middle."""
    data = LARGE + LARGE[: 8 * MIB]
    url = web.put("/x", data, has_length=has_length, has_ranges=has_length)
    arguments = (url, tmp_path / "box", 16 * MIB if room == "limit" else "")
    child = processes._command(children.fetch_without_room, arguments)
    words = [*SMALL_DISK, str(tmp_path), *child] if room == "disk" else child

    done = subprocess.run(words, capture_output=True, text=True, env=processes._environment(), check=False)

    code = "disk-full" if room == "disk" else "io-error"
    assert (0, f"{code} old\n") == (done.returncode, done.stdout), done.stderr


def test_what_cannot_be_resumed_does_not_stay(tmp_path: Path, web: WebServer) -> None:
    """A file on its way that the next attempt has to begin anew only takes room."""
    url = web.put("/x", LARGE, has_ranges=False)

    def fail(asked: Asked) -> None:
        if asked.range is None:
            web.instead["/x"].append(Answer(404) if len(web.asked) > 3 else Cut(MIB))

    web.before = fail

    with pytest.raises(NotFoundError):
        fetch(url, tmp_path)

    assert [] == list((tmp_path / "state").iterdir())


def test_parts_of_which_none_is_done_do_not_stay(tmp_path: Path, web: WebServer) -> None:
    """A journal that says that nothing is there is of no use either."""
    url = web.put("/x", LARGE)
    web.before = lambda asked: web.instead["/x"].extend([] if asked.range == "bytes=0-0" else [Answer(404)])

    with pytest.raises(NotFoundError):
        fetch(url, tmp_path)

    assert [] == list((tmp_path / "state").iterdir())


@pytest.mark.parametrize("who", ["the server", "the registry"])
def test_an_answer_that_does_not_end_is_broken_off(tmp_path: Path, web: WebServer, who: str) -> None:
    """At the first byte too many, and not when the disk is full."""
    counted = Watcher()
    url = web.put("/x", b"0123456789", has_length=who == "the server", has_ranges=who == "the server")

    def go_on(asked: Asked) -> None:
        if asked.range is None:
            web.put("/x", LARGE, has_length=False, has_ranges=False)

    web.before = go_on
    source = open_source(Location.parse(url), Settings())

    with pytest.raises(CasError) as caught:
        fetch_file(source, tmp_path / "state", tmp_path / "file", size=10, progress=counted)

    assert "more came" in str(caught.value)
    assert counted.bytes <= 10
    assert [] == list((tmp_path / "state").iterdir())


class Watcher:
    """Counts what comes."""

    bytes = 0

    def start(self, task: str, total: int | None, unit: str) -> None:
        """Nothing is to be done."""

    def advance(self, count: int) -> None:
        """Count."""
        self.bytes += count


def test_parts_are_not_used_for_another_url(tmp_path: Path, web: WebServer) -> None:
    """Equal ETags of two servers mean nothing."""
    leave_parts(web, tmp_path)
    url = web.put("/mirror", LARGE)

    assert 0 == fetch(url, tmp_path).resumed


def test_the_journal_has_no_secrets(tmp_path: Path, web: WebServer) -> None:
    """It lies about until the download is taken up again."""
    web.put("/x", LARGE, login="ann:s3cret")
    web.before = lambda asked: web.always.update(
        {"/x": Answer(403)} if asked.range == f"bytes={3 * PART}-{4 * PART - 1}" else {}
    )
    killed = processes.run(
        children.fetch_and_die, f"http://ann:s3cret@{web.host}/x", tmp_path, 2 * PART + MIB
    )
    assert killed.returncode == -signal.SIGKILL
    (journal,) = (tmp_path / "state").glob("*.parts")
    first, *_ = journal.read_text().splitlines()

    assert web.url("/x") == json.loads(first)[0]
    assert "s3cret" not in journal.read_text()
