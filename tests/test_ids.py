"""Ids: values that say what they name, and hashes that other programs agree with."""

from __future__ import annotations

import pytest
from blake3 import blake3
from hypothesis import given
from hypothesis import strategies as st

from cas.errors import InvalidError
from cas.ids import BlobId, Content, Digest, Kind, PackId, RecordId, TreeId, VersionId

CLASSES = [BlobId, TreeId, RecordId, VersionId, PackId]


@given(st.binary(min_size=32, max_size=32), st.sampled_from(CLASSES))
def test_an_id_is_read_back_from_its_text(raw: bytes, kind: type[Digest]) -> None:
    """Ids travel as 64 hex digits through JSON, file names and people."""
    one = kind(raw)

    assert one == kind.parse(str(one))
    assert str(one).startswith(one.short)
    assert 64 == len(str(one))
    assert 12 == len(one.short)


@given(st.text(max_size=70) | st.text("0123456789abcdefABCDEF", min_size=62, max_size=66))
def test_only_64_lower_case_hex_digits_are_an_id(text: str) -> None:
    """One id has one spelling; anything else is refused by rule and not by accident."""
    try:
        found = BlobId.parse(text)
    except InvalidError as error:
        assert "bad-id" == error.code
    else:
        assert text == str(found)


@pytest.mark.parametrize("text", ["", "0" * 63, "0" * 65, "A" * 64, "0" * 64 + "\n", "\u0660" * 64])
def test_near_misses_are_refused(text: str) -> None:
    """Upper case, a newline at the end and digits of other scripts are the usual slips of a pattern."""
    with pytest.raises(InvalidError, match="64 lower-case hex digits"):
        BlobId.parse(text)


def test_ids_of_two_classes_are_never_equal() -> None:
    """A tree and a blob that had the same bytes for an id would still be two things."""
    ids = [kind(bytes(32)) for kind in CLASSES]

    assert len(ids) == len({repr(one) for one in ids})
    assert all(a is b or a != b for a in ids for b in ids)


def test_a_repr_can_be_pasted() -> None:
    """What a debugger shows can be typed back."""
    one = TreeId(bytes(32))

    assert f"TreeId.parse('{'0' * 64}')" == repr(one)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"),
        (b"\0", "2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213"),
        (b"IETF", "83a2de1ee6f4e6ab686889248f4ec0cf4cc5709446a682ffd1cbb4d6165181e2"),
    ],
)
def test_a_blob_id_is_what_b3sum_prints(data: bytes, expected: str) -> None:
    """These come from BLAKE3's own documents: anybody can check a file without `cas`."""
    assert expected == str(BlobId.of(data))
    assert expected == blake3(data).hexdigest()


def test_a_large_blob_has_the_plain_hash_too() -> None:
    """However a file is chunked, its id is the hash of the whole."""
    data = bytes(range(251)) * 4000

    assert blake3(data).digest() == BlobId.of(memoryview(data)).raw


def test_the_wire_values_of_kinds_are_pinned() -> None:
    """They stand in every tree."""
    assert [("FILE", 0), ("EXECUTABLE", 1), ("SYMLINK", 2), ("DIRECTORY", 3)] == [
        (kind.name, kind.value) for kind in Kind
    ]
    assert [0o644, 0o755, 0o777, 0o755] == [kind.mode for kind in Kind]


@pytest.mark.parametrize("kind", [Kind.FILE, Kind.EXECUTABLE, Kind.DIRECTORY])
def test_content_knows_what_its_id_names(kind: Kind) -> None:
    """A directory has a tree id and a file a blob id, so that nobody reads one as the other."""
    content = Content.of(kind, bytes(32))

    assert content.is_directory == isinstance(content.id, TreeId)
    assert content.is_directory != isinstance(content.id, BlobId)
    assert "0" * 64 == str(content)
