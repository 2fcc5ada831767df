"""What the command line prints and logs has no secret of a URL in it, however much it is asked to say."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.cli.conftest import environment, process
from tests.registry.desk import write
from tests.servers.web import Answer

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Run
    from tests.servers.web import WebServer


def registry(here: Path, url: str) -> None:
    """List one file."""
    write(here / "remote.yaml", f"- {{name: net, dst_path: net.bin, url: '{url}'}}")


@pytest.mark.parametrize("flag", ["-v", "-vv"])
def test_logs_of_others_show_no_key(here: Path, web: WebServer, flag: str) -> None:
    """The client of web servers logs each request with its whole query; a redirect has one, too."""
    web.put("/there?sig=s3cret", b"weights")
    asked = "/net?v=2&token=s3cret&X-Amz-Signature=s3cret&url=https%3A%2F%2Fann%3As3cret%40h"
    web.always[asked] = Answer(302, {"Location": web.url("/there?sig=s3cret")})
    registry(here, web.url(asked))

    done = process("resources", "download", "net", flag)

    assert (0, "weights") == (done.code, (here / "runtime_resources/net.bin").read_text())
    assert "s3cret" not in done.out + done.err
    assert ('"GET /net?v=2&token=***&' in done.err) == (flag == "-vv")


def test_logs_of_the_client_of_amazon_show_no_answers() -> None:
    """A login is answered with a key, and it logs each answer whole where all is asked for."""
    program = """
import logging
from cas.cli import logs

logs.start(None, 2)
logging.getLogger("botocore.parsers").debug("Response body: s3cret")
logging.getLogger("botocore.credentials").info("found")
"""

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=environment(), check=True
    )

    assert done.stderr.endswith("botocore.credentials: found\n")
    assert "s3cret" not in done.stderr


@pytest.mark.parametrize(
    "url",
    [
        "https://ann:s3cret/y@example.org/x",
        "https://ann:s3cret@[example.org/x",
        "https://ann:s3cret@example.org:port/x",
        "http://127.0.0.1:1/x?token=s3cret&url=http://ann:s3cret@h",
    ],
)
def test_a_traceback_shows_no_password(here: Path, url: str) -> None:
    """Whoever reports a failure pastes it; the parser of URLs quotes what it does not understand."""
    registry(here, url)

    done = process("resources", "download", "net", "--traceback")

    assert "Traceback (most recent call last)" in done.err
    assert 0 != done.code
    assert "s3cret" not in done.out + done.err


def test_a_traceback_of_a_redirect_shows_no_password(here: Path, web: WebServer) -> None:
    """The server may send a URL that is none."""
    web.always["/net"] = Answer(302, {"Location": "https://ann:s3cret/y@example.org/"})
    registry(here, web.url("/net"))

    done = process("resources", "download", "net", "--traceback")

    assert "it redirects to what is no URL" in done.err
    assert "s3cret" not in done.out + done.err


def test_a_login_in_a_parameter_is_not_listed(run: Run, here: Path) -> None:
    """Nor is it in a record, or in JSON."""
    registry(here, "http://127.0.0.1:1/x?v=1&url=https://ann:s3cret@example.org/y")

    told = [run("resources", "list", "--offline"), run("--json", "resources", "list", "--offline")]

    assert "http://127.0.0.1:1/x?v=1&url=***\n" in told[0].out
    assert [one for one in told if "s3cret" in one.out + one.err] == []
