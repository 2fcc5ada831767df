"""The registry of the seed, and one like it, against servers that speak the language of real clouds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cas import registry
from cas.registry import Outcome
from cas.repo import Repository
from tests.registry.desk import contents, write

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.servers.google import GoogleStorage
    from tests.servers.seaweed import Seaweed

SEED = """
resources:
  - name: inception
    dst_path: pretrained_models/slim_inception_pretrained/inception_v3.ckpt
    gs_url: gs://deeplab/pretrained_models/slim_inception_pretrained/inception_v3.ckpt
  - name: toy_data
    dst_path: data/
    gs_url: gs://deeplab/toy_data
"""


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Repository]:
    """A repository around the current directory."""
    monkeypatch.chdir(tmp_path)
    with Repository.init(tmp_path) as opened:
        yield opened


def test_the_seed_on_google_storage(repository: Repository, google: GoogleStorage, tmp_path: Path) -> None:
    """A file and a directory; the generation tells states of a file apart, and all of them stay."""
    checkpoint = "pretrained_models/slim_inception_pretrained/inception_v3.ckpt"
    google.fill("deeplab", {checkpoint: b"weights", "toy_data/a": b"1", "toy_data/b/c": b"22"})
    entries = registry.load(write(tmp_path / "remote.yaml", SEED))
    view = repository.view()

    def download() -> list[registry.Result]:
        return registry.download(entries, view=view, repository=repository, settings=google.settings)

    listed = registry.list(entries, view=view, settings=google.settings)
    first = download()
    second = download()
    google.fill("deeplab", {checkpoint: b"WEIGHTS"})
    third = download()

    assert [7, 3] == [one.size for one in listed]
    assert {checkpoint: "WEIGHTS", "data/a": "1", "data/b/c": "22"} == contents(
        tmp_path / "runtime_resources"
    )
    outcomes = [[one.outcome for one in results] for results in (first, second, third)]
    assert [Outcome.DOWNLOADED, Outcome.DOWNLOADED] == outcomes[0]
    assert [Outcome.UNCHANGED, Outcome.UNCHANGED] == outcomes[1]
    assert [Outcome.DOWNLOADED, Outcome.UNCHANGED] == outcomes[2]
    versions = repository.versions(checkpoint)
    assert [b"WEIGHTS", b"weights"] == [repository.read(one.ref) for one in versions]
    generations = [int(str(one.properties["generation"])) for one in versions]
    assert sorted(generations, reverse=True) == generations


def test_a_file_and_a_directory_of_s3(repository: Repository, seaweed: Seaweed, tmp_path: Path) -> None:
    """The ETag tells states apart; the slash must be right here too (A8), and is told as anywhere."""
    seaweed.fill("registry", {"net.bin": b"weights", "toys/a": b"1", "toys/b/c": b"22"})
    entries = registry.load(
        write(
            tmp_path / "remote.yaml",
            """
- {name: net, dst_path: net.bin, url: 's3://registry/net.bin'}
- {name: toys, dst_path: toys/, url: 's3://registry/toys'}
- {name: file as directory, dst_path: wrong/, url: 's3://registry/net.bin'}
- {name: directory as file, dst_path: wrong too, url: 's3://registry/toys'}
""",
        )
    )

    results = registry.download(
        entries, view=repository.view(), repository=repository, settings=seaweed.settings
    )

    assert {"net.bin": "weights", "toys/a": "1", "toys/b/c": "22"} == contents(tmp_path / "runtime_resources")
    assert results[0].version is not None
    assert results[0].version.properties["etag"]
    assert [None, None, "trailing-slash", "trailing-slash"] == [
        one.error and one.error.code for one in results
    ]
