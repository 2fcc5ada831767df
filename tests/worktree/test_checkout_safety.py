"""What checkout refuses, and what is left when it fails or dies."""

from __future__ import annotations

import os
import random
import shutil
from typing import TYPE_CHECKING

import msgspec
import pytest

from cas.errors import CasError, ConflictError, CorruptError, InvalidError, NotFoundError, ReadOnlyError
from cas.ids import BlobId, Content, Kind
from cas.objects.pack import HEADER_SIZE
from cas.objects.rows import Stored
from cas.objects.tree import Entry
from cas.testing.trees import File, Symlink, Tree, read_tree, write_tree
from cas.worktree.directories import Directories, remove_tree
from tests.worktree.desks import Desk, tree_at

if TYPE_CHECKING:
    from pathlib import Path

OLD: Tree = {b"a": File(b"1"), b"b": File(b"2"), b"gone": {b"x": File(b"3")}}
NEW: Tree = {b"a": File(b"1"), b"b": File(b"two"), b"c": {b"y": File(b"4")}}


@pytest.mark.parametrize("inside", [".", "packs", "new/thing"])
def test_not_into_the_repository(desk: Desk, inside: str) -> None:
    """A checkout into `.cas` would destroy the store; it is refused, by whatever path."""
    (desk.home / "link").symlink_to(".cas")

    for root in (desk.home / ".cas", desk.home / "link", desk.home / "x" / ".." / ".cas"):
        with pytest.raises(InvalidError) as caught:
            desk.checkout(desk.commit(OLD), root / inside, force=True)
        assert caught.value.code == "inside-repository"


def test_the_repository_is_never_a_part_of_a_version(desk: Desk) -> None:
    """A checkout around the repository works, but a version with a `.cas` of its own is refused there."""
    desk.checkout(desk.commit(OLD), desk.home)
    assert (desk.home / "a").read_bytes() == b"1"

    nodes: list[File | Tree] = [File(b"!"), {b"config.yaml": File(b"!")}]
    for hostile in nodes:
        with pytest.raises(InvalidError, match=r"\.cas"):
            desk.checkout(desk.put_tree([entry_for(desk, b".cas", hostile)]), desk.home, force=True)
    assert (desk.home / ".cas" / "config.yaml").stat().st_size > 1


def test_a_file_never_takes_the_place_of_the_repository(desk: Desk) -> None:
    """A version that has a file where the repository's home is cannot replace it even by force."""
    content = desk.put_tree([desk.put_blob(b"!", b"desk")])

    with pytest.raises(InvalidError) as caught:
        desk.checkout(content, desk.home.parent, force=True)

    assert caught.value.code == "inside-repository"
    assert (desk.home / ".cas" / "config.yaml").exists()


def test_a_file_never_takes_the_place_of_a_directory_that_somebody_else_made(desk: Desk) -> None:
    """Whoever checks a file out to `.` means a file in there, with --force or without."""
    (desk.home / "mine").mkdir()
    (desk.home / "mine" / "precious").write_text("precious")

    for force in (False, True):
        with pytest.raises(ConflictError) as caught:
            desk.checkout(desk.commit(File(b"!")), desk.home / "mine", force=force)
        assert caught.value.code == "destination-exists"
        assert str(desk.home / "mine" / "") in str(caught.value.hint)
    assert (desk.home / "mine" / "precious").read_text() == "precious"


def entry_for(desk: Desk, name: bytes, node: File | Tree) -> Entry:
    """Store a node; the entry for it."""
    content = desk.commit(node)
    return Entry.of(name, content.kind, 1, content.id.raw)


BAD_NAMES = [b"..", b".", b"", b"a/b", b"/etc/passwd", b"a\0b"]


@pytest.mark.parametrize("name", BAD_NAMES)
@pytest.mark.parametrize("depth", [0, 2])
def test_names_that_lead_elsewhere_are_refused(desk: Desk, name: bytes, depth: int) -> None:
    """A tree is input: a name that could leave the destination is damage, and nothing is written for it."""
    content = desk.put_tree([desk.put_blob(b"evil", name)], depth=depth)

    with pytest.raises(CorruptError) as caught:
        desk.checkout(content, desk.home / "out")

    assert caught.value.code == "bad-tree"
    assert os.listdir(desk.home) == [".cas"]


