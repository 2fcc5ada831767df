"""Objects of S3, Google Cloud Storage and Azure, through obstore.

obstore tries nothing again here: its own retries know neither when the work was stopped nor whether somebody
gave it a pause. What it raises becomes one of our errors, and `cas.remotes.effort` decides.
"""

from __future__ import annotations

import contextlib
import re
import threading
from typing import TYPE_CHECKING, Final

import obstore
from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError

from cas.errors import CasError, InvalidError, NotFoundError
from cas.remotes import errors
from cas.remotes.bucket_errors import explained, panicked, unusable
from cas.remotes.buckets import open_bucket
from cas.remotes.source import RemoteFile

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from obstore import GetOptions, ObjectMeta

    from cas.remotes.bucket import Bucket
    from cas.remotes.location import Location
    from cas.remotes.settings import Settings

_BLOCK: Final = 1 << 20
_PAGE: Final = 1000
_BAD_PATH: Final = re.compile(r"(?i)empty path segment|illegal character|parsing path|parse path")


class BucketSource:
    """An object, or all objects below a prefix. Safe for threads."""

    def __init__(self, location: Location, settings: Settings) -> None:
        self.location = location
        self._settings = settings
        self._prefix = location.path.removesuffix("/")
        self._lock = threading.Lock()
        self._opened: Bucket | None = None

    def head(self) -> RemoteFile:
        """Ask for what is known of the object."""
        try:
            return self._described("", self._head(self._prefix))
        except NotFoundError:
            if self._has_objects_below():
                raise errors.is_directory(str(self.location)) from None
            raise

    def _head(self, key: str) -> ObjectMeta:
        store = self._bucket().store
        with self._explained(""):
            try:
                return obstore.head(store, key)
            except (PermissionDeniedError, UnauthenticatedError, FileNotFoundError):
                # An answer to HEAD has no body, and only the body says what is wrong with the credentials,
                # or that there is no such bucket.
                return obstore.get(store, key).meta

    def _has_objects_below(self) -> bool:
        with self._explained("", may_be_forbidden=True):
            for page in obstore.list(self._bucket().store, prefix=self._prefix, chunk_size=1):
                return any(True for _ in self._listed(page))
        return False

    def list(self) -> Iterator[RemoteFile]:
        """List all objects below the prefix, a page at a time."""
        is_empty = True
        with self._explained(""):
            for page in obstore.list(self._bucket().store, prefix=self._prefix or None, chunk_size=_PAGE):
                for file in self._listed(page):
                    is_empty = False
                    yield file
        if is_empty:
            self._explain_emptiness()

    def _listed(self, page: Sequence[ObjectMeta]) -> Iterator[RemoteFile]:
        start = len(self._prefix) + 1 if self._prefix else 0
        for meta in page:
            path = meta["path"][start:]
            if path:  # a listing of `a/` has the object that stands for the directory itself
                yield self._described(path, meta)

    def _explain_emptiness(self) -> None:
        if self._prefix:
            try:
                self._head(self._prefix)
            except NotFoundError as error:
                raise errors.absent(str(self.location), error.why or "nothing is below it") from None
            raise errors.is_file(str(self.location))
        raise errors.absent(str(self.location), "nothing is below it")

    def read(self, file: RemoteFile, start: int, stop: int | None) -> Iterator[obstore.Bytes]:
        """Read the object, or a part of it, as it was when it was described."""
        key = f"{self._prefix}/{file.path}" if self._prefix and file.path else self._prefix or file.path
        with self._explained(file.path, is_pinned=self._is_pinned(file)):
            found = obstore.get(self._bucket().store, key, options=self._options(file, start, stop))
            etag = _bare(found.meta["e_tag"])
            if file.etag is not None and etag is not None and etag != file.etag:
                raise errors.changed(
                    self.location.below(file.path), f"its ETag was {file.etag}, and is {etag}"
                )
            yield from found.stream(min_chunk_size=_BLOCK)

    def _options(self, file: RemoteFile, start: int, stop: int | None) -> GetOptions:
        options: GetOptions = {}
        if start > 0 or stop is not None:
            options["range"] = {"offset": start} if stop is None else (start, stop)
        if self._is_pinned(file):
            options["version"] = file.generation
        elif file.etag is not None:
            # Some servers refuse their own ETag in quotes (research on RGW), Azure wants them.
            options["if_match"] = f'"{file.etag}"' if self.location.scheme == "az" else file.etag
        return options

    def _is_pinned(self, file: RemoteFile) -> bool:
        """Whether to ask for a generation. Only at Google that needs no further right than reading."""
        return self.location.scheme == "gs" and file.generation is not None

    def close(self) -> None:
        """Nothing can be broken off: a read that hangs ends when its time is over."""

    def _bucket(self) -> Bucket:
        with self._lock:
            if self._opened is None:
                try:
                    self._opened = open_bucket(self.location, self._settings)
                except (BaseError, ValueError) as error:
                    if isinstance(error, CasError):
                        raise
                    raise unusable(error, self.location) from error
            return self._opened

    def _described(self, path: str, meta: ObjectMeta) -> RemoteFile:
        etag, generation = _bare(meta["e_tag"]), meta["version"]
        modified = meta["last_modified"]
        return RemoteFile(
            path,
            meta["size"],
            etag=etag,
            generation=generation,
            modified=modified,
            token=generation or etag or f"{modified.isoformat()} {meta['size']}",
            is_divisible=bool(generation or etag),
        )

    @contextlib.contextmanager
    def _explained(
        self, path: str, *, is_pinned: bool = False, may_be_forbidden: bool = False
    ) -> Iterator[None]:
        try:
            yield
        except (BaseError, FileNotFoundError, ValueError) as error:
            if isinstance(error, InvalidError | NotFoundError):
                raise  # ours already, and a ValueError by birth
            if _BAD_PATH.search(str(error)):
                raise InvalidError(
                    f"cannot fetch '{self.location}'",
                    code="bad-remote-name",
                    why=str(error).partition("\n")[0],
                    hint="rename the object at the far side; its name cannot be that of a file",
                ) from error
            if may_be_forbidden and isinstance(error, BaseError):
                return
            if is_pinned and isinstance(error, FileNotFoundError):
                raise errors.changed(self.location.below(path), "this generation of it is gone") from error
            has_credentials = self._opened is not None and self._opened.has_credentials
            raise explained(error, self.location, path, has_credentials=has_credentials) from error
        except BaseException as error:
            panic = panicked(error, self.location, path)
            if panic is None:
                raise
            raise panic from error


def _bare(etag: str | None) -> str | None:
    """An ETag without its quotes; some servers send an empty one, or base64 without, which may begin so."""
    return re.sub('^W/(?=")', "", etag).strip('"') or None if etag else None
