"""Files of this machine that are no files, and trees of links."""

from __future__ import annotations

import os
import tempfile
from typing import TYPE_CHECKING

import pytest

from cas.errors import InvalidError, NotFoundError
from cas.registry.hashing import content_of, hashes_to
from cas.registry.registry_file import load
from cas.remotes.digests import Digest
from cas.remotes.errors import RemoteError
from cas.remotes.location import Location
from cas.remotes.settings import Settings
from cas.remotes.sources import open_source
from tests.remotes.fetching import contents, fetch, fetch_all

if TYPE_CHECKING:
    from pathlib import Path


def test_a_pipe_is_no_file(tmp_path: Path) -> None:
    """Not as a source, not as what was downloaded, and not as a registry; nobody waits for a writer."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    with pytest.raises(NotFoundError) as source:
        fetch(pipe.as_uri(), tmp_path)
    with pytest.raises(InvalidError) as registry:
        load(pipe)

    assert ("remote-not-found", "bad-registry") == (source.value.code, registry.value.code)
    assert (None, False) == (content_of(pipe), hashes_to(pipe, Digest.parse("md5:" + "0" * 32)))


def test_a_file_from_a_year_that_calendars_do_not_know(tmp_path: Path) -> None:
    """It is fetched, without its time. In memory, since many file systems on disk know no such year."""
    with tempfile.NamedTemporaryFile(dir="/dev/shm") as far:
        far.write(b"data")
        far.flush()
        os.utime(far.name, (10**12, 10**12))

        fetch(f"file://{far.name}", tmp_path)

    assert b"data" == (tmp_path / "file").read_bytes()


def test_links_to_directories_are_followed(tmp_path: Path) -> None:
    """As links to files are; one that leads upwards, to itself or to nothing is left out."""
    far, other = tmp_path / "far", tmp_path / "other"
    (far / "inside").mkdir(parents=True)
    (far / "inside" / "a").write_bytes(b"a")
    (other / "deep").mkdir(parents=True)
    (other / "deep" / "b").write_bytes(b"b")
    links: dict[str, str | Path] = {
        "elsewhere": other,
        "twice": far / "inside",
        "inside/up": far,
        "self": "self",
        "nothing": "nowhere",
    }
    for link, target in links.items():
        (far / link).symlink_to(target)
    (other / "deep" / "back").symlink_to(far)

    fetch_all(f"{far.as_uri()}/", tmp_path)

    assert {"inside/a": b"a", "twice/a": b"a", "elsewhere/deep/b": b"b"} == contents(tmp_path / "all")


def test_a_pipe_that_takes_the_place_of_a_file_is_a_change(tmp_path: Path) -> None:
    """Between the look and the reading."""
    path = tmp_path / "x"
    path.write_bytes(b"data")
    source = open_source(Location.parse(path.as_uri()), Settings())
    file = source.head()
    path.unlink()
    os.mkfifo(path)

    with pytest.raises(RemoteError, match="changed while it was being fetched"):
        list(source.read(file, 0, None))
