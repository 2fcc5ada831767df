"""zstd, from the standard library where it has it, and the one rule about when to use it."""

from __future__ import annotations

import sys
import threading
from typing import Final

from cas.errors import CorruptError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

LEVEL: Final = 3
"""Level 3 packs text at about 400 MB/s and core; higher levels gain little on what users store."""

_WORTH_IT: Final = 0.96
"""A frame is stored raw when compression gains under 4 %: reading it back is then free."""

_PROBE_SIZE: Final = 1024
_PROBE_FROM: Final = 32 * 1024

_local = threading.local()


def _compress(data: bytes | memoryview) -> bytes:
    compressor = getattr(_local, "compressor", None)
    if compressor is None:
        compressor = _local.compressor = zstd.ZstdCompressor(level=LEVEL)
    packed: bytes = compressor.compress(data, mode=zstd.ZstdCompressor.FLUSH_FRAME)
    return packed


def encode_frame(raw: bytes | memoryview) -> bytes | memoryview:
    """Return `raw` compressed, or `raw` itself when that would gain less than 4 %.

    Large input is probed first: three samples that do not shrink at all mean random or already
    compressed bytes, and zstd would spend a millisecond per megabyte to find out the same.
    """
    size = len(raw)
    if size >= _PROBE_FROM and not _may_shrink(raw):
        return raw
    packed = _compress(raw)
    return packed if len(packed) < size * _WORTH_IT else raw


def _may_shrink(raw: bytes | memoryview) -> bool:
    view = memoryview(raw)
    step = (len(view) - _PROBE_SIZE) // 2
    samples = b"".join(view[start : start + _PROBE_SIZE] for start in (0, step, 2 * step))
    return len(_compress(samples)) < len(samples) * _WORTH_IT


def decode_frame(stored: bytes, raw_size: int) -> bytes:
    """Undo `encode_frame`; a frame as long as its raw size was stored raw.

    Raises:
        CorruptError: The bytes are not a zstd frame of exactly `raw_size` bytes.
    """
    if len(stored) == raw_size:
        return stored
    try:
        raw: bytes = zstd.ZstdDecompressor().decompress(stored, max_length=raw_size + 1)
    except zstd.ZstdError as error:
        raise CorruptError("cannot decompress a frame", code="bad-frame", why=str(error)) from error
    if len(raw) != raw_size:
        raise CorruptError(
            "cannot decompress a frame",
            code="bad-frame",
            why=f"it holds {len(raw)} bytes or more where {raw_size} were stored",
        )
    return raw
