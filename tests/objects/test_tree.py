"""Trees: one encoding and one id for each directory, pinned; and no tree that a checkout must not follow."""

from __future__ import annotations

import msgspec
import pytest
from blake3 import blake3
from hypothesis import given
from hypothesis import strategies as st

from cas.errors import CorruptError
from cas.ids import BlobId, Kind
from cas.objects.tree import EMPTY, Entry, decode_tree, encode_tree, tree_id
from cas.testing.strategies import file_names

HELLO = BlobId.of(b"hello\n").raw
NOTHING = BlobId.of(b"").raw
EMPTY_ID = bytes.fromhex("eaa62ecc09085abfad18e5a7fd14bfac77d7cbcdeede1f2bd78d0160086446c2")

# Never regenerated: these bytes are in repositories. Each is (what, entries, encoding, id).
VECTORS: list[tuple[str, list[Entry], str, str]] = [
    (
        "an empty directory",
        [],
        "90",
        "eaa62ecc09085abfad18e5a7fd14bfac77d7cbcdeede1f2bd78d0160086446c2",
    ),
    (
        "one of each kind",
        [
            Entry.of(b"a", Kind.FILE, 6, HELLO),
            Entry.of(b"b", Kind.EXECUTABLE, 6, HELLO),
            Entry.of(b"c", Kind.SYMLINK, 1, b"a"),
            Entry.of(b"d", Kind.DIRECTORY, 0, EMPTY_ID),
        ],
        (
            "94"
            "95c40161cd01a40006c4208e4c7c1b99dbfd50e7a95185fead5ee1448fa904a2fdd778eaf5f2dbfd629a99"
            "95c40162cd01ed0106c4208e4c7c1b99dbfd50e7a95185fead5ee1448fa904a2fdd778eaf5f2dbfd629a99"
            "95c40163cd01ff0201c40161"
            "95c40164cd01ed0300c420eaa62ecc09085abfad18e5a7fd14bfac77d7cbcdeede1f2bd78d0160086446c2"
        ),
        "f55b68a00acf8e08f57b118c92b2dba4c3547d7c711d05dcfc1f60d2041aa19e",
    ),
    (
        "names in order of their bytes: capitals first, then UTF-8, then what is not UTF-8",
        [
            Entry.of(b"Z", Kind.FILE, 0, NOTHING),
            Entry.of(b"a", Kind.FILE, 0, NOTHING),
            Entry.of(b"new\nline", Kind.FILE, 0, NOTHING),
            Entry.of("é".encode(), Kind.FILE, 0, NOTHING),
            Entry.of("漢字.txt".encode(), Kind.FILE, 0, NOTHING),
            Entry.of(b"\xff\xfe", Kind.FILE, 0, NOTHING),
        ],
        (
            "96"
            "95c4015acd01a40000c420af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"
            "95c40161cd01a40000c420af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"
            "95c4086e65770a6c696e65cd01a40000c420af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"
            "95c402c3a9cd01a40000c420af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"
            "95c40ae6bca2e5ad972e747874cd01a40000c420af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"
            "95c402fffecd01a40000c420af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"
        ),
        "986b4e955a1ba6484a91397b114c112f723c30da49f8b786be8637e21637234f",
    ),
    (
        "sizes on both sides of every step of the integer encoding",
        [
            Entry.of(b"%d" % number, Kind.FILE, size, HELLO)
            for number, size in enumerate([127, 128, 255, 256, 65535, 65536, 2**32 - 1, 2**32])
        ],
        (
            "98"
            "95c40130cd01a4007fc4208e4c7c1b99dbfd50e7a95185fead5ee1448fa904a2fdd778eaf5f2dbfd629a99"
            "95c40131cd01a400cc80c4208e4c7c1b99dbfd50e7a95185fead5ee1448fa904a2fdd778eaf5f2dbfd629a99"
            "95c40132cd01a400ccffc4208e4c7c1b99dbfd50e7a95185fead5ee1448fa904a2fdd778eaf5f2dbfd629a99"
            "95c40133cd01a400cd0100c4208e4c7c1b99dbfd50e7a95185fead5ee1448fa904a2fdd778eaf5f2dbfd629a99"
            "95c40134cd01a400cdffffc4208e4c7c1b99dbfd50e7a95185fead5ee1448fa904a2fdd778eaf5f2dbfd629a99"
            "95c40135cd01a400ce00010000c4208e4c7c1b99dbfd50e7a95185fead5ee1448fa904a2fdd778eaf5f2dbfd629a99"
            "95c40136cd01a400ceffffffffc4208e4c7c1b99dbfd50e7a95185fead5ee1448fa904a2fdd778eaf5f2dbfd629a99"
            "95c40137cd01a400cf0000000100000000c4208e4c7c1b99dbfd50e7a95185fead5ee1448fa904a2fdd778eaf5f2dbfd629a99"
        ),
        "6374c7a1f3d7bf4dea0bc53e8ec108b2844a68c16a41c476ac7b407b812cd8af",
    ),
]


