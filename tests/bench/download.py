"""Measure downloads beside `curl`, from servers on loopback: one large object, and many small ones.

    python -m tests.bench.download
    python -m tests.bench.download --size 256 --files 1000 --home /dev/shm

The large object comes from a web server (`sendfile`, a process of its own) and from SeaweedFS, where `curl`
gets a signed URL. Both ways end on the disk: `curl` is followed by `sync FILE`, because ours is synced.
Client and server share the machine, and rounds alternate so that neither has the warm half of it.

The small objects are those of SeaweedFS: 20 KiB each, all of a bucket. *One at a time* is the same `sync`
with `connections=1`: it lists once, keeps its connection, and writes, renames and notes as the other does;
nothing makes it slow but that each object waits for the one before. Beside it stand a bare loop, which gets
the objects through obstore and throws them away, `curl` with all URLs in one process, and a `curl` for each.

Server and client share the cores, so both are charged: no client can be faster than what both take, divided
by the number of cores, and a server that one client keeps busy cannot serve 32 at 32 times that. So the
objects are also fetched from behind a relay that holds answers back for some milliseconds, as the way to a
near cloud does; the relay takes its share, too. Nothing is deleted before the end: ext4 searches long for a
free inode among those that were freed in the last minutes. `--home` names a file system on which nobody
deletes; `/dev/shm` is one.
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
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import obstore
from obstore.store import S3Store

from cas.remotes.buckets import open_bucket
from cas.remotes.fetch import fetch_file
from cas.remotes.location import Location
from cas.remotes.settings import Settings
from cas.remotes.sources import open_source
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
        ours.append(seconds(lambda source=source: fetch_file(source, home / "state", target)))  # type: ignore[misc]  # singly now
        shutil.rmtree(home / "state")
    us, them = (size / min(times) / 1e6 for times in (ours, theirs))
    spread = (
        f"median {size / statistics.median(ours) / 1e6:.0f} and {size / statistics.median(theirs) / 1e6:.0f}"
    )
    print(f"{name}, {size // MIB} MiB: cas {us:.0f} MB/s, curl {them:.0f} MB/s: {us / them:.0%} ({spread})")


@dataclass(frozen=True)
class Cost:
    """What fetching all objects took, in seconds."""

    wall: float
    ours: float
    """Processor time of the client, and of processes that it waited for."""
    theirs: float
    """Processor time of the servers."""


def cost(work: Callable[[], object]) -> Cost:
    """Measure `work`."""
    ours, theirs = client_time(), server_time()
    wall = seconds(work)
    return Cost(wall, client_time() - ours, server_time() - theirs)


def client_time() -> float:
    """Processor time of this process and of those that it has waited for, in seconds."""
    return sum(os.times()[:4])


def server_time() -> float:
    """Processor time of all processes that this one has started and that run, in seconds."""
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            fields = stat.read_text().rpartition(")")[2].split()
            if int(fields[1]) == os.getpid():
                ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def many(settings: Settings, count: int, home: Path, rounds: int) -> None:
    """Fetch many small objects in several ways, by turns; prints the best of each."""
    store = open_bucket(Location.parse("s3://small/"), settings).store
    assert isinstance(store, S3Store)
    names = [str(number) for number in range(count)]

    def fetch(connections: int) -> None:
        here = Path(tempfile.mkdtemp(dir=home))
        source = open_source(Location.parse("s3://small/"), settings)
        sync(source, here / "state", here / "all", connections=connections)

    def bare(threads: int) -> None:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(lambda name: len(obstore.get(store, name).bytes()), names))

    ways: dict[str, Callable[[], object]] = {
        "cas, 32 at once": lambda: fetch(32),
        "cas, one at a time": lambda: fetch(1),
        "bare loop, 32 threads": lambda: bare(32),
        "bare loop, one at a time": lambda: bare(1),
        "curl --parallel, 32": lambda: curls(store, names, Path(tempfile.mkdtemp(dir=home))),
    }
    costs: dict[str, list[Cost]] = {way: [] for way in ways}
    for _ in range(rounds):
        for way, work in ways.items():
            costs[way].append(cost(work))
    best = {way: min(found, key=lambda one: one.wall) for way, found in costs.items()}
    for way, one in best.items():
        each = [1e6 * part / count for part in (one.ours, one.theirs)]
        print(f"  {way:26}{one.wall:7.2f} s; each: client {each[0]:4.0f} us of CPU, server {each[1]:4.0f} us")
    us, singly = best["cas, 32 at once"], best["cas, one at a time"].wall
    cores = os.cpu_count() or 1
    most = singly * cores / (us.ours + us.theirs)
    print(f"  {singly / us.wall:.1f} times as fast as one at a time; {most:.1f} if no core had idled")
    bare_ratio = best["bare loop, one at a time"].wall / best["bare loop, 32 threads"].wall
    print(f"  the bare loop, which writes nothing: {bare_ratio:.1f} times")


def curls(store: S3Store, names: list[str], folder: Path) -> None:
    """Fetch all objects by one `curl`, 32 at once."""
    urls = obstore.sign(store, "GET", names, dt.timedelta(hours=1))
    pairs = zip(urls, names, strict=True)
    lines = (f'url = "{url}"\noutput = "{folder / name}"\n' for url, name in pairs)
    config = folder / "config"
    config.write_text("".join(lines))
    many_at_once = ("--parallel", "--parallel-max", "32")
    subprocess.run(["curl", "-s", *many_at_once, "-K", config], check=True, stderr=subprocess.DEVNULL)


def one_by_one(server: Seaweed, count: int, home: Path) -> None:
    """Fetch some small objects by a `curl` for each."""
    some = min(count, 200)
    names = [str(number) for number in range(some)]
    urls = obstore.sign(server.store("small"), "GET", names, dt.timedelta(hours=1))
    start = time.perf_counter()
    for url in urls:
        subprocess.run(["curl", "-sS", "-o", home / "one", url], check=True)
    took = time.perf_counter() - start
    print(f"  one `curl` for each: {took / some * count:.1f} s (from {some})")


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
        many(server.settings, arguments.files, home, arguments.rounds)
        one_by_one(server, arguments.files, home)
        with relay(server.endpoint, arguments.delay) as endpoint:
            print(f"{arguments.files:,} objects of 20 KiB, {arguments.delay} ms away")
            far = Settings({**server.environment, "AWS_ENDPOINT_URL": endpoint})
            many(far, arguments.files, home, arguments.rounds)


if __name__ == "__main__":
    main()
