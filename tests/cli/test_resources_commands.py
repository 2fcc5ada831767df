"""resources list, download, check: wiring, wording, exit status, JSON."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
from typing import TYPE_CHECKING

import pytest

from cas.cli.render import resources
from tests.cli import shapes
from tests.cli.conftest import arguments, environment
from tests.cli.test_completion import complete
from tests.registry.desk import contents, write

if TYPE_CHECKING:
    from pathlib import Path

    from cas.cli.render.shapes import Shape
    from tests.cli.conftest import Run
    from tests.servers.seaweed import Seaweed
    from tests.servers.web import Asked, WebServer


@pytest.fixture
def far(tmp_path: Path) -> Path:
    """The far side."""
    folder = tmp_path / "far"
    write(folder / "net.bin", "weights" * 300)
    write(folder / "toys" / "ball", "round")
    write(folder / "toys" / "box" / "cube", "square")
    return folder


@pytest.fixture
def registry(here: Path, far: Path) -> Path:
    """A registry in the current directory."""
    return write(
        here / "remote.yaml",
        f"""
- {{name: inception, dst_path: models/net.bin, url: '{far.as_uri()}/net.bin'}}
- {{name: toys, dst_path: data/, url: '{far.as_uri()}/toys'}}
""",
    )


@pytest.fixture
def broken(registry: Path, far: Path) -> Path:
    """A registry with an entry whose source is gone."""
    with registry.open("a") as file:
        file.write(f"- {{name: gone, dst_path: gone.bin, url: '{far.as_uri()}/gone'}}\n")
    return registry


@pytest.mark.usefixtures("registry")
def test_list_shows_the_columns_of_the_seed(run: Run, far: Path) -> None:
    """Id, type, size and source; and whether it is here."""
    shown = run("resources", "list")

    assert 0 == shown.code, shown.err
    assert [
        ["RESOURCE_ID", "TYPE", "SIZE", "HERE", "SOURCE", "URL"],
        ["inception", "File", "2.1KiB", "no", f"{far.as_uri()}/net.bin"],
        ["toys", "Recursive", "11B", "no", f"{far.as_uri()}/toys"],
    ] == [line.split() for line in shown.out.splitlines()]


@pytest.mark.usefixtures("registry")
def test_list_creates_nothing(run: Run, here: Path) -> None:
    """It looks."""
    run("resources", "list")
    run("resources", "check")

    assert ["remote.yaml"] == [path.name for path in here.iterdir()]


@pytest.mark.usefixtures("broken")
def test_list_goes_on_when_the_far_side_does_not_answer(run: Run) -> None:
    """Every entry is listed, the size is unknown, and the exit status is 0 unless asked strictly (A9)."""
    lax = run("resources", "list")
    strict = run("resources", "list", "--strict")

    assert (0, 1) == (lax.code, strict.code)
    assert ["gone", "File", "?", "no"] == lax.out.splitlines()[-1].split()[:4]
    assert "note: the size of gone is unknown" in lax.err
    assert lax.out == strict.out


@pytest.mark.usefixtures("broken")
def test_list_offline_asks_nobody(run: Run) -> None:
    """What was downloaded has a size; the rest has none."""
    run("resources", "download", "inception")

    shown = run("resources", "list", "--offline", "--strict")

    assert 0 == shown.code
    assert [["2.1KiB", "yes"], ["?", "no"], ["?", "no"]] == [
        line.split()[2:4] for line in shown.out.splitlines()[1:]
    ]


@pytest.mark.usefixtures("registry")
def test_list_fits_a_terminal(run: Run, far: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The URL is last, and stays whole: somebody may want to copy it."""
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)

    shown = run("resources", "list", environment={"COLUMNS": "60", "NO_COLOR": "1", "USER": "ann"})

    head, *lines = shown.out.splitlines()
    place = head.index("SOURCE URL")
    assert place < 60
    assert [f"{far.as_uri()}/net.bin", f"{far.as_uri()}/toys"] == [line[place:] for line in lines]


@pytest.mark.usefixtures("registry")
def test_download_of_a_file(run: Run, here: Path) -> None:
    """One line says what, how large, and where."""
    first = run("resources", "download", "inception")
    second = run("resources", "download", "inception")

    assert "downloaded inception  (2.1 KiB) in runtime_resources/models/net.bin\n" == first.out
    assert "unchanged inception  (2.1 KiB) in runtime_resources/models/net.bin\n" == second.out
    assert ["models/net.bin"] == list(contents(here / "runtime_resources"))


