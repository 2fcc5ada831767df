"""Hashing files that are there, to find out whether they are still what they were."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from cas.remotes.stamp import hashed_at

if TYPE_CHECKING:
    from cas.remotes.digests import Digest, Hashes


def content_of(path: bytes | os.PathLike[str]) -> bytes | None:
    """Hash a file to its content id; None if it is no file, or cannot be read."""
    hashes = _hashes(path, None)
    return None if hashes is None else bytes.fromhex(hashes.blake3)


def hashes_to(path: bytes | os.PathLike[str], digest: Digest) -> bool:
    """Whether a file is there and hashes to `digest`."""
    hashes = _hashes(path, digest.algorithm)
    return hashes is not None and hashes.digest(digest.algorithm) == digest


def _hashes(path: bytes | os.PathLike[str], algorithm: str | None) -> Hashes | None:
    found = hashed_at(os.path.realpath(path), algorithm)
    return None if found is None else found[1]
