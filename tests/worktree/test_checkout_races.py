"""What happens when somebody else is at work on the same files: nothing is lost, and it is said."""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
from typing import TYPE_CHECKING

import pytest

from cas import fs
from cas.errors import ConflictError
from cas.ids import Kind
from cas.objects.session import Session
from cas.objects.store import ObjectStore
from cas.progress import Silent
from cas.testing.trees import File, Symlink, Tree
from cas.worktree.build import Builder
from cas.worktree.compare import as_entry
from cas.worktree.fetch import plan_jobs, read_share
from cas.worktree.files import FileMaker, StoppedError
from cas.worktree.link import HardlinkPlacer, Placer
from cas.worktree.unmade import UnmadeError
from cas.worktree.views import Views
from cas.worktree.wanted import Place
from tests.worktree.desks import Desk, tree_at

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cas.objects.tree import Entry
    from cas.testing.trees import Node

OLD: Tree = {b"a": File(b"1"), b"b": File(b"2"), b"n": File(b"3"), b"gone": {b"x": File(b"4")}}
NEW: Tree = {b"a": File(b"1"), b"b": File(b"two"), b"n": {b"z": File(b"5")}, b"c": File(b"6")}


@contextlib.contextmanager
def just_before_applying(act: Callable[[], object], *, at: str = "checkout.announced") -> Iterator[None]:
    """Do something when everything is planned and staged, and the first rename comes next."""

    def observe(step: str) -> None:
        if step == at:
            act()

    fs.observer = observe
    try:
        yield
    finally:
        fs.observer = None


@pytest.mark.parametrize("path", ["gone/x", "gone", "n", "b"])
def test_what_was_deleted_meanwhile(desk: Desk, path: str) -> None:
    """A file or directory that somebody deleted need not be deleted again; the rest is done."""
    out = desk.home / "out"
    desk.checkout(desk.commit(OLD), out)
    new = desk.commit(NEW)

    def delete() -> None:
        shutil.rmtree(out / path) if (out / path).is_dir() else (out / path).unlink()

    try:
        with just_before_applying(delete):
            desk.checkout(new, out)
    except ConflictError as error:
        assert error.code == "destination-changed"
        desk.checkout(new, out)

    assert tree_at(out) == NEW
    assert desk.litter() == []


@pytest.mark.parametrize("path", ["gone/x", "n", "b"])
@pytest.mark.parametrize("step", ["checkout.staged", "checkout.announced"])
@pytest.mark.parametrize("how", ["written", "replaced", "linked"])
def test_what_was_written_meanwhile_is_kept(desk: Desk, path: str, step: str, how: str) -> None:
    """To stage everything may take minutes; what goes then is what was looked at, and nothing else.

    A link is none of ours to follow: what it leads to stays, too.
    """
    out = desk.home / "out"
    desk.checkout(desk.commit(OLD), out)
    new = desk.commit(NEW)
    mine = desk.home / "mine"
    mine.write_bytes(b"m")  # as long as what is there

    def write() -> None:
        match how:
            case "written":
                (out / path).write_bytes(b"m")
            case "replaced":
                os.rename(mine, out / path)
            case _:
                (out / path).unlink()
                (out / path).symlink_to(mine)

    with just_before_applying(write, at=step), pytest.raises(ConflictError) as caught:
        desk.checkout(new, out)

    assert ("destination-changed", b"m") == (caught.value.code, (out / path).read_bytes())
    assert (how == "linked") == (out / path).is_symlink()
    if step == "checkout.staged":
        (out / path).unlink()
        desk.checkout(desk.commit(OLD), out)
        assert tree_at(out) == OLD
    assert desk.litter() == []


def test_by_force_even_that_goes(desk: Desk) -> None:
    """Whoever orders that everything be overwritten is obeyed."""
    out = desk.home / "out"
    desk.checkout(desk.commit(OLD), out)
    new = desk.commit(NEW)

    with just_before_applying(lambda: (out / "b").write_bytes(b"mine")):
        desk.checkout(new, out, force=True)

    assert tree_at(out) == NEW


@pytest.mark.parametrize("path", ["gone/x", "n", "b", "c"])
def test_what_was_put_there_meanwhile(desk: Desk, path: str) -> None:
    """A directory that appears where a file was, or is to be, stops the checkout; it is not touched."""
    out = desk.home / "out"
    desk.checkout(desk.commit(OLD), out)

    def put() -> None:
        (out / path).unlink(missing_ok=True)
        (out / path).mkdir()
        (out / path / "mine").touch()

    with just_before_applying(put), pytest.raises(ConflictError) as caught:
        desk.checkout(desk.commit(NEW), out)

    assert caught.value.code == "destination-changed"
    assert (out / path / "mine").exists()
    assert desk.litter() == []


def test_a_directory_made_by_the_user_where_a_file_was(desk: Desk) -> None:
    """What the user put in the place of a file that is gone from the version is the user's: it stays."""
    out = desk.home / "out"
    desk.checkout(desk.commit(OLD), out)
    (out / "n").unlink()
    (out / "n").mkdir()
    (out / "n" / "mine").touch()

    desk.checkout(desk.commit({b"a": File(b"1")}), out)

    assert tree_at(out) == {b"a": File(b"1"), b"n": {b"mine": File()}}


