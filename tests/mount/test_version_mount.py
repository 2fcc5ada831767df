"""One version as a file system: what a checkout has, and nothing that can be changed."""

from __future__ import annotations

import errno
import json
import os
import stat
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cas.repo import Repository
from tests.mount.conftest import LARGE
from tests.mount.mounts import forget_pages, mounted

if TYPE_CHECKING:
    from collections.abc import Callable


def status(path: Path) -> tuple[int, int, int]:
    """Type and permissions, size and modification time of what is at `path`."""
    found = path.lstat()
    return found.st_mode, found.st_size, found.st_mtime_ns


def test_it_is_what_a_checkout_is(home: Path, photos: Path, tmp_path: Path) -> None:
    """Every file, symlink, empty directory and odd name; `diff -r` reads all of it through the kernel."""
    with mounted(home, tmp_path / "m", "photos") as mount:
        done = subprocess.run(
            ["diff", "--recursive", "--no-dereference", photos, mount.at], capture_output=True, check=False
        )

        assert (0, b"") == (done.returncode, done.stdout)
        assert "summer/deep/beach.jpg" == os.readlink(mount.at / "latest")
        assert [] == os.listdir(mount.at / "empty")


def test_programs_can_be_run_from_it(home: Path, tmp_path: Path) -> None:
    """Executables are, and others are not."""
    with mounted(home, tmp_path / "m", "photos") as mount:
        done = subprocess.run([mount.at / "sort.sh"], capture_output=True, text=True, check=True)

        assert "sorted\n" == done.stdout
        assert not os.access(mount.at / "readme.txt", os.X_OK)


def test_stat_tells_the_truth(home: Path, tmp_path: Path) -> None:
    """Programs compare sizes and times; nothing looks as if it could be written."""
    with Repository.open(home) as repository:
        made_at = repository.resolve("photos").created_at.timestamp()
    with mounted(home, tmp_path / "m", "photos") as mount:
        found = {path: status(mount.at / path) for path in ("large", "sort.sh", "latest", "summer", ".")}
        file_system = os.statvfs(mount.at)

    assert {mtime for _, _, mtime in found.values()} == {round(made_at * 1_000_000) * 1000}
    assert found["large"][:2] == (stat.S_IFREG | 0o444, len(LARGE))
    assert found["sort.sh"][0] == stat.S_IFREG | 0o555
    assert found["latest"][:2] == (stat.S_IFLNK | 0o777, len("summer/deep/beach.jpg"))
    assert found["summer"][0] == found["."][0] == stat.S_IFDIR | 0o555
    assert file_system.f_flag & os.ST_RDONLY
    assert 0 == file_system.f_bavail < len(LARGE) < file_system.f_blocks * file_system.f_frsize


def test_inodes_are_stable_and_differ(home: Path, tmp_path: Path) -> None:
    """`cp` and `tar` take one number for one file, and incremental backups remember them."""

    def numbers() -> dict[Path, int]:
        with mounted(home, tmp_path / "m", "photos") as mount:
            listed = {entry.name: entry.inode() for entry in os.scandir(mount.at)}
            found = {
                path.relative_to(mount.at): path.lstat().st_ino for path in [mount.at, *mount.at.rglob("*")]
            }
        assert listed == {name: found[Path(name)] for name in listed}, "readdir and stat agree"
        return found

    first = numbers()

    assert first == numbers()
    assert len(first) == len(set(first.values()))


@pytest.mark.parametrize("name", ["large", "text"])
def test_any_range_is_that_of_the_file(home: Path, photos: Path, tmp_path: Path, name: str) -> None:
    """Wherever a reader looks, with and without what the kernel remembers, also past the end."""
    whole = (photos / name).read_bytes()
    with mounted(home, tmp_path / "m", "photos") as mount:
        fd = os.open(mount.at / name, os.O_RDONLY)

        @given(offset=st.integers(0, len(whole) + 10), size=st.integers(0, 300_000), is_fresh=st.booleans())
        @settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
        def check(offset: int, size: int, is_fresh: bool) -> None:
            if is_fresh:
                forget_pages(mount.at / name)
            assert whole[offset : offset + size] == os.pread(fd, size, offset)

        try:
            check()
        finally:
            os.close(fd)


CHANGES: dict[str, Callable[[Path], object]] = {
    "create": lambda at: (at / "new").touch(),
    "write": lambda at: (at / "readme.txt").open("r+"),
    "append": lambda at: (at / "readme.txt").open("a"),
    "truncate": lambda at: os.truncate(at / "readme.txt", 0),
    "unlink": lambda at: (at / "readme.txt").unlink(),
    "mkdir": lambda at: (at / "new").mkdir(),
    "rmdir": lambda at: (at / "empty").rmdir(),
    "rename": lambda at: (at / "readme.txt").rename(at / "new"),
    "symlink": lambda at: (at / "new").symlink_to("readme.txt"),
    "link": lambda at: os.link(at / "readme.txt", at / "new"),
    "mkfifo": lambda at: os.mkfifo(at / "new"),
    "chmod": lambda at: (at / "readme.txt").chmod(0o600),
    "chown": lambda at: os.chown(at / "readme.txt", 1, 1),
    "utime": lambda at: os.utime(at / "readme.txt"),
    "setxattr": lambda at: os.setxattr(at / "readme.txt", "user.x", b"1"),
    "removexattr": lambda at: os.removexattr(at / "readme.txt", "user.x"),
}


