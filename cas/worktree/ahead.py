"""Reading a large file ahead of writing it: two threads take the longer of the two times, not their sum."""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

_DEPTH: Final = 16
"""Chunks between reader and writer: 4 MiB at most."""


def read_ahead(blocks: Iterable[bytes]) -> Generator[bytes, None, None]:
    """Iterate over `blocks`, which another thread produces; an error of theirs comes out here.

    The thread ends with the iterator: close it, or run it to its end.
    """
    ready: queue.Queue[bytes | BaseException | None] = queue.Queue(_DEPTH)
    stopped = threading.Event()
    reader = threading.Thread(target=_produce, args=(blocks, ready, stopped), name="cas-read-ahead")
    reader.start()
    try:
        while (item := ready.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        stopped.set()
        while reader.is_alive():  # it may be waiting for room
            _drain(ready)
            reader.join(timeout=0.01)


def _produce(
    blocks: Iterable[bytes], ready: queue.Queue[bytes | BaseException | None], stopped: threading.Event
) -> None:
    try:
        for block in blocks:
            if stopped.is_set():
                return
            ready.put(block)
        ready.put(None)
    except BaseException as error:  # noqa: BLE001 - it is raised again where the blocks are used
        ready.put(error)


def _drain(ready: queue.Queue[bytes | BaseException | None]) -> None:
    while not ready.empty():
        ready.get_nowait()
