"""The view as a file system: all layers together, as they are at each moment."""

from __future__ import annotations

import contextlib
import errno
import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from cas.config import LayerConfig
from cas.errors import InvalidError
from cas.ids import Kind
from cas.mount import mount as mounts
from cas.repo import Repository
from tests.mount.mounts import is_mounted, mounted, remove
from tests.objects.stores import noise
from tests.old_names import commit_as_before

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cas.view.view import View


BOUND = ["bound"] if os.geteuid() == 0 else []
"""Only root may show a directory at another path."""


@contextlib.contextmanager
def bound(source: Path, folder: Path, name: str) -> Iterator[None]:
    """Show a directory at another path as well, if that is what the name says."""
    if name not in BOUND:
        yield
        return
    (folder / name).mkdir()
    subprocess.run(["mount", "--bind", source, folder / name], check=True)
    try:
        yield
    finally:
        remove(folder / name)


@pytest.fixture
def runtime(home: Path) -> Path:
    """The layer that lies over the refs; the view is that of the directory it is in."""
    folder = home / "runtime_resources"
    (folder / "photos" / "summer").mkdir(parents=True)
    (folder / "photos" / "readme.txt").write_text("Mine.\n")
    (folder / "photos" / "summer" / "new.jpg").write_bytes(b"new")
    (folder / "tool").write_text("#!/bin/sh\n")
    (folder / "tool").chmod(0o755)
    (folder / "link").symlink_to("photos/readme.txt")
    return folder


def commit(home: Path, name: str, data: bytes) -> str:
    """Store a file; its version's spec."""
    source = home.parent / "source"
    source.write_bytes(data)
    with Repository.open(home) as repository:
        return repository.commit(name, source).version.ref


def shown(view: View) -> dict[str, tuple[Kind, bytes | list[str]]]:
    """Say what the view has everywhere."""
    found: dict[str, tuple[Kind, bytes | list[str]]] = {}
    for node in view.walk():
        if node.kind is Kind.DIRECTORY:
            found[node.path] = node.kind, sorted(child.basename for child in view.list(node.path))
        elif node.kind is Kind.SYMLINK:
            target = node.content if node.host is None else os.fsencode(node.host.readlink())
            found[node.path] = node.kind, target or b""
        else:
            found[node.path] = node.kind, view.get_resource_path(node.path).read_bytes()
    return found


def mounted_tree(at: Path) -> dict[str, tuple[Kind, bytes | list[str]]]:
    """Say what a mount has everywhere."""
    found: dict[str, tuple[Kind, bytes | list[str]]] = {}
    for path in at.rglob("*"):
        name = os.fspath(path.relative_to(at))
        if path.is_symlink():
            found[name] = Kind.SYMLINK, os.fsencode(path.readlink())
        elif path.is_dir():
            found[name] = Kind.DIRECTORY, sorted(os.listdir(path))
        else:
            is_executable = path.stat().st_mode & 0o111
            found[name] = Kind.EXECUTABLE if is_executable else Kind.FILE, path.read_bytes()
    return found


