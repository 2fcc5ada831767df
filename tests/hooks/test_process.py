"""Programs that hang, flood, ignore or outlive whoever runs them: none of it may harm us."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cas.hooks import process
from tests import processes
from tests.hooks.executables import Lifeline, python, shell

if TYPE_CHECKING:
    from collections.abc import Iterator

LONG_S = 60.0
"""Longer than any program here needs."""

SHORT_S = 0.2
"""Over before a program that hangs has ended."""


def run(program: Path, said: bytes = b"", *, timeout_s: float = LONG_S) -> process.Ended:
    """Run a program in the folder that it lies in."""
    return process.run(
        program, said=said, cwd=program.parent, environment=dict(os.environ), timeout_s=timeout_s
    )


@pytest.fixture
def lifeline(tmp_path: Path) -> Iterator[Lifeline]:
    """A named pipe called `lifeline` beside the program."""
    made = Lifeline(tmp_path / "lifeline")
    yield made
    made.close()


def test_a_program_is_told_and_heard(tmp_path: Path) -> None:
    """What is said arrives, and both outputs come back, each by itself."""
    program = shell(tmp_path / "p", "cat; echo trouble >&2; exit 3")

    assert process.Ended(3, "hello", "trouble") == run(program, b"hello\n")


def test_a_program_that_listens_to_nothing_is_no_trouble(tmp_path: Path) -> None:
    """More than a pipe holds is left unread: writing it fails, and that is all."""
    program = shell(tmp_path / "p", "exec <&-; echo done")

    assert process.Ended(0, "done", "") == run(program, bytes(1 << 20))


def test_much_can_be_said_to_a_program_that_says_much(tmp_path: Path) -> None:
    """Both pipes are full at once, so whoever only wrote, or only read, would wait for ever."""
    ended = run(shell(tmp_path / "p", "cat; wc -c </dev/null >&2"), b"x" * (1 << 20))

    assert (0, "0") == (ended.status, ended.err)


def test_of_megabytes_only_the_end_is_kept(tmp_path: Path) -> None:
    """Memory stays flat, and the end is where the reason of a failure stands."""
    program = python(tmp_path / "p", "for line in range(300_000): print('line', line)")

    ended = run(program)

    assert ended.status == 0
    assert len(ended.out) <= process.KEPT + 2
    assert ended.out.startswith("…\nline ")
    assert ended.out.endswith("\nline 299999")


def test_megabytes_without_a_line_are_cut_too(tmp_path: Path) -> None:
    """Bytes that are no text come back as text all the same."""
    ended = run(shell(tmp_path / "p", "head -c 5000000 /dev/zero | tr '\\0' '\\377'"))

    assert len(ended.out) == process.KEPT + 2
    assert set(ended.out) == {"…", "\n", "�"}


def test_a_program_that_hangs_is_killed_with_its_children(tmp_path: Path, lifeline: Lifeline) -> None:
    """The limit holds for all that the program started."""
    program = shell(tmp_path / "p", "exec 9>lifeline; echo begun; sleep 600 & sleep 600")

    ended = run(program, timeout_s=SHORT_S)

    assert ended.status is None
    assert lifeline.is_free()


def test_a_program_that_catches_signals_is_killed(tmp_path: Path, lifeline: Lifeline) -> None:
    """Only SIGKILL is sure."""
    program = shell(tmp_path / "p", "trap '' TERM INT HUP; exec 9>lifeline; while :; do sleep 1; done")

    assert run(program, timeout_s=SHORT_S).status is None
    assert lifeline.is_free()


def test_a_program_that_closes_its_outputs_is_waited_for(tmp_path: Path) -> None:
    """The end of its outputs is not its end."""
    program = shell(tmp_path / "p", 'echo said; exec >&- 2>&-; read line; test "$line" = go && exit 7')

    assert process.Ended(7, "said", "") == run(program, b"go\n")


def test_a_program_that_hangs_with_closed_outputs_is_killed(tmp_path: Path) -> None:
    """Nothing is left to hear from it, and the limit holds all the same."""
    assert run(shell(tmp_path / "p", "exec <&- >&- 2>&-; sleep 600"), timeout_s=SHORT_S).status is None


def test_what_is_left_in_the_background_dies_with_the_program(tmp_path: Path, lifeline: Lifeline) -> None:
    """It holds the outputs open, and must not be waited for."""
    program = shell(tmp_path / "p", "exec 9>lifeline; sleep 600 & echo started")

    assert process.Ended(0, "started", "") == run(program)
    assert lifeline.is_free()


def test_what_leaves_the_group_may_live_on(tmp_path: Path) -> None:
    """`setsid` is the way for a hook to start something that outlives it; it is not waited for either."""
    program = python(
        tmp_path / "p",
        """
import os
if os.fork() == 0:
    os.setsid()
    with open("pid", "w") as file:
        file.write(str(os.getpid()))
    os.rename("pid", "survivor")
    import signal
    signal.pause()
while not os.path.exists("survivor"):
    pass
print("started")
""",
    )

    ended = run(program)
    survivor = int((tmp_path / "survivor").read_text())

    assert process.Ended(0, "started", "") == ended
    os.kill(survivor, signal.SIGKILL)  # fails if it were not there


def test_a_signal_is_told_from_a_status(tmp_path: Path) -> None:
    """A crash is no answer."""
    assert -signal.SIGSEGV == run(shell(tmp_path / "p", "kill -SEGV $$")).status


def test_a_program_has_no_terminal(tmp_path: Path) -> None:
    """One that asks for a password must fail, not wait."""
    assert 0 != run(shell(tmp_path / "p", "exec 2>&1; : </dev/tty")).status


@pytest.mark.parametrize("said", [b"", b"#!/nowhere/at/all\n"])
def test_what_cannot_be_started_says_so(tmp_path: Path, said: bytes) -> None:
    """An empty file, an interpreter that is not there: an error, and no process."""
    program = tmp_path / "p"
    program.write_bytes(said)
    program.chmod(0o755)

    with pytest.raises(OSError, match="p'"):
        run(program)


def run_until_interrupted(program: str) -> None:
    """Run a program; say so when Ctrl-C has got through."""
    try:
        process.run(
            Path(program),
            said=b"",
            cwd=Path(program).parent,
            environment=dict(os.environ),
            timeout_s=LONG_S,
        )
    except KeyboardInterrupt:
        processes.say("interrupted")


def test_an_interruption_kills_the_program_and_goes_on(tmp_path: Path, lifeline: Lifeline) -> None:
    """Ctrl-C during a hook ends the command, and the hook with it."""
    ready = Lifeline(tmp_path / "ready")
    program = shell(tmp_path / "p", "exec 9>lifeline; : >ready; sleep 600")

    with contextlib.closing(ready), processes.start(run_until_interrupted, program) as child:
        assert ready.was_cut(), "the program never began"
        child.send_signal(signal.SIGINT)
        out, _ = child.communicate()

    assert out == "interrupted\n"
    assert lifeline.is_free()
