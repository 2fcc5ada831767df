"""What the contenders are given: each workload makes data, and changes it from version to version.

All data is drawn from a seeded generator, so two runs and two machines work on the same bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random
    from collections.abc import Callable
    from pathlib import Path

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Workload:
    """Data for one table."""

    title: str
    make: Callable[[Path, float, random.Random], None]
    """`make(directory, scale, rng)` fills the directory."""
    change: Callable[[Path, random.Random], None]
    """`change(directory, rng)` turns it into the next version."""
    versions: int
    """How many are committed in all."""


def _text(rng: random.Random, size: int) -> bytes:
    """Text with the letter and word frequencies of prose, roughly."""
    words = ["".join(rng.choices("etaoinshrdlucmfwypvbgk", k=rng.randint(1, 9))) for _ in range(4000)]
    weights = [1 / rank for rank in range(1, len(words) + 1)]
    return " ".join(rng.choices(words, weights, k=size // 4)).encode()[:size]


def make_small(directory: Path, scale: float, rng: random.Random) -> None:
    """50,000 text files of about 6 kB, most of them smaller, in 2,500 directories."""
    text = _text(rng, 8 * MIB)
    for number in range(int(50_000 * scale)):
        folder = directory / f"{number % 50:02}" / f"{number // 50 % 50:02}"
        folder.mkdir(parents=True, exist_ok=True)
        size = min(int(rng.paretovariate(1.2) * 1000), 200_000)
        start = rng.randrange(len(text) - size)
        (folder / f"{number}.txt").write_bytes(text[start : start + size])


def rewrite_some(directory: Path, rng: random.Random) -> None:
    """Rewrite one file in a hundred."""
    files = sorted(path for path in directory.rglob("*") if path.is_file())
    for path in rng.sample(files, max(1, len(files) // 100)):
        path.write_bytes(path.read_bytes()[::-1])


def make_random(directory: Path, scale: float, rng: random.Random) -> None:
    """1 GiB of bytes that nothing can compress, in one file."""
    with (directory / "random.bin").open("wb") as file:
        for _ in range(max(1, int(64 * scale))):
            file.write(rng.randbytes(16 * MIB))


def append_some(directory: Path, rng: random.Random) -> None:
    """Append 1 MiB."""
    with (directory / "random.bin").open("ab") as file:
        file.write(rng.randbytes(MIB))


def make_edited(directory: Path, scale: float, rng: random.Random) -> None:
    """256 MiB in one file, half of it text."""
    with (directory / "edited.bin").open("wb") as file:
        for _ in range(max(1, int(16 * scale))):
            file.write(_text(rng, 8 * MIB))
            file.write(rng.randbytes(8 * MIB))


def edit(directory: Path, rng: random.Random) -> None:
    """Insert, delete or overwrite up to 4 kB in forty places."""
    path = directory / "edited.bin"
    data = bytearray(path.read_bytes())
    for _ in range(40):
        at, size = rng.randrange(len(data)), rng.randint(1, 4096)
        put, cut = rng.choice([(size, 0), (0, size), (size, size)])
        data[at : at + cut] = rng.randbytes(put)
    path.write_bytes(data)


WORKLOADS = {
    "small": Workload("50,000 small text files", make_small, rewrite_some, versions=2),
    "random": Workload("1 GiB that nothing compresses", make_random, append_some, versions=2),
    "edited": Workload("ten versions of 256 MiB, forty edits each", make_edited, edit, versions=10),
}
