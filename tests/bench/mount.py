"""Measure what a mount takes: reading one large file from front to back, and 20,000 small ones.

    python -m tests.bench.mount
    python -m tests.bench.mount --size 268435456 --files 2000

One large file cannot be compressed, the other is text. Each is read with `dd` in blocks of a megabyte and
with `cat`, with the packs in the page cache and nothing of the mount in it. The small files are listed with
`find` and read with `cat`, from the mount and, to compare, from the directory that was committed.

Root's mounts read in pieces of a megabyte where libfuse 3 is installed; all others in pieces of 128 KiB.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from cas.repo import Repository

if TYPE_CHECKING:
    from collections.abc import Iterator

PIECE = 1 << 20


def write_large(folder: Path, size: int) -> None:
    """Write a file of random bytes, and one of lines as a table has them."""
    source = random.Random(1)
    with (folder / "random").open("wb") as file:
        for _ in range(0, size, PIECE):
            file.write(source.randbytes(PIECE))
    lines = "".join(
        f"{number}\tLenin street {source.randrange(200)}\t{source.uniform(30, 60):.6f}\tbuilding\n"
        for number in range(PIECE // 40)
    ).encode()
    with (folder / "text").open("wb") as file:
        for number in range(size // PIECE):  # no two pieces are alike: equal chunks are stored once
            file.write(lines.replace(b"street", b"st%04x" % number)[:PIECE])


def write_small(folder: Path, count: int) -> None:
    """Write files of up to some kilobytes, a thousand to a directory."""
    source = random.Random(2)
    for number in range(count):
        place = folder / f"{number // 1000}"
        place.mkdir(exist_ok=True)
        (place / f"{number}.txt").write_bytes(source.randbytes(source.randrange(100, 2000)).hex().encode())


@contextlib.contextmanager
def mounted(home: Path, *words: str) -> Iterator[tuple[Path, int]]:
    """Mount something of the repository in `home`; where, and by which process."""
    at = home / "mount"
    at.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "cas", "--repo", str(home), "mount", "-q", str(at), *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline(), "it was not mounted"
        try:
            yield at, process.pid
        finally:
            process.terminate()


def timed(*command: str) -> float:
    """Run a command; the seconds that it takes."""
    start = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start


def forget_pages(path: Path) -> None:
    """Have the kernel ask again for what it has of a file."""
    fd = os.open(path, os.O_RDONLY)
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(fd)


def processor_seconds(process: int) -> float:
    """Say how long a process has been running on a processor."""
    fields = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure_large(home: Path, words: list[str], inside: str, repeat: int) -> None:
    """Read one file again and again; the best, because others use the machine too."""
    for tool in ("dd", "cat"):
        with mounted(home, *words) as (at, process):
            file = at / inside
            command = ["dd", f"if={file}", "of=/dev/null", "bs=1M"] if tool == "dd" else ["cat", str(file)]
            timed(*command)  # brings the packs into the page cache
            used = processor_seconds(process)
            seconds = []
            for _ in range(repeat):
                forget_pages(file)
                seconds.append(timed(*command))
            used = (processor_seconds(process) - used) / repeat
            size = file.stat().st_size
            what = " ".join(words) or "view"
            median = sorted(seconds)[len(seconds) // 2]
            print(
                f"{what:8} {inside:8} {tool:4} best {size / min(seconds) / 1e6:5.0f} MB/s, "
                f"median {size / median / 1e6:5.0f} MB/s; processor {used:.2f} s"
            )


def measure_small(home: Path, original: Path, words: list[str], inside: str) -> None:
    """List and read many files, for the first time and once more."""
    with mounted(home, *words) as (at, _):
        for when, folder in (("first", at / inside), ("again", at / inside), ("original", original)):
            found = timed("find", str(folder), "-type", "f")
            read = timed("sh", "-c", f"find {folder} -type f -print0 | xargs -0 cat")
            print(f"{' '.join(words) or 'view':8} {when:8} find {found:.2f} s, cat {read:.2f} s")


def main() -> None:
    """Read the command line, measure, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", type=int, default=1 << 30, help="of each large file, in bytes")
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--repeat", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home, small = Path(folder, "home"), Path(folder, "small")
        home.mkdir()
        small.mkdir()
        write_large(Path(folder), arguments.size)
        write_small(small, arguments.files)
        with Repository.init(home) as repository:
            for name in ("random", "text", "small"):
                repository.commit(name, Path(folder, name))
        for name in ("random", "text"):
            measure_large(home, [name], name, arguments.repeat)
            measure_large(home, [], name, arguments.repeat)
        print(f"{arguments.files:,} small files")
        measure_small(home, small, ["small"], "")
        measure_small(home, small, [], "small")


if __name__ == "__main__":
    main()
