"""Programs of a run: what they say, how they end, what they leave running, and being stopped."""

from __future__ import annotations

import os
import select
import signal
import threading
from typing import TYPE_CHECKING

import pytest

from cas.errors import CasError
from cas.graph.programs import Programs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PATH = {"PATH": os.environ["PATH"]}


@pytest.fixture
def programs() -> Iterator[Programs]:
    """Programs that nobody listens to."""
    made = Programs(PATH, grace_s=60)
    yield made
    made.stop()


def run(programs: Programs, folder: Path, *argv: str, **variables: str) -> str:
    """Run a program as the module `step`."""
    return programs.run("step", argv, shown=argv[0], cwd=folder, variables=variables)


def failure(programs: Programs, folder: Path, *argv: str) -> CasError:
    """Run a program that fails."""
    with pytest.raises(CasError) as caught:
        run(programs, folder, *argv)
    return caught.value


def test_a_program_gets_variables_and_a_directory_and_no_input(programs: Programs, tmp_path: Path) -> None:
    """It runs where it is told to, with what it inherits and its own; what it reads is empty."""
    (tmp_path / "here").touch()

    said = run(programs, tmp_path, "sh", "-c", 'ls; echo "$X"; cat', X="own")

    assert said == "here\nown"


def test_both_streams_are_kept_in_order(programs: Programs, tmp_path: Path) -> None:
    """The error of a compiler stands behind the line that it was about."""
    said = run(programs, tmp_path, "sh", "-c", "echo 1; echo 2 >&2; printf 3")

    assert said == "1\n2\n3"


def test_whoever_listens_hears_every_line(tmp_path: Path) -> None:
    """Lines come whole, the last without a newline too, and one that never ends comes in pieces."""
    heard: list[tuple[str, str]] = []
    programs = Programs(PATH, listen=lambda module, line: heard.append((module, line)))

    run(programs, tmp_path, "sh", "-c", r"printf 'one\ntwo\r\n\nlast \377'")

    assert heard == [
        ("step", "one"),
        ("step", "two"),
        ("step", ""),
        ("step", "last \N{REPLACEMENT CHARACTER}"),
    ]
    heard.clear()
    run(programs, tmp_path, "sh", "-c", "head -c 1000000 /dev/zero | tr '\\0' x")
    assert "".join(line for _, line in heard) == "x" * 1_000_000
    assert len(heard) > 1


def test_megabytes_of_output_are_read_and_not_kept(programs: Programs, tmp_path: Path) -> None:
    """A full pipe blocks nobody, and the error quotes the end of what was said, clipped."""
    error = failure(
        programs, tmp_path, "sh", "-c", "yes | head -c 5000000; printf '%05000d\\n' 0; echo the end; exit 3"
    )

    assert error.code == "command-failed"
    assert error.why is not None
    assert "exited with status 3; it said:\ny\n" in error.why
    assert error.why.endswith("\nthe end")
    assert len(error.why) < 1500