@st.composite
def entries(draw: st.DrawFn) -> list[Entry]:
    """Draw the entries of a directory, sorted."""
    found = []
    for name in sorted(draw(st.sets(file_names(), max_size=6))):
        kind = draw(st.sampled_from(Kind))
        if kind is Kind.SYMLINK:
            target = draw(st.binary(min_size=1, max_size=40).filter(lambda target: b"\0" not in target))
            found.append(Entry.of(name, kind, len(target), target))
        else:
            size = draw(st.integers(0, 2**60))
            found.append(Entry.of(name, kind, size, draw(st.binary(min_size=32, max_size=32))))
    return found


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector[0])
def test_encodings_and_ids_are_pinned(vector: tuple[str, list[Entry], str, str]) -> None:
    """Other bytes for the same directory would be another version of everything that holds it."""
    _, listing, encoded, expected = vector

    assert encoded == encode_tree(listing).hex()
    assert expected == str(tree_id(bytes.fromhex(encoded)))
    assert listing == decode_tree(bytes.fromhex(encoded))


@given(entries())
def test_a_tree_comes_back_as_it_was(listing: list[Entry]) -> None:
    """The one law of an encoding."""
    assert listing == decode_tree(encode_tree(listing))


@given(entries(), entries())
def test_two_trees_have_one_id_only_if_they_are_equal(a: list[Entry], b: list[Entry]) -> None:
    """Names, kinds and bytes all count, and nothing else does."""
    assert (a == b) == (tree_id(encode_tree(a)) == tree_id(encode_tree(b)))


@given(entries(), st.data())
def test_each_field_of_an_entry_counts(listing: list[Entry], data: st.DataObject) -> None:
    """A chmod +x, a renamed file, another byte: each is another directory."""
    before = tree_id(encode_tree([*listing, Entry.of(b"\xff" * 9, Kind.FILE, 6, HELLO)]))
    name, kind, blob = data.draw(
        st.sampled_from(
            [
                (b"\xff" * 10, Kind.FILE, HELLO),
                (b"\xff" * 9, Kind.EXECUTABLE, HELLO),
                (b"\xff" * 9, 0, NOTHING),
            ]
        )
    )

    assert before != tree_id(encode_tree([*listing, Entry.of(name, Kind(kind), 6, blob)]))


def test_a_tree_is_not_a_blob_of_the_same_bytes() -> None:
    """A file that holds the encoding of a tree must not be taken for one: their hashes differ in mode."""
    assert blake3(EMPTY).digest() != tree_id(EMPTY).raw


@given(st.binary(max_size=60))
def test_bytes_that_are_no_tree_are_refused(encoded: bytes) -> None:
    """Whatever a damaged disk returns, it is a directory or damage, never another error."""
    try:
        listing = decode_tree(encoded)
    except CorruptError as error:
        assert "bad-tree" == error.code
    else:
        assert encoded == encode_tree(listing)


def pack(*listing: list[object]) -> bytes:
    """Encode what `Entry` would not hold."""
    return msgspec.msgpack.encode(listing)


HOSTILE = {
    "a name with a slash": pack([b"a/b", 0o644, 0, 0, NOTHING]),
    "an absolute name": pack([b"/etc", 0o644, 0, 0, NOTHING]),
    "a name with NUL": pack([b"a\0", 0o644, 0, 0, NOTHING]),
    "no name": pack([b"", 0o644, 0, 0, NOTHING]),
    "this directory": pack([b".", 0o755, 3, 0, EMPTY_ID]),
    "the directory above": pack([b"..", 0o755, 3, 0, EMPTY_ID]),
    "one name twice": pack([b"a", 0o644, 0, 0, NOTHING], [b"a", 0o755, 3, 0, EMPTY_ID]),
    "names out of order": pack([b"b", 0o644, 0, 0, NOTHING], [b"a", 0o644, 0, 0, NOTHING]),
    "a short id": pack([b"a", 0o644, 0, 0, NOTHING[:31]]),
    "a long id": pack([b"a", 0o755, 3, 0, EMPTY_ID + b"\0"]),
    "a mode that is not the kind's": pack([b"a", 0o755, 0, 0, NOTHING]),
    "a set-uid bit": pack([b"a", 0o4755, 1, 0, NOTHING]),
    "an unknown kind": pack([b"a", 0o644, 4, 0, NOTHING]),
    "a negative size": pack([b"a", 0o644, 0, -1, NOTHING]),
    "a link to nothing": pack([b"a", 0o777, 2, 0, b""]),
    "a link with NUL": pack([b"a", 0o777, 2, 2, b"b\0"]),
    "a link of another size": pack([b"a", 0o777, 2, 9, b"b"]),
    "a name that is text": pack(["a", 0o644, 0, 0, NOTHING]),
    "four fields": pack([b"a", 0o644, 0, 0]),
    "six fields": pack([b"a", 0o644, 0, 0, NOTHING, 0]),
    "an integer that is too long": bytes.fromhex("9195c40161cd01a400cc06c420") + HELLO,
    "something after it": EMPTY + b"\0",
    "no array": pack()[:0],
    "a map": msgspec.msgpack.encode({}),
}


@pytest.mark.parametrize("encoded", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_tree_is_refused(encoded: bytes) -> None:
    """A checkout follows names and links: a tree that leads out of it must not even be read."""
    with pytest.raises(CorruptError) as caught:
        decode_tree(encoded)

    assert "bad-tree" == caught.value.code