@pytest.mark.usefixtures("registry")
def test_download_in_a_repository_commits(run: Run) -> None:
    """The version says who downloaded it from where."""
    run("init")

    first = run("resources", "download", "ALL")
    second = run("resources", "download", "toys")

    assert ["2 downloaded"] == first.out.splitlines()[-1:]
    assert ", now models/net.bin@" in first.out.splitlines()[0]
    assert ", still data@" in second.out
    shown = json.loads(run("--json", "show", "data").out)
    assert "downloaded from file:///" in shown["message"]
    assert "ann@" in shown["origin"]


@pytest.mark.usefixtures("registry")
def test_quiet_output_is_for_programs(run: Run, here: Path) -> None:
    """Ids of what is listed, paths of what is downloaded, ids of what is wrong."""
    listed = run("-q", "resources", "list")
    downloaded = run("-q", "resources", "download", "ALL")
    checked = run("-q", "resources", "check")

    assert "inception\ntoys\n" == listed.out
    folder = here / "runtime_resources"
    assert f"{folder}/models/net.bin\n{folder}/data\n" == downloaded.out
    assert (0, "") == (checked.code, checked.out)


@pytest.mark.usefixtures("registry")
def test_what_happened_besides_is_a_note(run: Run, here: Path, far: Path) -> None:
    """A file of ours that made way, a file of theirs that is gone."""
    run("resources", "download", "ALL")
    write(here / "runtime_resources/models/net.bin", "edited")
    (far / "toys" / "ball").unlink()

    done = run("resources", "download", "ALL")

    now = here / "runtime_resources/.cas-downloads/kept/models/net.bin.~1~"
    assert f"note: inception: it had been edited here; what was here is now '{now}'" in done.err
    assert "edited" == now.read_text()
    assert "note: toys: 'ball' is gone at the source; it stays here" in done.err


@pytest.mark.usefixtures("broken")
def test_all_reports_each_failure(run: Run, here: Path) -> None:
    """The others come (A5)."""
    done = run("resources", "download", "ALL")

    assert 1 == done.code
    assert "2 downloaded, 1 failed" == done.out.splitlines()[-1]
    assert "error: cannot download 'gone'\n  why: cannot fetch 'file:///" in done.err
    assert 3 == len(contents(here / "runtime_resources"))


@pytest.mark.usefixtures("broken")
def test_one_that_fails_is_an_error_of_its_own(run: Run) -> None:
    """Its exit status says what kind: nothing is there."""
    done = run("--json", "resources", "download", "gone")

    assert 3 == done.code
    assert "remote-not-found" == done.error["code"]


@pytest.mark.usefixtures("registry")
def test_an_unknown_id_lists_the_valid_ones(run: Run) -> None:
    """And suggests the nearest; nothing is downloaded, not the valid ones beside it either."""
    done = run("resources", "download", "toys", "incepton")

    assert 2 == done.code
    assert "the registry lists inception, toys" in done.err
    assert "did you mean 'inception'?" in done.err


@pytest.mark.usefixtures("registry")
def test_download_without_an_id_is_wrong_usage(run: Run) -> None:
    """It would be a guess (A4)."""
    done = run("resources", "download")

    assert 2 == done.code
    assert "needs ID..." in done.err


@pytest.mark.usefixtures("registry")
def test_offline_restores_from_the_repository(run: Run, here: Path, far: Path) -> None:
    """What was downloaded once is there."""
    run("init")
    run("resources", "download", "inception")
    (here / "runtime_resources/models/net.bin").unlink()
    (far / "net.bin").unlink()

    done = run("resources", "download", "inception", "--offline")

    assert done.out.startswith("restored inception  (2.1 KiB)")
    assert ["models/net.bin"] == list(contents(here / "runtime_resources"))


@pytest.mark.usefixtures("registry")
def test_check_finds_everything_well(run: Run) -> None:
    """There, as declared, and intact here."""
    run("resources", "download", "inception")

    done = run("resources", "check")

    assert 0 == done.code, done.out
    assert [["inception", "source", "yes"], ["inception", "copy", "yes"]] == [
        line.split()[:3] for line in done.out.splitlines()[1:3]
    ]
    assert "not here" in done.out.splitlines()[-1]


@pytest.mark.usefixtures("broken")
def test_check_tells_what_is_wrong(run: Run) -> None:
    """At the far side: 1."""
    done = run("resources", "check")
    only = run("-q", "resources", "check")

    assert (1, 1) == (done.code, only.code)
    assert "remote-not-found" in run("--json", "resources", "check").out
    assert "gone\n" == only.out


