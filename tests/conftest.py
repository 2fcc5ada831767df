"""What holds for every test."""

from __future__ import annotations

import signal
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from tests.servers.google import GoogleStorage
from tests.servers.seaweed import Seaweed
from tests.servers.web import WebServer

if TYPE_CHECKING:
    from collections.abc import Iterator

# A deadline is a timing assertion, and a busy machine is no bug. What failed once is kept in the failing
# test as an example, not in a database beside the code.
settings.register_profile("cas", deadline=None, database=None, print_blob=True)
settings.load_profile("cas")

# A shell starts what runs in the background with these ignored, and children inherit that: the processes that
# tests interrupt would run for ever.
for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)


@pytest.fixture
def public() -> Iterator[Path]:
    """A temporary directory that other users may enter; `tmp_path` is private to whoever runs the tests."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture
def web() -> Iterator[WebServer]:
    """A web server of the test's own."""
    with WebServer() as server:
        yield server


@pytest.fixture(scope="session")
def seaweed() -> Iterator[Seaweed]:
    """A server that speaks S3; tests take buckets of their own, and `public`, which anybody may read."""
    with Seaweed() as server:
        yield server


@pytest.fixture(scope="session")
def google() -> Iterator[GoogleStorage]:
    """A server that speaks Google's storage; tests take buckets of their own."""
    with GoogleStorage() as server:
        yield server
