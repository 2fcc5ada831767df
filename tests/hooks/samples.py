"""Events for tests, one for each point."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from cas.hooks import (
    PostCheckout,
    PostCommit,
    PostGc,
    PostRemove,
    PostRun,
    PreCheckout,
    PreCommit,
    PreGc,
    PreRemove,
    PreRun,
    Subject,
)
from cas.ids import BlobId, Content, Kind, TreeId, VersionId

REPOSITORY: Final = Path("/somewhere/.cas")
VERSION: Final = VersionId(bytes(range(32)))
SUBJECT: Final = Subject("main", "roads", VERSION)

PRE_COMMIT: Final = PreCommit(
    repository=REPOSITORY,
    subject=SUBJECT,
    content=Content(Kind.FILE, BlobId.of(b"x")),
    size=1,
    file_count=1,
    properties={"city": "Tromsø", "year": 2024, "box": [1.5, None, {"deep": True}]},
    inputs={"raw": VERSION},
    message="",
)
POST_COMMIT: Final = PostCommit(
    repository=REPOSITORY,
    subject=SUBJECT,
    content=Content(Kind.DIRECTORY, TreeId(bytes(32))),
    outcome="created",
    new_size=17,
)
DESTINATION: Final = Path("/work/caf\udce9")
"""A path that is not UTF-8."""

PRE_CHECKOUT: Final = PreCheckout(REPOSITORY, SUBJECT, DESTINATION, "a/b")
POST_CHECKOUT: Final = PostCheckout(REPOSITORY, SUBJECT, DESTINATION, None, written=2, removed=1)
PRE_REMOVE: Final = PreRemove(REPOSITORY, (SUBJECT, SUBJECT))
POST_REMOVE: Final = PostRemove(REPOSITORY, (SUBJECT,))
PRE_GC: Final = PreGc(REPOSITORY)
POST_GC: Final = PostGc(REPOSITORY, objects_deleted=3, packs_deleted=1, bytes_freed=4096)
PRE_RUN: Final = PreRun(REPOSITORY, "clean", (SUBJECT,), {"raw": VERSION})
POST_RUN: Final = PostRun(REPOSITORY, "clean", (SUBJECT,), {"raw": VERSION}, built=True, seconds=1.5)

EVENTS: Final = (
    PRE_COMMIT,
    POST_COMMIT,
    PRE_CHECKOUT,
    POST_CHECKOUT,
    PRE_REMOVE,
    POST_REMOVE,
    PRE_GC,
    POST_GC,
    PRE_RUN,
    POST_RUN,
)
