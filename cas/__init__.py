"""A git-style, content-addressed store for what data, ML and map-building pipelines make and use.

    import cas

    with cas.Repository.open(Path(".")) as repository:
        result = repository.commit("roads", Path("roads.geojson"), properties={"region": "ru"})
        print(result.version.ref, repository.read("roads")[:80])

Names are loaded when they are used: `import cas` alone is free.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cas.errors import AlreadyExistsError as AlreadyExistsError
    from cas.errors import CasError as CasError
    from cas.errors import ConflictError as ConflictError
    from cas.errors import CorruptError as CorruptError
    from cas.errors import HookRefusedError as HookRefusedError
    from cas.errors import InternalError as InternalError
    from cas.errors import InvalidError as InvalidError
    from cas.errors import NotFoundError as NotFoundError
    from cas.errors import ReadOnlyError as ReadOnlyError
    from cas.errors import StorageError as StorageError
    from cas.ids import BlobId as BlobId
    from cas.ids import Content as Content
    from cas.ids import Kind as Kind
    from cas.ids import TreeId as TreeId
    from cas.ids import VersionId as VersionId
    from cas.lookup import get_resource_path as get_resource_path
    from cas.lookup import get_resources_writable_directory as get_resources_writable_directory
    from cas.lookup import set_user_resources_directory as set_user_resources_directory
    from cas.repo.repository import Repository as Repository
    from cas.repo.results import CheckoutResult as CheckoutResult
    from cas.repo.results import CheckoutStatus as CheckoutStatus
    from cas.repo.results import CommitResult as CommitResult
    from cas.repo.results import Difference as Difference
    from cas.repo.results import Listing as Listing
    from cas.repo.results import LogEntry as LogEntry
    from cas.repo.results import OnConflict as OnConflict
    from cas.repo.results import Outcome as Outcome
    from cas.repo.results import RemoveResult as RemoveResult
    from cas.repo.results import TreeItem as TreeItem
    from cas.versions.record import Record as Record
    from cas.versions.version import State as State
    from cas.versions.version import Version as Version
    from cas.view.errors import FileInTheWay as FileInTheWay
    from cas.view.errors import ResourceNotFound as ResourceNotFound
    from cas.view.node import Named as Named
    from cas.view.node import Node as Node
    from cas.view.node import Which as Which
    from cas.view.view import View as View
    from cas.worktree.compare import Change as Change
    from cas.worktree.compare import Status as Status
    from cas.worktree.link import Link as Link

_HOMES = {
    "cas.errors": (
        "AlreadyExistsError CasError ConflictError CorruptError HookRefusedError InternalError InvalidError "
        "NotFoundError ReadOnlyError StorageError"
    ),
    "cas.ids": "BlobId Content Kind TreeId VersionId",
    "cas.lookup": "get_resource_path get_resources_writable_directory set_user_resources_directory",
    "cas.repo.repository": "Repository",
    "cas.repo.results": (
        "CheckoutResult CheckoutStatus CommitResult Difference Listing LogEntry OnConflict Outcome "
        "RemoveResult TreeItem"
    ),
    "cas.versions.record": "Record",
    "cas.versions.version": "State Version",
    "cas.view.errors": "FileInTheWay ResourceNotFound",
    "cas.view.node": "Named Node Which",
    "cas.view.view": "View",
    "cas.worktree.compare": "Change Status",
    "cas.worktree.link": "Link",
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}

__all__ = sorted(_HOME_OF)  # noqa: PLE0605 - the table above is the list


def __getattr__(name: str) -> object:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module 'cas' has no attribute {name!r}")
    return getattr(import_module(home), name)