def maker(desk: Desk, root: int, placer: Placer | None = None) -> FileMaker:
    """Make files in an open directory."""
    return FileMaker(root, desk.store, Views(desk.layout, desk.layout.tmp), placer)


@pytest.fixture
def root(desk: Desk) -> Iterator[int]:
    """An open, empty directory."""
    (desk.home / "root").mkdir()
    fd = os.open(desk.home / "root", os.O_RDONLY)
    yield fd
    os.close(fd)


@pytest.mark.parametrize("node", [File(b"1"), Symlink(b"x"), {b"f": File(b"1")}])
@pytest.mark.parametrize("is_linked", [True, False])
def test_nothing_staged_is_overwritten(desk: Desk, root: int, node: Node, *, is_linked: bool) -> None:
    """A name that is taken when a file, link or directory is made is a collision, whatever took it."""
    placer = HardlinkPlacer(Views(desk.layout, desk.layout.tmp)) if is_linked else None
    (entry,) = desk.entries(desk.commit({b"x": node}))
    for _ in range(2):  # with the second, the view is there already
        (desk.home / "root" / "x").mkdir(exist_ok=True)
        builder = Builder(maker(desk, root, placer), None, Silent())

        with pytest.raises(UnmadeError) as caught:
            build(builder, b"x", entry)

        assert caught.value.path == b"x"
        assert caught.value.explain("x").code == "name-collision"


def build(builder: Builder, name: bytes, entry: Entry) -> None:
    """Add one entry and finish."""
    try:
        builder.add(name, entry)
        builder.finish()
    finally:
        builder.close()


def test_many_small_files_make_many_jobs(desk: Desk) -> None:
    """Work is cut into pieces for the threads; together they are all of it, once each."""
    blobs = {desk.put_blob(os.urandom(30_000)).id for _ in range(60)}

    jobs = list(plan_jobs(desk.store, blobs))

    found = [blob for job in jobs if isinstance(job, list) for share in job for blob, _, _ in share.blobs]
    assert len(jobs) > 2
    assert sorted(found) == sorted(blobs)


def test_a_pack_that_gc_rewrote_between_look_up_and_read(desk: Desk) -> None:
    """The rows of a batch may be out of date when their turn comes: those objects are looked up again."""
    alive: Tree = {b"x": File(b"alive"), b"y": File(b"too")}
    both = desk.commit(alive | {b"dead": File(os.urandom(500_000))})
    blobs = [entry.id for entry in desk.entries(desk.commit(alive))]
    jobs = list(plan_jobs(desk.store, blobs))
    packs = set(desk.layout.packs.rglob("*.pack"))
    desk.collect(both)
    assert packs - set(desk.layout.packs.rglob("*.pack"))

    store = ObjectStore(desk.layout, desk.store.index)  # the first one has the old pack open still
    shares = [share for job in jobs if isinstance(job, list) for share in job]
    read = [data for share in shares for _, data in read_share(store, share)]
    store.close()

    assert sorted(read) == [b"alive", b"too"]


def test_a_large_file_is_given_up_at_once(desk: Desk, root: int) -> None:
    """When a checkout stops, nobody waits until a file of many gigabytes is written to its end."""
    content = desk.commit(File(os.urandom(700_000)))
    work = maker(desk, root)
    (job,) = plan_jobs(desk.store, [content.id.raw])
    work.stopped.set()
    place = Place(b"", b"x", content.id.raw, content.kind, None)

    with pytest.raises(StoppedError):
        work.make(job, {content.id.raw: [place]})


def test_a_cache_that_somebody_keeps_clearing(desk: Desk, root: int) -> None:
    """A view that is gone whenever it has been made is an error in the end, not an endless loop."""
    builder = Builder(maker(desk, root, Forgetful()), None, Silent())

    with pytest.raises(UnmadeError) as caught:
        build(builder, b"x", as_entry(desk.commit(File(b"12345"))))

    assert caught.value.explain("x").code == "view-vanished"


def test_a_view_that_others_keep_replacing_can_be_linked_to(desk: Desk, root: int) -> None:
    """Two runs that make the same bytes visible at once each put their own file there; a link succeeds."""
    blob = desk.commit(File(b"12345")).id.raw
    with Session.start(desk.layout) as session:
        views = Views(desk.layout, session.tmp)
        views.add(blob, Kind.FILE, [b"12345"])
        done = threading.Event()

        def replace() -> None:
            while not done.is_set():
                views.add(blob, Kind.FILE, [b"12345"])

        others = [threading.Thread(target=replace) for _ in range(2)]
        for other in others:
            other.start()
        try:
            placer = HardlinkPlacer(views)
            found = [
                placer.place(root, Place(b"", b"%d" % number, blob, Kind.FILE, 5)) for number in range(3000)
            ]
        finally:
            done.set()
            for other in others:
                other.join()

    assert all(status is not None and status.st_size == 5 for status in found)


class Forgetful:
    """A placer that never finds the view."""

    def place(self, directory: int, place: Place) -> None:
        """Find nothing."""

    def probe(self, directory: int, view: bytes) -> None:
        """Find nothing wrong."""
