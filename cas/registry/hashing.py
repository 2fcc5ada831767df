"""Hashing files that are there, to find out whether they are still what they were."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from cas.remotes.digests import Hashes

if TYPE_CHECKING:
    from cas.remotes.digests import Digest


def content_of(path: bytes | os.PathLike[str]) -> bytes | None:
    """Hash a file to its content id; None if it is no file, or cannot be read."""
    hashes = _hashes(path, None)
    return None if hashes is None else bytes.fromhex(hashes.blake3)


def hashes_to(path: bytes | os.PathLike[str], digest: Digest) -> bool:
    """Whether a file is there and hashes to `digest`."""
    hashes = _hashes(path, digest.algorithm)
    return hashes is not None and hashes.digest(digest.algorithm) == digest


def _hashes(path: bytes | os.PathLike[str], algorithm: str | None) -> Hashes | None:
    hashes = Hashes(algorithm)
    try:
        # Without blocking: a pipe of that name is no file, and opening it would wait for a writer.
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as stream:
            if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                return None
            hashes.update_from(stream)
    except OSError:
        return None
    return hashes
