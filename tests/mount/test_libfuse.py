"""What mounting needs of the machine: whatever is missing, the error says how to get it."""

from __future__ import annotations

import os
import subprocess
from ctypes.util import find_library
from typing import TYPE_CHECKING

import pytest

from cas.errors import StorageError
from cas.mount import libfuse
from tests.cli.conftest import arguments, environment
from tests.mount.children import load_as_nobody
from tests.mount.mounts import mounted
from tests.processes import printed

if TYPE_CHECKING:
    from pathlib import Path


def attempt(home: Path, at: Path, **variables: str) -> str:
    """Run `cas mount`, which must fail; what it says."""
    at.mkdir()
    done = subprocess.run(
        arguments("--repo", str(home), "mount", str(at), "photos"),
        capture_output=True,
        text=True,
        env=environment(**variables),
        check=False,
    )
    assert (1, "") == (done.returncode, done.stdout)
    return done.stderr


def test_without_mfusepy(home: Path, tmp_path: Path) -> None:
    """It is an extra of the distribution, and the hint is the line that installs it."""
    (tmp_path / "mfusepy.py").write_text("raise ModuleNotFoundError('mfusepy')\n")
    found = environment()["PYTHONPATH"]

    told = attempt(home, tmp_path / "m", PYTHONPATH=f"{tmp_path}:{found}")

    assert "pip install 'cas-store[mount]'" in told


def test_without_libfuse(home: Path, tmp_path: Path) -> None:
    """No wheel brings it: the hint names the packages of distributions."""
    told = attempt(home, tmp_path / "m", **{libfuse.CHOICE: "not-there"})

    assert "libfuse cannot be loaded" in told
    assert "apt-get install fuse3" in told


def test_without_the_device(tmp_path: Path) -> None:
    """Containers have none unless they are told to."""
    with pytest.raises(StorageError) as caught:
        libfuse.load(tmp_path / "fuse")

    assert "no-fuse-device" == caught.value.code
    assert "--device /dev/fuse" in str(caught.value.hint)


def test_without_the_right_to_use_the_device(public: Path) -> None:
    """It is there, and belongs to root alone."""
    device = public / "fuse"
    device.touch(0o600)

    told = printed(load_as_nobody, device)

    assert told.startswith("fuse-forbidden ")
    assert f"chmod 666 {device}" in told


def test_each_library_serves(home: Path, photos: Path, tmp_path: Path) -> None:
    """The two have different calls underneath; a machine may have either, or both."""
    found = [name for name in ("fuse", "fuse3") if find_library(name)]
    for name in found:
        with mounted(home, tmp_path / "m", "photos", variables={libfuse.CHOICE: name}) as mount:
            assert (photos / "large").read_bytes() == (mount.at / "large").read_bytes()
            assert sorted(os.listdir(photos)) == sorted(os.listdir(mount.at))
            assert 0 == mount.stop()
            assert "" == mount.told().replace("note: Ctrl-C unmounts it\n", "")

    assert found
