"""Several downloads at once: their order, their bar, and the word that stops them."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from cas.progress import Silent
from cas.registry.together import together

if TYPE_CHECKING:
    from cas.progress import Progress


class Bar:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.total: int | None = None
        self.done = 0

    def start(self, task: str, total: int | None, unit: str) -> None:
        """Begin anew."""
        assert ("downloading", "bytes") == (task, unit)
        self.total, self.done = total, 0

    def advance(self, count: int) -> None:
        """Count."""
        self.done += count


def test_results_are_in_the_order_of_the_items() -> None:
    """Whichever is done first."""
    second_is_done = threading.Event()

    def do(item: int, _: Progress) -> int:
        if item == 1:
            assert second_is_done.wait(60)
        if item == 2:
            second_is_done.set()
        return item * 10

    assert [10, 20, 30] == together(do, [1, 2, 3], count=2, task="downloading", progress=Silent())


def test_one_bar_adds_up_the_bytes_of_all() -> None:
    """Entries without a known size are not counted, and other units neither."""
    bar = Bar()

    def do(item: int, progress: Progress) -> None:
        progress.start("listing", None, "objects")
        progress.advance(7)
        progress.start("fetching", item, "bytes")
        progress.advance(item - 1)
        progress.advance(1)

    together(do, [10, 20, 30], count=3, task="downloading", progress=bar)

    assert (60, 60) == (bar.total, bar.done)


def test_an_interruption_stops_the_others() -> None:
    """They notice when they next tell how far they are; those that wait never begin."""
    begun: list[int] = []
    both_run = threading.Barrier(2)

    def do(item: int, progress: Progress) -> None:
        begun.append(item)
        progress.start("fetching", 1, "bytes")
        if item <= 2:
            both_run.wait(60)
        if item == 1:
            raise KeyboardInterrupt
        while True:
            progress.advance(1)

    with pytest.raises(KeyboardInterrupt):
        together(do, [1, 2, 3, 4], count=2, task="downloading", progress=Bar())

    assert {1, 2} <= set(begun)
    assert not [thread for thread in threading.enumerate() if thread.name == "cas-crew"]