@pytest.mark.usefixtures("broken")
def test_check_finds_local_damage(run: Run, here: Path) -> None:
    """Bytes that are not what was downloaded: 5, whatever else is wrong."""
    run("resources", "download", "inception")
    write(here / "runtime_resources/models/net.bin", "spoilt")

    done = run("resources", "check")
    offline = run("resources", "check", "inception", "--offline")

    assert (5, 5) == (done.code, offline.code)
    assert "is not what was downloaded" in offline.out


@pytest.mark.usefixtures("broken")
@pytest.mark.parametrize(
    ("command", "shape"),
    [
        ("list", resources.RESOURCE),
        ("download", resources.DOWNLOAD),
        ("check", resources.CHECK),
    ],
)
def test_json_is_as_documented(run: Run, command: str, shape: Shape) -> None:
    """Also where something failed."""
    run("init")

    done = run("--json", "resources", command, *(["ALL"] if command == "download" else []))

    shapes.require(done.document, shape)
    assert 3 <= len(done.document)


def test_no_output_shows_a_password(run: Run, here: Path) -> None:
    """Terminals are recorded, and logs are kept."""
    write(
        here / "remote.yaml", "- {name: a, dst_path: a, url: 'http://ann:secret@127.0.0.1:1/a?token=hidden'}"
    )

    told = [run("resources", "list"), run("--json", "resources", "check"), run("resources", "download", "a")]

    assert not any("secret" in one.out + one.err or "hidden" in one.out + one.err for one in told)
    assert "127.0.0.1" in told[0].out


def test_an_interrupted_download_of_all_can_be_run_again(run: Run, here: Path, web: WebServer) -> None:
    """Ctrl-C while two are under way and their server is silent: it ends, and nothing half is in place."""
    blocks = [byte * (40 << 20) for byte in (b"x", b"y")]
    is_silent, is_over = threading.Event(), threading.Event()

    def before(asked: Asked) -> None:
        if (asked.range or "").startswith(f"bytes={32 << 20}-"):  # the last part of each
            is_silent.set()
            is_over.wait(60)

    web.before = before
    urls = [web.put(f"/{at}", data) for at, data in enumerate(blocks)]
    lines = [f"- {{name: f{at}, dst_path: f{at}, url: '{url}'}}" for at, url in enumerate(urls)]
    write(here / "remote.yaml", "\n".join(lines))
    child = subprocess.Popen(
        arguments("resources", "download", "ALL"), env=environment(), stderr=subprocess.PIPE
    )
    assert is_silent.wait(60)
    child.send_signal(signal.SIGINT)
    told = child.communicate(timeout=60)[1]
    stopped_with = contents(here / "runtime_resources")
    is_over.set()
    again = run("resources", "download", "ALL")

    assert (130, b"error: interrupted\n") == (child.returncode, told)
    assert {} == stopped_with
    assert "2 downloaded" == again.out.splitlines()[-1]
    assert blocks == [(here / "runtime_resources" / f"f{at}").read_bytes() for at in range(2)]


def test_credentials_come_from_the_environment(run: Run, here: Path, seaweed: Seaweed) -> None:
    """As the tools of the clouds have them; without any, the error says what is missing."""
    seaweed.fill("private", {"net.bin": b"weights"})
    write(here / "remote.yaml", "- {name: net, dst_path: net.bin, url: 's3://private/net.bin'}")

    with_them = run("resources", "download", "net", environment={"USER": "ann", **seaweed.environment})
    without = run("--json", "resources", "check", environment={"USER": "ann", **seaweed.anonymous})

    assert 0 == with_them.code, with_them.err
    assert {"net.bin": "weights"} == contents(here / "runtime_resources")
    assert "no-credentials" == without.document[0]["error"]["code"]


@pytest.mark.usefixtures("registry")
def test_ids_are_completed(run: Run) -> None:
    """With what they are, and ALL."""
    assert ["inception"] == complete(run, "cas resources download in")
    assert ["ALL"] == complete(run, "cas resources check AL")
    assert [] == complete(run, "cas resources download --file none.yaml in")


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "  0B"),
        (10, " 10B"),
        (1023, "1023B"),
        (1024, "1.0KiB"),
        (2000, "2.0KiB"),
        (1548576, "1.5MiB"),
        (108816435, "103.8MiB"),
        (None, "?"),
    ],
)
def test_sizes_are_written_as_the_seed_writes_them(count: int | None, text: str) -> None:
    """Its own test pins most of these; the last number is its example."""
    assert text == resources.size(count)