@pytest.mark.parametrize(
    ("script", "told", "hint"),
    [
        (
            "exit 1",
            "exited with status 1 and said nothing",
            "-v shows all that it says, and --keep-work keeps its files",
        ),
        ("no-such-program-anywhere", "exited with status 127: it did not find a program; it said:", "PATH"),
        ("exit 126", "exited with status 126: it could not execute a program", None),
        ("kill -KILL $$", "was killed (SIGKILL)", "memory"),
        ("kill -SEGV $$", "was killed (SIGSEGV)", None),
        ("kill -40 $$", "was killed (signal 40)", None),
    ],
)
def test_how_a_program_ended_is_said(
    programs: Programs, tmp_path: Path, script: str, told: str, hint: str | None
) -> None:
    """A status, a signal, and what they usually mean."""
    error = failure(programs, tmp_path, "sh", "-c", script)

    assert error.what == "module 'step' failed"
    assert error.why is not None
    assert told in error.why
    assert (error.hint is None) if hint is None else (hint in (error.hint or ""))


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (["no-such-program-anywhere"], "there is no program 'no-such-program-anywhere' on PATH"),
        (["./missing"], "there is no program './missing'"),
        (["./dead"], "there is no program './dead', or not what its first line names"),
        (["./plain"], "'./plain' may not be executed"),
        (["./empty"], "'./empty' is no program"),
        (["nul\0"], "null byte"),
        (["true", "x" * 5_000_000], "too long"),
    ],
)
def test_a_program_that_cannot_start_says_why(
    programs: Programs, tmp_path: Path, argv: list[str], told: str
) -> None:
    """Missing, not executable, no interpreter, no program at all: each has its own cure."""
    for name, text, mode in (
        ("dead", "#!/no/such/shell\n", 0o755),
        ("plain", "", 0o644),
        ("empty", "", 0o755),
    ):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(mode)

    error = failure(programs, tmp_path, *argv)

    assert error.code == "command-unstartable"
    assert error.why is not None
    assert told in error.why


def test_a_missing_directory_is_not_a_missing_program(programs: Programs, tmp_path: Path) -> None:
    """The system reports both in the same words."""
    error = failure(programs, tmp_path / "gone", "true")

    assert error.why == f"there is no directory '{tmp_path}/gone' to run it in"


def test_nothing_goes_on_after_the_end(programs: Programs, tmp_path: Path) -> None:
    """A child left in the background may not write to what is about to be stored, nor hold up the run."""
    os.mkfifo(tmp_path / "alive")
    alive = os.open(tmp_path / "alive", os.O_RDONLY | os.O_NONBLOCK)
    child = "trap '' TERM HUP; exec 3>alive; touch ready; while :; do echo chatter; done"

    run(programs, tmp_path, "sh", "-c", f"({child}) & while [ ! -e ready ]; do :; done")

    poll = select.poll()
    poll.register(alive, select.POLLIN)
    assert poll.poll(60_000) == [(alive, select.POLLHUP)]  # nobody has the other end any more
    os.close(alive)


def test_a_process_that_got_away_is_not_waited_for(programs: Programs, tmp_path: Path) -> None:
    """A daemon of its own session keeps the pipe open; the module is over all the same."""
    script = "setsid sh -c 'echo $$ > pid; echo started; read line < never' & while [ ! -s pid ]; do :; done"
    os.mkfifo(tmp_path / "never")

    run(programs, tmp_path, "sh", "-c", script)

    os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)


def test_stopping_ends_programs_and_their_children(tmp_path: Path) -> None:
    """An interrupted run leaves nothing running, and starts nothing more."""
    programs = Programs(PATH, grace_s=60)
    os.mkfifo(tmp_path / "ready")
    os.mkfifo(tmp_path / "never")
    errors: list[CasError] = []

    def work() -> None:
        script = "(echo child > ready; read line < never) & wait"
        errors.append(failure(programs, tmp_path, "sh", "-c", script))

    thread = threading.Thread(target=work)
    thread.start()
    assert (tmp_path / "ready").read_text() == "child\n"

    programs.stop()
    thread.join()
    errors.append(failure(programs, tmp_path, "true"))

    assert [error.code for error in errors] == ["command-stopped", "command-stopped"]


def test_a_program_that_will_not_end_is_killed(tmp_path: Path) -> None:
    """SIGTERM may be ignored; the patience has an end."""
    programs = Programs(PATH, grace_s=0)
    os.mkfifo(tmp_path / "ready")
    errors: list[CasError] = []
    script = "trap '' TERM; echo > ready; while :; do :; done"
    thread = threading.Thread(target=lambda: errors.append(failure(programs, tmp_path, "sh", "-c", script)))
    thread.start()
    (tmp_path / "ready").read_text()

    programs.stop()
    thread.join()

    assert [error.code for error in errors] == ["command-stopped"]
