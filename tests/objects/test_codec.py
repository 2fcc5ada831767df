"""Compression: what goes in comes out, nothing is compressed for nothing, and damage is an error."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cas.errors import CorruptError
from cas.objects.codec import decode_frame, encode_frame
from tests.objects.stores import noise

TEXT = b"".join(b"line %d of a text that repeats itself\n" % number for number in range(3000))


def frames() -> st.SearchStrategy[bytes]:
    """Draw frames: tiny ones, and some beyond the size from which samples are tried first."""
    runs = st.tuples(st.binary(min_size=1, max_size=40), st.integers(1, 1000)).map(lambda x: x[0] * x[1])
    noises = st.integers(0, 50_000).map(lambda size: noise("codec", size))
    return st.lists(runs | noises | st.binary(max_size=200), max_size=4).map(b"".join)


@given(frames())
def test_what_goes_in_comes_out(raw: bytes) -> None:
    """The one law of a codec."""
    assert raw == decode_frame(bytes(encode_frame(raw)), len(raw))


@given(frames())
def test_a_frame_shrinks_by_4_percent_or_is_stored_as_it_is(raw: bytes) -> None:
    """Decompressing has a price at every read; it must buy something."""
    stored = encode_frame(raw)

    assert stored is raw or len(stored) < 0.96 * len(raw)


@pytest.mark.parametrize("size", [0, 1, 31, 4096, 32 * 1024 - 1, 32 * 1024, 200_000])
def test_noise_is_stored_as_it_is(size: int) -> None:
    """Compressed again, images and archives would only grow."""
    raw = noise("incompressible", size)

    assert encode_frame(raw) is raw


@pytest.mark.parametrize("size", [200, 32 * 1024, 100_000])
def test_text_is_compressed(size: int) -> None:
    """Both below and above the size from which samples are tried first."""
    assert len(encode_frame(TEXT[:size])) < 0.7 * size


def test_a_view_is_as_good_as_bytes() -> None:
    """Chunks of large files arrive as views into the block that was read."""
    stored = encode_frame(memoryview(TEXT))

    assert TEXT == decode_frame(bytes(stored), len(TEXT))


@given(st.data())
def test_a_frame_that_was_cut_off_is_noticed(data: st.DataObject) -> None:
    """A frame that ends early decompresses without complaint, to less."""
    stored = bytes(encode_frame(TEXT))
    size = data.draw(st.integers(0, len(stored) - 1))

    with pytest.raises(CorruptError) as caught:
        decode_frame(stored[:size], len(TEXT))

    assert "bad-frame" == caught.value.code


@given(st.data())
def test_a_damaged_frame_never_ends_in_another_error(data: st.DataObject) -> None:
    """Damage either is noticed here or gives as many bytes as before, for the object's hash to refuse."""
    stored = bytearray(encode_frame(TEXT))
    at = data.draw(st.integers(0, len(stored) - 1))
    stored[at] ^= data.draw(st.integers(1, 255))

    try:
        raw = decode_frame(bytes(stored), len(TEXT))
    except CorruptError as error:
        assert "bad-frame" == error.code
    else:
        assert len(TEXT) == len(raw)


@pytest.mark.parametrize("raw_size", [0, 1, len(TEXT) - 1, len(TEXT) + 1, 10 * len(TEXT)])
def test_another_size_than_was_stored_is_refused(raw_size: int) -> None:
    """The sizes in the tables place the objects in a frame; they and the frame must agree."""
    with pytest.raises(CorruptError):
        decode_frame(bytes(encode_frame(TEXT)), raw_size)


def test_a_frame_that_would_explode_is_not_unpacked() -> None:
    """A few kilobytes can promise gigabytes; memory is bounded by what the tables say, not by the frame."""
    bomb = bytes(encode_frame(bytes(64 * 1024 * 1024)))
    tracemalloc.start()
    try:
        with pytest.raises(CorruptError, match="1001 bytes or more where 1000"):
            decode_frame(bomb, 1000)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert len(bomb) < 10_000
    assert peak < 1024 * 1024
