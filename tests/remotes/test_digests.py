"""Declared hashes, and those that object stores tell."""

from __future__ import annotations

import hashlib

import pytest
from blake3 import blake3
from hypothesis import given
from hypothesis import strategies as st

from cas.errors import InvalidError
from cas.remotes.digests import Digest, Hashes, digest_at
from cas.remotes.location import Location
from cas.remotes.source import RemoteFile

S3, AZURE = Location.parse("s3://bucket/x"), Location.parse("az://container/x")


@given(st.lists(st.binary()), st.sampled_from(["blake3", "sha256", "md5"]))
def test_what_is_hashed_in_pieces_is_hashed(pieces: list[bytes], algorithm: str) -> None:
    """As every other program would hash it."""
    hashes = Hashes(algorithm)
    for piece in pieces:
        hashes.update(piece)
    data = b"".join(pieces)
    plain = blake3(data) if algorithm == "blake3" else hashlib.new(algorithm, data)

    assert blake3(data).hexdigest() == hashes.blake3
    assert Digest(algorithm, plain.hexdigest()) == hashes.digest(algorithm)
    assert Digest.parse(f"{algorithm}:{plain.hexdigest().upper()}") == hashes.digest(algorithm)


@pytest.mark.parametrize(
    "text", ["", "abc", "sha1:" + "0" * 40, "md5:" + "0" * 31, "sha256:" + "g" * 64, "md5:"]
)
def test_what_is_no_digest_is_refused(text: str) -> None:
    """A slip in a digest must not turn the check off."""
    with pytest.raises(InvalidError) as caught:
        Digest.parse(text)

    assert "bad-digest" == caught.value.code


@pytest.mark.parametrize(
    ("etag", "location", "is_told"),
    [("0" * 32, S3, True), ("0" * 32, AZURE, False), ("0" * 32 + "-3", S3, False), (None, S3, False)],
)
def test_an_etag_is_a_hash_only_where_it_looks_like_one(
    etag: str | None,
    location: Location,
    is_told: bool,
) -> None:
    """Objects that came in several pieces have another kind of ETag, and Azure's is a number."""
    assert is_told == (digest_at(RemoteFile("", 1, etag=etag), location) is not None)
