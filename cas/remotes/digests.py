"""What the bytes of a file must hash to, as its publisher says: `sha256:…`, `blake3:…`, `md5:…`."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Final, NoReturn, Protocol, Self

from blake3 import blake3

from cas.errors import InvalidError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

    from cas.remotes.location import Location
    from cas.remotes.source import RemoteFile

_DIGITS: Final = {"blake3": 64, "sha256": 64, "md5": 32}
_BLOCK: Final = 1 << 20
_MD5_SPEAKERS: Final = ("s3", "gs")


class Hasher(Protocol):
    """What every hash of Python looks like."""

    def update(self, data: ReadableBuffer, /) -> object:
        """Take more bytes."""

    def hexdigest(self) -> str:
        """Give the hash of the bytes so far."""


@dataclass(frozen=True, slots=True)
class Digest:
    """A hash of a file, and of which kind it is. `str()` gives it back."""

    algorithm: str
    """`blake3`, `sha256` or `md5`."""
    hex: str
    """Lower-case hex digits, as many as the algorithm gives."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Understand `text`.

        Raises:
            InvalidError: It is none of the form `ALGORITHM:HEX`.

        >>> str(Digest.parse("md5:D41D8CD98F00B204E9800998ECF8427E"))
        'md5:d41d8cd98f00b204e9800998ecf8427e'
        """
        algorithm, colon, digits = text.partition(":")
        algorithm, digits = algorithm.lower(), digits.lower()
        if not colon or algorithm not in _DIGITS:
            _refuse(text, f"it must begin with {', '.join(f'{name}:' for name in _DIGITS)}")
        if not re.fullmatch(f"[0-9a-f]{{{_DIGITS[algorithm]}}}", digits):
            _refuse(text, f"after '{algorithm}:' come {_DIGITS[algorithm]} hex digits")
        return cls(algorithm, digits)

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.hex}"


class Hashes:
    """BLAKE3 of some bytes, and another hash of them if somebody declared one; fed in order."""

    def __init__(self, algorithm: str | None) -> None:
        self._blake3 = blake3(max_threads=blake3.AUTO)
        self._other = (
            hashlib.new(algorithm, usedforsecurity=False) if algorithm in ("sha256", "md5") else None
        )

    def update_from(self, stream: BinaryIO) -> None:
        """Take all bytes that are left in `stream`."""
        while block := stream.read(_BLOCK):
            self.update(block)

    def update(self, data: ReadableBuffer) -> None:
        """Take more bytes."""
        self._blake3.update(data)
        if self._other is not None:
            self._other.update(data)

    @property
    def blake3(self) -> str:
        """The BLAKE3 of all bytes so far, which is the content id of a file."""
        return self._blake3.hexdigest()

    def digest(self, algorithm: str) -> Digest:
        """Give the hash of this kind; only what was asked for at the beginning is there."""
        if algorithm == "blake3":
            return Digest(algorithm, self.blake3)
        assert self._other is not None
        return Digest(algorithm, self._other.hexdigest())


def digest_at(file: RemoteFile, location: Location) -> Digest | None:
    """The hash of `file` that its object store tells, if it tells one.

    An ETag of 32 digits is the MD5 of the content; what else it may be is the MD5 of nothing that is here.
    """
    if file.etag is None or location.scheme not in _MD5_SPEAKERS:
        return None
    return Digest("md5", file.etag) if re.fullmatch(r"[0-9a-f]{32}", file.etag) else None


def _refuse(text: str, why: str) -> NoReturn:
    raise InvalidError(f"cannot use the digest '{text}'", code="bad-digest", why=why)