def test_the_same_name_twice_is_refused(desk: Desk) -> None:
    """A link and a directory under one name would send the directory's files through the link."""
    inner = desk.put_tree([desk.put_blob(b"evil", b"passwd")])
    link = Entry.of(b"d", Kind.SYMLINK, 4, b"/etc")
    content = desk.put_tree([link, Entry.of(b"d", Kind.DIRECTORY, 4, inner.id.raw)])

    with pytest.raises(CorruptError):
        desk.checkout(content, desk.home / "out")

    assert os.listdir(desk.home) == [".cas"]


@pytest.mark.parametrize("target", [b"", b"a\0b"])
def test_links_to_nothing_are_refused(desk: Desk, target: bytes) -> None:
    """A symlink whose target the system would not take is damage, said in our words."""
    content = desk.put_tree([Entry.of(b"link", Kind.SYMLINK, len(target), target)])

    with pytest.raises(CorruptError, match="link"):
        desk.checkout(content, desk.home / "out")

    assert desk.litter() == []


def test_sizes_that_lie_are_refused(desk: Desk) -> None:
    """An entry that promises another size than its blob has is damage; nothing is published."""
    small = desk.put_blob(b"12345")
    content = desk.put_tree([Entry.of(b"x", Kind.FILE, 4, small.id)])

    with pytest.raises(CorruptError) as caught:
        desk.checkout(content, desk.home / "out")

    assert caught.value.code == "size-mismatch"
    assert not (desk.home / "out").exists()


def test_a_tree_that_is_no_tree(desk: Desk) -> None:
    """Bytes that do not decode are damage at any depth; what is there stays as it was."""
    out = desk.home / "out"
    desk.checkout(desk.commit(OLD), out)
    encoded = msgspec.msgpack.encode(["not", "a", "tree"])
    tree = desk.put_encoded_tree(encoded)
    content = desk.put_tree([Entry.of(b"new", Kind.DIRECTORY, 1, tree.id.raw)])

    with pytest.raises(CorruptError):
        desk.checkout(content, out)

    assert tree_at(out) == OLD
    assert desk.litter() == []


def test_paths_that_no_tool_could_open(desk: Desk) -> None:
    """Deeper than the system's longest path is refused: nobody could read or delete it."""
    content = desk.put_tree([desk.put_blob(b"bottom")], depth=2100)

    with pytest.raises(CorruptError) as caught:
        desk.checkout(content, desk.home / "out")

    assert caught.value.code == "path-too-long"
    assert desk.litter() == []


def test_a_link_in_the_destination_is_not_followed(desk: Desk) -> None:
    """A link where the version has a directory is in the way; nothing is ever written behind it."""
    out, outside = desk.home / "out", desk.home / "outside"
    outside.mkdir()
    out.mkdir()
    (out / "c").symlink_to(outside)
    content = desk.commit(NEW)

    with pytest.raises(ConflictError, match="'c'"):
        desk.checkout(content, out)
    desk.checkout(content, out, force=True)

    assert tree_at(out) == NEW
    assert list(outside.iterdir()) == []


def test_a_directory_that_becomes_a_link_is_not_entered(desk: Desk) -> None:
    """Who swaps a directory for a link between look and write gets an error, not a file behind the link."""
    write_tree({b"d": {b"e": {}}, b"outside": {b"e": {}}}, desk.home / "out")
    root = os.open(desk.home / "out", os.O_RDONLY)
    shutil.rmtree(desk.home / "out" / "d")
    (desk.home / "out" / "d").symlink_to("outside")

    with Directories(root) as directories, pytest.raises(ConflictError) as caught:
        directories.open(b"d/e")

    os.close(root)
    assert caught.value.code == "destination-changed"


def test_deleting_follows_no_link(desk: Desk) -> None:
    """Removing a tree removes the links in it, never what they point at."""
    write_tree({b"keep": {b"x": File(b"1")}, b"go": {b"d": {b"l": Symlink(b"../../keep")}}}, desk.home / "t")
    root = os.open(desk.home / "t", os.O_RDONLY)

    remove_tree(root, b"go")
    remove_tree(root, b"never was there")

    os.close(root)
    assert read_tree(desk.home / "t") == {b"keep": {b"x": File(b"1")}}


