"""Ports that nobody listens on, for servers that cannot choose one themselves."""

from __future__ import annotations

import contextlib
import random
import socket

_FROM, _TO = 20_000, 50_000


def free_ports(count: int, *, also: int = 0) -> list[int]:
    """Ports that are free now, and so is each plus `also`.

    At random, because several test processes look for some at the same moment.
    """
    found: list[int] = []
    while len(found) < count:
        port = random.randrange(_FROM, _TO)
        if port not in found and all(_is_free(each) for each in {port, port + also}):
            found.append(port)
    return found


def _is_free(port: int) -> bool:
    with contextlib.closing(socket.socket()) as listener:
        try:
            listener.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
