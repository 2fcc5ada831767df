"""Chunking may be changed at any time: it is advice for new data, and old data stays what it is."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import yaml

from cas import Repository
from tests.objects.stores import noise

if TYPE_CHECKING:
    from pathlib import Path

ZEROS = bytes(200_000)  # never cut by content: its chunks are as large as they may be
MORE = ZEROS + noise("more", 300_000)


def set_chunking(home: Path, smallest: int, average: int, largest: int, whole_below: int) -> None:
    """Edit config.yaml."""
    config = home / ".cas" / "config.yaml"
    document = yaml.safe_load(config.read_text())
    sizes = {"min_size": smallest, "average_size": average, "max_size": largest, "whole_below": whole_below}
    config.write_text(yaml.safe_dump(document | {"chunking": sizes}))


def test_old_and_new_files_share_what_they_have_in_common(home: Path, tmp_path: Path) -> None:
    """What is one chunk now was a file of many then: it is found, and readers, gc and checkouts follow it."""
    Repository.init(home).close()
    set_chunking(home, 1024, 4096, 16_384, 16_384)
    with Repository.open(home) as repository:
        repository.commit("zeros", io.BytesIO(ZEROS))
    set_chunking(home, 65_536, 131_072, 200_000, 131_072)

    with Repository.open(home) as repository:
        result = repository.commit("more", io.BytesIO(MORE))
        repository.remove(["zeros"])
        repository.gc()
        repository.checkout("more", tmp_path / "out")

        assert result.reused_objects > 0
        assert MORE == repository.read("more") == (tmp_path / "out").read_bytes()
        assert () == repository.verify().problems


def test_the_id_of_a_file_does_not_depend_on_how_it_is_cut(home: Path) -> None:
    """The same bytes are the same version, though they would be cut in other places now."""
    data = noise("data", 500_000)
    Repository.init(home).close()
    with Repository.open(home) as repository:
        first = repository.commit("data", io.BytesIO(data))
    set_chunking(home, 1024, 4096, 16_384, 16_384)

    with Repository.open(home) as repository:
        again = repository.commit("copy", io.BytesIO(data))

        assert first.version.content == again.version.content
        assert data == repository.read("data") == repository.read("copy")
