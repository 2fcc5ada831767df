"""Measure downloads beside `curl`, from servers on loopback: one large object, and many small ones.

    python -m tests.bench.download
    python -m tests.bench.download --size 256 --files 1000 --home /dev/shm

The large object comes from a web server (`sendfile`, a process of its own) and from SeaweedFS, where `curl`
gets a signed URL. Both ways end on the disk: `curl` is followed by `sync FILE`, because ours is synced.
Client and server share the machine, and rounds alternate so that neither has the warm half of it.
The small objects are those of SeaweedFS: 20 KiB each, all of a bucket, and for comparison one at a time.
On loopback an answer takes no time to travel, and one client keeps the server nearly busy; so they are also
fetched from behind a relay that holds answers back for some milliseconds, as the way to a near cloud does.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import datetime as dt
import multiprocessing
import os
import shutil
import statistics
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import obstore

from cas.remotes.fetch import fetch_file
from cas.remotes.location import Location
from cas.remotes.settings import Settings
from cas.remotes.source import open_source
from cas.remotes.sync import sync
from tests.servers.seaweed import Seaweed
from tests.servers.web import WebServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from multiprocessing.connection import Connection

MIB = 1 << 20
SMALL = 20 << 10


@contextlib.contextmanager
def serving(path: Path) -> Iterator[str]:
    """Serve a file from another process; yields its URL."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(path, theirs), daemon=True)
    process.start()
    try:
        yield ours.recv()
    finally:
        process.kill()
        process.join()


def _serve(path: Path, pipe: Connection) -> None:
    with WebServer() as server:
        pipe.send(server.put("/large", path))
        threading.Event().wait()


@contextlib.contextmanager
def relay(endpoint: str, delay_ms: int) -> Iterator[str]:
    """Put a server farther away, in another process; yields where it seems to be."""
    ours, theirs = multiprocessing.Pipe()
    arguments = (int(endpoint.rpartition(":")[2]), delay_ms / 1000, theirs)
    process = multiprocessing.get_context("spawn").Process(target=_relay, args=arguments, daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{ours.recv()}"
    finally:
        process.kill()
        process.join()


def _relay(port: int, delay: float, pipe: Connection) -> None:
    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, hold: float) -> None:
        """Pass on what comes; each answer begins later, and then comes as fast as it does."""
        while block := await reader.read(1 << 16):
            await asyncio.sleep(hold)
            writer.write(block)
        writer.close()

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(forward(reader, far_writer, 0), forward(far_reader, writer, delay))

    async def listen() -> None:
        server = await asyncio.start_server(connect, "127.0.0.1", 0)
        pipe.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(listen())


def seconds(work: Callable[[], object]) -> float:
    """How long `work` takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def curl(url: str, target: Path) -> None:
    """Download as people do, and sync, as we do."""
    subprocess.run(["curl", "-sS", "-o", target, url], check=True)
    subprocess.run(["sync", target], check=True)


def large(  # noqa: PLR0913, PLR0917 - what a line of the result depends on
    name: str, url: str, curl_url: str, settings: Settings, home: Path, rounds: int
) -> None:
    """Fetch one object, by turns."""
    ours, theirs, size = [], [], 0
    target = home / "target"
    for _ in range(rounds):
        target.unlink(missing_ok=True)
        theirs.append(seconds(lambda: curl(curl_url, target)))
        size = target.stat().st_size
        target.unlink()
        source = open_source(Location.parse(url), settings)
        ours.append(seconds(lambda source=source: fetch_file(source, home / "state", target)))  # type: ignore[misc]  # bound now
        shutil.rmtree(home / "state")
    us, them = (size / min(times) / 1e6 for times in (ours, theirs))
    spread = (
        f"median {size / statistics.median(ours) / 1e6:.0f} and {size / statistics.median(theirs) / 1e6:.0f}"
    )
    print(f"{name}, {size // MIB} MiB: cas {us:.0f} MB/s, curl {them:.0f} MB/s: {us / them:.0%} ({spread})")


def many(server: Seaweed, settings: Settings, count: int, home: Path) -> None:
    """Fetch many small objects: at once, one at a time, and by one `curl` for each."""
    took = {}
    for connections in (32, 1):
        source = open_source(Location.parse("s3://small/"), settings)
        start = time.perf_counter()
        sync(source, home / "state", home / "many", connections=connections)
        took[connections] = time.perf_counter() - start
        print(f"  {connections} at once: {took[connections]:.2f} s")
        shutil.rmtree(home / "many")
        shutil.rmtree(home / "state")
    some = min(count, 200)
    names = [str(number) for number in range(some)]
    urls = obstore.sign(server.store("small"), "GET", names, dt.timedelta(hours=1))
    start = time.perf_counter()
    for url in urls:
        subprocess.run(["curl", "-sS", "-o", home / "one", url], check=True)
    singly = (time.perf_counter() - start) / some * count
    print(f"  one `curl` for each, without delay: {singly:.1f} s (from {some})")
    print(f"  {took[1] / took[32]:.1f} times as fast as one at a time")


def main() -> None:
    """Read the command line, measure, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", type=int, default=1024, help="of the large object [MiB]")
    parser.add_argument("--files", type=int, default=5000)
    parser.add_argument("--delay", type=int, default=10, help="of the server that is far away [ms]")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--home", type=Path, help="where to download to")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.home) as folder, Seaweed() as server:
        home = Path(folder)
        content = home / "content"
        with content.open("wb") as stream:
            for _ in range(arguments.size):
                stream.write(os.urandom(MIB))
        with serving(content) as url:
            large("web server", url, url, Settings(), home, arguments.rounds)
        store = server.store("large")
        with content.open("rb") as stream:
            obstore.put(store, "large", stream)
        signed = obstore.sign(store, "GET", "large", dt.timedelta(hours=1))
        large("SeaweedFS", "s3://large/large", signed, server.settings, home, arguments.rounds)
        server.fill("small", {str(number): os.urandom(SMALL) for number in range(arguments.files)})
        print(f"{arguments.files:,} objects of 20 KiB, SeaweedFS on loopback")
        many(server, server.settings, arguments.files, home)
        with relay(server.endpoint, arguments.delay) as endpoint:
            print(f"{arguments.files:,} objects of 20 KiB, {arguments.delay} ms away")
            many(
                server, Settings({**server.environment, "AWS_ENDPOINT_URL": endpoint}), arguments.files, home
            )


if __name__ == "__main__":
    main()
