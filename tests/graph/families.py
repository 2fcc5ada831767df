"""Versions made from versions: short ways to commit what lineage and explanations are told about."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cas.ids import VersionId
    from cas.repo import Repository
    from cas.versions.values import JSON
    from cas.versions.version import Version


def make(
    repository: Repository,
    name: str,
    inputs: Sequence[str] | Mapping[str, VersionId] = (),
    **properties: JSON,
) -> Version:
    """Commit a small file as `name`, with these inputs and properties."""
    return repository.commit(name, io.BytesIO(b"x"), inputs=inputs, properties=properties).version


def bury(repository: Repository, *specs: str) -> None:
    """Remove versions, whoever uses them, and let gc take their content: the records are left."""
    repository.remove(specs, force=True)
    repository.gc()