@pytest.mark.parametrize("options", ["ro", "rw"])
def test_nothing_can_be_changed(home: Path, photos: Path, tmp_path: Path, options: str) -> None:
    """Not even by root, nor after it has mounted the file system anew as writable."""
    answers = {}
    with mounted(home, tmp_path / "m", "photos") as mount:
        subprocess.run(["mount", "-i", "-o", f"remount,{options}", mount.at], check=True)
        for name, change in CHANGES.items():
            with pytest.raises(OSError) as caught:  # noqa: PT011 - its number is compared below
                change(mount.at)
            answers[name] = caught.value.errno
        names = sorted(os.listdir(mount.at))

    assert dict.fromkeys(CHANGES, errno.EROFS) == answers
    assert sorted(os.listdir(photos)) == names


def test_there_are_no_extended_attributes(home: Path, tmp_path: Path) -> None:
    """`ls -l`, `cp -a` and `rsync -X` ask, and go on."""
    with mounted(home, tmp_path / "m", "photos") as mount:
        with pytest.raises(OSError) as caught:  # noqa: PT011 - its number is compared below
            os.getxattr(mount.at / "readme.txt", "user.x")
        subprocess.run(["cp", "--archive", mount.at, tmp_path / "copy"], check=True)

    assert caught.value.errno in {errno.ENOTSUP, errno.ENODATA}
    assert LARGE == (tmp_path / "copy" / "large").read_bytes()


def test_a_file_is_shown_under_the_end_of_its_name(home: Path, photos: Path, tmp_path: Path) -> None:
    """A version that is a file needs a directory to be in."""
    with Repository.open(home) as repository:
        repository.commit("models/tiny.bin", photos / "large")
    with mounted(home, tmp_path / "m", "models/tiny.bin") as mount:
        assert ["tiny.bin"] == os.listdir(mount.at)
        assert LARGE == (mount.at / "tiny.bin").read_bytes()
        with pytest.raises(FileNotFoundError):
            (mount.at / "other").stat()
        with pytest.raises(NotADirectoryError):
            (mount.at / "tiny.bin" / "below").stat()


def test_a_version_stays_what_it_is(home: Path, photos: Path, tmp_path: Path) -> None:
    """The name moves on, and whoever computes with the mount does not notice."""
    with mounted(home, tmp_path / "m", "photos") as mount:
        (photos / "readme.txt").write_text("Other pictures.\n")
        with Repository.open(home) as repository:
            repository.commit("photos", photos)

        assert "Pictures.\n" == (mount.at / "readme.txt").read_text()


def test_gc_moves_packs_under_a_mount(home: Path, photos: Path, tmp_path: Path) -> None:
    """Garbage goes, packs are rewritten, and the files that are mounted are read from the new ones."""
    (photos / "large").write_bytes(LARGE[::-1])
    with Repository.open(home) as repository:
        first = repository.resolve("photos").ref
        repository.commit("photos", photos)
    with mounted(home, tmp_path / "m", "photos") as mount:
        with (mount.at / "large").open("rb") as file:
            assert LARGE[::-1][:10] == file.read(10)
        with Repository.open(home) as repository:
            repository.remove([first])
            report = repository.gc()
        forget_pages(mount.at / "large")

        assert report.packs_deleted + report.packs_rewritten
        assert LARGE[::-1] == (mount.at / "large").read_bytes()
        assert "Pictures.\n" == (mount.at / "readme.txt").read_text()


def test_what_gc_took_is_an_error_and_no_wrong_byte(home: Path, tmp_path: Path) -> None:
    """A mount is a reader as others are: it holds nothing back, and the log says what happened."""
    with mounted(home, tmp_path / "m", "photos") as mount:
        assert "Pictures.\n" == (mount.at / "readme.txt").read_text()
        with Repository.open(home) as repository:
            repository.remove(["photos"])
            repository.gc()

        with pytest.raises(OSError) as caught:  # noqa: PT011 - its number is compared below
            (mount.at / "large").read_bytes()
        assert errno.EIO == caught.value.errno
        assert "Pictures.\n" == (mount.at / "readme.txt").read_text(), "what was read is remembered"
        assert 0 == mount.stop()
        assert "cannot read '/large'" in mount.told()


def test_the_line_is_json_on_request(home: Path, tmp_path: Path) -> None:
    """Programs wait for it, and find in it which version the selector meant."""
    with mounted(home, tmp_path / "m", "photos@~0", "--json") as mount:
        rest = [mount.line]
        assert mount.process.stdout is not None
        while rest[-1] != "}\n":
            rest.append(mount.process.stdout.readline())
        document = json.loads("".join(rest))

    assert os.fspath(tmp_path / "m") == document["directory"]
    assert "photos" == document["version"]["name"]