def test_it_shows_what_the_view_has(
    home: Path, runtime: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files of both layers, merged directories, names below names; kinds and bytes of each."""
    commit(home, "models/eu/roads.bin", noise("roads", 200_000))
    commit(home, "photos/winter.jpg", b"snow")
    assert runtime.is_dir()
    monkeypatch.chdir(home)
    with Repository.open(home) as repository:
        expected = shown(repository.view())
    with mounted(home, tmp_path / "m", here=home) as mount:
        found = mounted_tree(mount.at)

    assert expected == found
    assert (Kind.FILE, b"Mine.\n") == found["photos/readme.txt"]
    assert (Kind.FILE, b"snow") == found["photos/winter.jpg"]
    assert {"photos/summer/new.jpg", "photos/summer/deep/beach.jpg", "tool", "link"} <= set(found)


def test_the_current_directory_is_that_of_the_command(home: Path, runtime: Path, tmp_path: Path) -> None:
    """`$(cwd)/runtime_resources` is the one where `cas mount` was typed, long after libfuse has moved."""
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "runtime_resources").mkdir(parents=True)
    (elsewhere / "runtime_resources" / "here").write_text("elsewhere")
    assert runtime.is_dir()
    with mounted(home, tmp_path / "m", here=elsewhere) as mount:
        assert ["here", "photos"] == sorted(os.listdir(mount.at))
        assert "elsewhere" == (mount.at / "here").read_text()
        assert "Pictures.\n" == (mount.at / "photos" / "readme.txt").read_text()


def test_a_commit_shows_at_once(home: Path, tmp_path: Path) -> None:
    """A new name appears, and one that moves on shows its new content, also of the same length."""
    commit(home, "numbers", b"one")
    with mounted(home, tmp_path / "m", here=home) as mount:
        assert b"one" == (mount.at / "numbers").read_bytes()
        assert not (mount.at / "letters").exists()

        commit(home, "numbers", b"two")
        commit(home, "letters", b"abc")

        assert b"two" == (mount.at / "numbers").read_bytes()
        assert b"abc" == (mount.at / "letters").read_bytes()
        assert {"letters", "numbers", "photos"} == set(os.listdir(mount.at))
        commit(home, "numbers", b"three, which is longer")
        assert b"three, which is longer" == (mount.at / "numbers").read_bytes()
        assert len(b"three, which is longer") == (mount.at / "numbers").stat().st_size


def test_layers_show_at_once(home: Path, runtime: Path, tmp_path: Path) -> None:
    """A file is put over a stored one, changed there, and taken away again."""
    mine = runtime / "photos" / "readme.txt"
    with mounted(home, tmp_path / "m", here=home) as mount:
        path = mount.at / "photos" / "readme.txt"
        assert "Mine.\n" == path.read_text()
        assert mine.stat().st_mtime_ns == path.stat().st_mtime_ns

        mine.write_text("Mine, and longer.\n")
        assert "Mine, and longer.\n" == path.read_text()
        mine.unlink()
        assert "Pictures.\n" == path.read_text()
        mine.mkdir()
        assert [] == os.listdir(path)


def test_whiteouts_show_at_once(home: Path, runtime: Path, tmp_path: Path) -> None:
    """What is hidden, in the repository or by a file in a directory layer, is not there."""
    with mounted(home, tmp_path / "m", here=home) as mount:
        assert (mount.at / "photos" / "text").exists()

        (runtime / "photos" / ".wh.text").touch()
        with Repository.open(home) as repository:
            repository.hide("photos/large")

        assert not (mount.at / "photos" / "text").exists()
        assert not (mount.at / "photos" / "large").exists()
        names = set(os.listdir(mount.at / "photos"))
        assert not names & {"text", "large", ".wh.text"}
        with Repository.open(home) as repository:
            repository.unhide("photos/large")
        assert (mount.at / "photos" / "large").exists()


def test_an_open_file_keeps_its_content(home: Path, tmp_path: Path) -> None:
    """Who reads a file while its name moves on gets one file, and not half of each of two."""
    old, new = noise("old", 600_000), noise("new", 600_000)
    commit(home, "model", old)
    with mounted(home, tmp_path / "m", here=home) as mount:
        with (mount.at / "model").open("rb", buffering=0) as first:
            assert old[:1000] == first.read(1000)
            commit(home, "model", new)
            with (mount.at / "model").open("rb", buffering=0) as second:
                assert new[:1000] == second.read(1000)
                assert old[1000:] == first.read()
                assert new[1000:] == second.read()
                first.seek(0)
                assert old == first.read()
        assert new == (mount.at / "model").read_bytes()
        assert new == (mount.at / "model").read_bytes(), "from what the kernel remembers"


def test_the_same_content_stays_in_memory(home: Path, tmp_path: Path) -> None:
    """The kernel keeps the pages of a file that did not change: the second reader asks nobody."""
    data = noise("kept", 300_000)
    commit(home, "model", data)
    with mounted(home, tmp_path / "m", here=home) as mount:
        assert data == (mount.at / "model").read_bytes()
        counters = f"/proc/{mount.process.pid}/io"
        before = read_characters(counters)
        assert data == (mount.at / "model").read_bytes()
        after = read_characters(counters)

    assert after - before < len(data)


def read_characters(counters: str) -> int:
    """Say how many bytes a process has written so far: what the kernel was told, for a mount."""
    with open(counters, encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("wchar"))


def test_what_gc_took_leaves_the_rest(home: Path, tmp_path: Path) -> None:
    """A removed name is gone from the view; who has the file open reads on until gc has taken it."""
    data = noise("gone", 3_000_000)
    ref = commit(home, "model", data)
    with mounted(home, tmp_path / "m", here=home) as mount:
        with (mount.at / "model").open("rb", buffering=0) as file:
            with Repository.open(home) as repository:
                repository.remove([ref])
            assert not (mount.at / "model").exists()
            assert data[:1000] == file.read(1000)
            with Repository.open(home) as repository:
                repository.gc()
            file.seek(2_000_000)
            with pytest.raises(OSError) as caught:  # noqa: PT011 - its number is compared below
                file.read(100_000)
        assert errno.EIO == caught.value.errno
        assert "Pictures.\n" == (mount.at / "photos" / "readme.txt").read_text()


@pytest.mark.parametrize("place", ["runtime_resources", "runtime_resources/below", "m"])
def test_a_mount_does_not_read_itself(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """In a layer, or over what would become one, it would wait for itself for ever."""
    at = home / place
    at.mkdir(parents=True)
    there = at if place == "m" else home
    monkeypatch.chdir(there)
    with (
        Repository.open(home) as repository,
        pytest.raises(Exception, match="would have to read itself") as caught,
    ):
        mounts.mount_view(repository, at, owner=(0, 0), now_ns=0, on_ready=lambda: remove(at))

    assert "mount-in-layer" == getattr(caught.value, "code", None)
    assert not is_mounted(at)
    assert tmp_path in at.parents


@pytest.mark.parametrize("place", ["m", "m/photos", ".", "link", "link/../m/x", *BOUND])
def test_a_mount_does_not_become_a_layer(home: Path, tmp_path: Path, place: str) -> None:
    """Whatever path leads to it, above it or into it: nothing is written, and the mount goes on."""
    (tmp_path / "link").symlink_to(tmp_path / "m" / "photos")
    before = (home / ".cas" / "config.yaml").read_bytes()
    with mounted(home, tmp_path / "m", here=home) as mount, bound(mount.at, tmp_path, place):
        path = os.path.join(tmp_path, place)
        with Repository.open(home) as repository, pytest.raises(InvalidError) as caught:
            repository.add_layer(LayerConfig("loop", "directory", path=path))

        assert "layer-in-mount" == caught.value.code
        assert before == (home / ".cas" / "config.yaml").read_bytes()
        assert "Pictures.\n" == (mount.at / "photos" / "readme.txt").read_text()


@pytest.mark.parametrize("place", ["m", "m/photos/summer", ".", "link", *BOUND])
def test_a_layer_that_an_editor_makes_of_a_mount_hangs_nobody(home: Path, tmp_path: Path, place: str) -> None:
    """Neither who looks at the mount, who gets an error, nor the list of layers, nor the mount's own end."""
    (tmp_path / "link").symlink_to(tmp_path / "m")
    config = home / ".cas" / "config.yaml"
    before = config.read_text()
    layer = f"layers:\n- name: loop\n  kind: directory\n  path: {tmp_path / place}\n"
    with mounted(home, tmp_path / "m", here=home) as mount, bound(mount.at, tmp_path, place):
        config.write_text(before.replace("layers:\n", layer))
        with pytest.raises(OSError) as caught:  # noqa: PT011 - its number is compared below
            os.listdir(mount.at)
        with Repository.open(home) as repository:
            problems = {layer.name: layer.problem for layer in repository.layers()}
        config.write_text(before)

        assert errno.EIO == caught.value.errno
        assert ("Input/output error" in str(problems["loop"])) == (place != ".")
        assert "Pictures.\n" == (mount.at / "photos" / "readme.txt").read_text()
        assert 0 == mount.stop()
        assert "would have to read itself" in mount.told()


def test_the_mount_of_another_repository_may_be_a_layer(home: Path, tmp_path: Path) -> None:
    """It reads its own layers, not ours."""
    commit(home, "model", b"theirs")
    (tmp_path / "other").mkdir()
    with (
        mounted(home, tmp_path / "m", here=home),
        Repository.init(tmp_path / "other") as repository,
    ):
        repository.add_layer(LayerConfig("theirs", "directory", path=os.fspath(tmp_path / "m")))

        assert b"theirs" == repository.view().get_resource_path("model").read_bytes()


def test_looking_at_a_shorter_successor_ends_nobody_s_reading(home: Path, tmp_path: Path) -> None:
    """The kernel has one size for a path, and a reader of what was there before must not stop at it."""
    old = noise("long", 3_000_000)
    commit(home, "model", old)
    with mounted(home, tmp_path / "m", here=home) as mount:
        with (mount.at / "model").open("rb", buffering=0) as file:
            found = file.read(10_000)
            commit(home, "model", b"short")
            while piece := file.read(10_000):
                found += piece
                assert 5 == (mount.at / "model").stat().st_size
        assert b"short" == (mount.at / "model").read_bytes()

    assert old == found


def test_nothing_in_it_passes_for_a_repository(home: Path, tmp_path: Path) -> None:
    """Whoever runs `cas` below a directory that holds `.cas` runs the hooks in there; so it is not there."""
    (tmp_path / "hook").write_text("#!/bin/sh\n")
    with Repository.open(home) as repository:
        commit_as_before(repository, "sub/.cas/hooks/pre_checkout", tmp_path / "hook")
    commit(home, "sub/file", b"x")

    with mounted(home, tmp_path / "m") as mount:
        assert ["file"] == os.listdir(mount.at / "sub")
        assert not (mount.at / "sub" / ".cas").exists()
        assert not (mount.at / "sub" / ".cas" / "hooks" / "pre_checkout").exists()
