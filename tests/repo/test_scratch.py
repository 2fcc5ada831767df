"""What pipelines need of a repository: typed versions, pinned inputs, many look-ups, scratch places."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING

import pytest

from cas.errors import ConflictError, InvalidError
from cas.ids import VersionId
from cas.versions.identity import version_id
from cas.worktree.link import Link

if TYPE_CHECKING:
    from pathlib import Path

    from cas.repo.repository import Repository


def test_a_type_is_kept_with_the_version(repository: Repository) -> None:
    """A value that is stored as a file is still listed as what it is."""
    result = repository.commit("weights", io.BytesIO(b"pickled"), type="python", properties={"a": 1})

    assert repository.resolve("weights").type == "python"
    assert result.version.as_dict()["type"] == "python"


def test_inputs_may_be_version_ids(repository: Repository) -> None:
    """A run that pinned its inputs commits with them, whatever is current by then."""
    pinned = repository.commit("roads", io.BytesIO(b"1"), properties={"v": 1}).version.version
    repository.commit("roads", io.BytesIO(b"2"), properties={"v": 2})

    made = repository.commit("map", io.BytesIO(b"m"), properties={}, inputs={"roads": pinned}).version

    assert made.inputs == {"roads": pinned}
    assert made.version == version_id({}, {"roads": pinned})


def test_a_commit_by_content_has_the_content_id_among_its_properties(repository: Repository) -> None:
    """So the same properties with other bytes are another version; and nobody can make it say otherwise."""
    one, two = (
        repository.commit("map", io.BytesIO(data), properties={"region": "fi"}, by_content=True).version
        for data in (b"1", b"2")
    )

    assert one.properties == {"region": "fi", "content": str(one.content)}
    assert one.version != two.version
    with pytest.raises(InvalidError, match="content"):
        repository.commit("map", io.BytesIO(b"3"), properties={"content": "other"}, by_content=True)


def test_lookup_finds_live_versions_only(repository: Repository) -> None:
    """A plan counts on what is there: not on what was removed, nor on what never was."""
    here = repository.commit("a", io.BytesIO(b"1"), properties={"v": 1}).version
    gone = repository.commit("b", io.BytesIO(b"2"), properties={"v": 2}).version
    repository.remove([gone.ref])
    keys = [("a", here.version), ("b", gone.version), ("c", VersionId(bytes(32)))]

    assert repository.lookup(keys) == {("a", here.version): here}


@pytest.mark.parametrize("link", [Link.COPY, Link.HARDLINK])
def test_place_fills_a_scratch_place_and_keeps_no_record(
    repository: Repository, tmp_path: Path, link: Link
) -> None:
    """Files, links and empty directories arrive, below the session's own folder; `status` knows nothing."""
    source = tmp_path / "source"
    (source / "empty").mkdir(parents=True)
    (source / "file").write_text("text")
    os.symlink("file", source / "link")
    version = repository.commit("tree", source, properties={"v": 1}).version

    with repository.session() as session:
        place = session.tmp / "tree"
        repository.place(version, place, session=session, link=link)

        assert (place / "file").read_text() == "text"
        assert os.readlink(place / "link") == "file"
        assert (place / "empty").is_dir()
    assert not place.exists()
    assert repository.status() == []


def test_place_overwrites_nothing(repository: Repository, tmp_path: Path) -> None:
    """A scratch place that is taken is somebody's."""
    version = repository.commit("one", io.BytesIO(b"new"), properties={"v": 1}).version
    (tmp_path / "taken").write_text("mine")

    with repository.session() as session, pytest.raises(ConflictError):
        repository.place(version, tmp_path / "taken", session=session, link=Link.COPY)

    assert (tmp_path / "taken").read_text() == "mine"
