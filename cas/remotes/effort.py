"""Trying again, and stopping at once.

A failure that may pass is tried again after a pause that doubles each time, a little more or less by chance
so that many clients do not come back all at once; when the server says how long to wait, that long. Whatever
makes headway starts counting anew: a connection that breaks every gigabyte still brings a terabyte home.
"""

from __future__ import annotations

import logging
import random
import threading
from typing import TYPE_CHECKING, Final, Self, TypeVar

from cas.remotes.errors import RemoteError

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger(__name__)

T = TypeVar("T")

_FIRST_PAUSE_S: Final = 0.5
_LONGEST_PAUSE_S: Final = 30.0
_LONGEST_WISH_S: Final = 300.0
"""A server that wants to be left alone for longer is not waited for."""
_WORTH_A_WORD_S: Final = 1.0
"""Whoever waits for longer wants to know what for."""
_WORTH_A_NUMBER_S: Final = 10.0
"""And whoever waits for longer than this, how long it will be."""
_ATTEMPTS: Final = 6
_ATTEMPTS_TO_REACH: Final = 3
"""A name with a slip in it, or a machine that is off, is not worth half a minute."""


class StoppedError(Exception):
    """Somebody else failed or was interrupted, so the rest is not worth doing."""


class Effort:
    """One download, however many threads work on it: their patience, and the word to stop."""

    def __init__(self, wait: Callable[[float], None] | None) -> None:
        """`wait` pauses for some seconds; without one, a pause ends when the work is stopped."""
        self._stop = threading.Event()
        self._wait = wait
        self._said: set[tuple[str, int]] = set()
        self._saying = threading.Lock()

    def stop(self) -> None:
        """Make every thread give up at its next block or pause."""
        self._stop.set()

    def check(self) -> None:
        """Raise `StoppedError` if the work was stopped."""
        if self._stop.is_set():
            raise StoppedError

    def persist(self, attempt: Callable[[], T]) -> T:
        """Return what `attempt` returns, once it does.

        Raises:
            CasError: What it raised for good, or too often.
        """
        patience = self.patience()
        while True:
            try:
                return attempt()
            except RemoteError as error:
                patience.consider(error)

    def patience(self) -> Patience:
        """Begin to count failures."""
        return Patience(self)

    def pause(self, seconds: float) -> None:
        """Wait, but not when the work is stopped."""
        if self._wait is None:
            self._stop.wait(seconds)
        else:
            self._wait(seconds)
        self.check()

    def say(self, error: RemoteError, pause_s: float) -> None:
        """Tell the log why it takes long: once for each reason, however many files and threads have it."""
        seconds = round(pause_s) if pause_s > _WORTH_A_NUMBER_S else 0
        with self._saying:
            if (error.code, seconds) in self._said:
                return
            self._said.add((error.code, seconds))
        log.warning("%s; trying again%s", error, f" in {seconds} seconds" if seconds else "")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class Patience:
    """How often one request has failed in a row. For one thread."""

    def __init__(self, effort: Effort) -> None:
        self._effort = effort
        self._failures = 0
        self._waited_s = 0.0

    def renew(self) -> None:
        """Forget the failures: there was headway."""
        self._failures = 0
        self._waited_s = 0.0

    def consider(self, error: RemoteError) -> None:
        """Wait until it may be tried again.

        Raises:
            RemoteError: `error`, if it is final or patience is at its end.
            StoppedError: The work was stopped meanwhile.
        """
        self._failures += 1
        limit = _ATTEMPTS_TO_REACH if error.code == "remote-unreachable" else _ATTEMPTS
        if error.is_passing and self._failures >= limit:
            error.why = "; ".join(filter(None, (error.why, f"tried {self._failures} times")))
        if not error.is_passing or self._failures >= limit:
            raise error
        if error.pause_s is not None and error.pause_s > _LONGEST_WISH_S:
            error.hint = f"try again in {error.pause_s:.0f} seconds, as the server asks"
            raise error
        self._effort.check()
        pause = self._pause_s(error)
        self._waited_s += pause
        if self._waited_s > _WORTH_A_WORD_S:
            self._effort.say(error, pause)
        self._effort.pause(pause)

    def _pause_s(self, error: RemoteError) -> float:
        if error.pause_s is not None:
            return error.pause_s
        pause = min(_FIRST_PAUSE_S * (1 << (self._failures - 1)), _LONGEST_PAUSE_S)
        return pause * random.uniform(0.75, 1.25)  # noqa: S311 - spreads load, hides nothing