def test_names_that_the_disk_takes_for_one(desk: Desk) -> None:
    """Where two names of a tree are one on disk (`A` and `a`), checkout says so and overwrites neither."""
    out = desk.home / "out"
    content = desk.commit({b"A": File(b"1"), b"a": File(b"2")})
    is_one = is_case_insensitive(desk.home)

    try:
        desk.checkout(content, out)
    except InvalidError as error:
        assert is_one
        assert error.code == "name-collision"
        assert not out.exists()
    else:
        assert not is_one
        assert tree_at(out) == {b"A": File(b"1"), b"a": File(b"2")}


def is_case_insensitive(directory: Path) -> bool:
    """Ask the disk."""
    (directory / "probe").touch()
    answer = (directory / "PROBE").exists()
    (directory / "probe").unlink()
    return answer


def test_damaged_bytes_publish_nothing(desk: Desk) -> None:
    """Every byte is verified before anything changes; a damaged pack leaves the destination as it was."""
    out = desk.home / "out"
    desk.checkout(desk.commit(OLD), out)
    content = desk.commit({b"a": File(b"one"), b"b": File(random.Random(6).randbytes(5000))})
    damage_packs(desk.layout.packs)

    with pytest.raises(CorruptError):
        desk.checkout(content, out)
    with pytest.raises(CasError):
        desk.checkout(content, desk.home / "fresh")

    assert tree_at(out) == OLD
    assert not (desk.home / "fresh").exists()
    assert desk.litter() == []


def damage_packs(packs: Path) -> None:
    """Flip a bit in the first frame, which holds files, of every pack."""
    for path in packs.rglob("*.pack"):
        data = bytearray(path.read_bytes())
        data[HEADER_SIZE + 100] ^= 1
        path.write_bytes(data)


def test_damage_in_a_large_file_is_found(desk: Desk) -> None:
    """A file of many chunks is verified as a whole too: good chunks in the wrong order are damage."""
    parts = [random.Random(number).randbytes(1000) for number in range(2)]
    chunks = [BlobId.of(part).raw for part in parts]
    blob = BlobId.of(b"".join(parts)).raw
    swapped = msgspec.msgpack.encode([0, 2000, [[chunks[1], 1000], [chunks[0], 1000]]])
    desk.put(
        (chunks[0], Stored.DATA, parts[0]), (chunks[1], Stored.DATA, parts[1]), (blob, Stored.RECIPE, swapped)
    )

    for target in (Content(Kind.FILE, BlobId(blob)), desk.put_tree([Entry.of(b"x", Kind.FILE, 2000, blob)])):
        with pytest.raises(CorruptError) as caught:
            desk.checkout(target, desk.home / "out")
        assert caught.value.code == "object-damaged"
        assert os.listdir(desk.home) == [".cas"]


def test_no_permission_is_said_plainly(desk: Desk, tmp_path: Path) -> None:
    """A destination below a file cannot be made; the error names the destination."""
    (tmp_path / "file").touch()

    with pytest.raises(CasError, match="cannot check out to"):
        desk.checkout(desk.commit(OLD), tmp_path / "file" / "out")

    assert desk.litter() == []


def test_a_directory_that_may_not_be_changed(desk: Desk) -> None:
    """Whether every directory can be written to is asked before any of them is changed."""
    out = desk.home / "out"
    desk.checkout(desk.commit(OLD), out)
    (out / "gone").chmod(0o555)

    try:
        desk.checkout(desk.commit(NEW), out)
    except ReadOnlyError as error:
        assert "'gone'" in error.what
        assert tree_at(out) == OLD
    else:
        assert os.geteuid() == 0
        assert tree_at(out) == NEW


def test_the_damaged_file_is_named(desk: Desk) -> None:
    """An error says which file cannot be written, by the path that it would have had."""
    lost = Entry.of(b"lost", Kind.FILE, 7, BlobId.of(b"no such").raw)
    content = desk.put_tree([lost], depth=2)

    with pytest.raises(NotFoundError) as caught:
        desk.checkout(content, desk.home / "out")

    assert caught.value.what == f"cannot write '{desk.home}/out/d/d/lost'"
    assert lost.id.hex() in (caught.value.why or "")
