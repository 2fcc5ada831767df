"""What only a process of its own shows: streams, signals, terminals, start-up."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import signal
import struct
import subprocess
import termios
from typing import TYPE_CHECKING

import pytest

from tests.cli.conftest import arguments, environment, process

if TYPE_CHECKING:
    from pathlib import Path

_HEAVY = (
    "rich",
    "pydantic",
    "rfc8785",
    "pyfastcdc",
    "concurrent.futures",
    "multiprocessing",
    "asyncio",
)


def test_a_whole_session(here: Path) -> None:
    """`python -m cas` works without an installed script."""
    (here / "notes.txt").write_text("hello\n")

    assert process("init").code == 0
    assert process("commit", "notes", "notes.txt").out.startswith("created notes@")
    assert process("cat", "notes").out == "hello\n"
    assert json.loads(process("ls", "--json").out)[0]["name"] == "notes"


@pytest.mark.usefixtures("repository")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_being_told_to_stop_is_an_interrupt(repository: Path, number: signal.Signals) -> None:
    """A commit that is told to stop exits 130 without a traceback, and the next command works."""
    with subprocess.Popen(
        arguments("commit", "stream", "-"), stdin=subprocess.PIPE, stderr=subprocess.PIPE, env=environment()
    ) as running:
        assert running.stdin is not None
        assert running.stderr is not None
        running.stdin.write(
            bytes(4 << 20)
        )  # more than the pipe holds: when it is gone, the commit is reading
        running.stdin.flush()
        running.send_signal(number)
        told = running.stderr.read().decode()
        assert running.wait() == 130

    assert told == "error: interrupted\n"
    assert process("ls", "-q").out == "photos\n"
    assert not list((repository / ".cas" / "tmp").iterdir())


@pytest.mark.usefixtures("repository")
def test_nohup_is_respected() -> None:
    """A commit that was started with SIGHUP ignored goes on when the terminal is gone."""
    with subprocess.Popen(
        ["sh", "-c", "trap '' HUP; exec \"$@\"", "sh", *arguments("commit", "stream", "-")],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        env=environment(),
    ) as running:
        assert running.stdin is not None
        running.stdin.write(bytes(4 << 20))
        running.stdin.flush()
        running.send_signal(signal.SIGHUP)
        running.stdin.close()
        assert running.wait() == 0


@pytest.mark.usefixtures("repository")
@pytest.mark.parametrize(
    ("line", "code", "told"),
    [
        ("ls >&-", 0, ""),
        ("gc 2>&-", 0, ""),
        ("ls --json <&- >&- 2>&-", 0, ""),
        ("show nothing >&-", 3, "error: cannot find 'nothing'"),
        ("commit stream - <&-", 2, "error: cannot read standard input\n  why: it is closed\n"),
        ("commit photos photos -p a=b <&- >&- 2>&-", 0, ""),
    ],
)
def test_closed_streams_are_as_good_as_none(line: str, code: int, told: str) -> None:
    """A daemon may start us without standard streams: we work, and no file of ours gets their numbers."""
    done = subprocess.run(
        ["sh", "-c", f'exec "$@" {line}', "sh", *arguments()],
        capture_output=True,
        text=True,
        env=environment(),
        check=False,
    )

    assert done.returncode == code
    assert done.stderr.startswith(told)
    assert "Traceback" not in done.stderr
    assert process("verify").code == 0


@pytest.mark.usefixtures("repository")
def test_a_closed_pipe_is_quiet() -> None:
    """`cas tree | head -1` is daily use, and no error."""
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        arguments("tree", "photos"), stdout=writer, stderr=subprocess.PIPE, env=environment(), check=False
    )
    os.close(writer)

    assert done.returncode == 0
    assert not done.stderr


@pytest.mark.usefixtures("repository")
def test_a_full_output_is_an_error() -> None:
    """A result that could not be written must not look like success."""
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            arguments("ls"), stdout=full, stderr=subprocess.PIPE, env=environment(), check=False
        )

    assert done.returncode == 1
    assert b"No space left on device" in done.stderr


@pytest.mark.usefixtures("repository")
def test_tables_fit_the_terminal() -> None:
    """On a terminal of 60 columns no line is longer, and it is coloured; in a pipe it is not."""
    shown = _on_a_terminal(60, "ls", "--versions")

    assert "\x1b[" in shown
    assert all(len(_plain(line)) <= 60 for line in shown.splitlines())
    assert "\x1b[" not in process("ls", "--versions").out


@pytest.mark.usefixtures("repository")
def test_no_color_is_respected() -> None:
    """As https://no-color.org asks."""
    assert "\x1b[" not in _on_a_terminal(80, "ls", NO_COLOR="1")


@pytest.mark.usefixtures("repository")
def test_looking_imports_little() -> None:
    """`cas ls` has 150 ms; each of these would take a good part of them."""
    assert _imported("ls", "--layer", "main").isdisjoint(_HEAVY)


@pytest.mark.usefixtures("repository")
@pytest.mark.parametrize(
    "words",
    [
        ("commit", "photos", "photos", "-p", "a=b", "--on-conflict", "keep"),
        ("checkout", "photos", "work", "--link", "hardlink"),
        ("log", "-n", "1", "-v"),
        ("gc", "--help"),
    ],
)
def test_values_are_converted_without_pydantic(words: tuple[str, ...]) -> None:
    """Typer would import it for the first value that it converts, and slow the start of every command."""
    assert _imported(*words).isdisjoint({"pydantic", "rich"})


@pytest.mark.usefixtures("repository")
def test_a_command_imports_its_own_module_only() -> None:
    """What the other commands need must not slow this one down."""
    commands = {name for name in _imported("ls") if name.startswith("cas.cli.commands.")}

    assert commands == {"cas.cli.commands.look"}


@pytest.mark.parametrize(
    ("words", "is_logged"), [(("gc", "-v"), True), (("-v", "gc"), True), (("gc",), False)]
)
def test_verbose_logs_to_standard_error(repository: Path, words: tuple[str, ...], is_logged: bool) -> None:
    """-v shows what the library reports of its work, here about a pack that a crash left behind."""
    leftover = repository / ".cas" / "packs" / "ab" / f"{'ab' * 32}.pack"
    leftover.parent.mkdir(exist_ok=True)
    leftover.write_bytes(b"")

    assert is_logged == ("which nobody registered" in process(*words).err)


def _imported(*words: str) -> set[str]:
    """Give the modules that are in memory after a command."""
    script = (
        "import sys; from cas.cli.main import main; "
        f"code = main({list(words)!r}); print(*sys.modules, file=sys.stderr); sys.exit(code)"
    )
    done = subprocess.run(
        [arguments()[0], "-c", script], capture_output=True, text=True, env=environment(), check=False
    )
    assert done.returncode == 0, done.stderr
    return set(done.stderr.split())


def _on_a_terminal(columns: int, *words: str, **more: str) -> str:
    """Run `cas` with a pseudo-terminal as its output and return what it wrote there."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    kept = {key: value for key, value in environment(TERM="xterm", **more).items() if key != "COLUMNS"}
    with subprocess.Popen(arguments(*words), stdout=slave, stderr=slave, env=kept) as running:
        os.close(slave)
        written = b""
        while True:
            try:
                more_bytes = os.read(master, 65536)
            except OSError:  # the other end is closed
                break
            if not more_bytes:
                break
            written += more_bytes
        assert running.wait() == 0, written
    os.close(master)
    return written.decode()


def _plain(line: str) -> str:
    return line.replace("\x1b[2m", "").replace("\x1b[0m", "").replace("\x1b[1m", "")
