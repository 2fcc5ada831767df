"""Errors of lookups. They are the operating system's, too, so that what handles those handles them."""

from __future__ import annotations

import errno

from cas.errors import ConflictError, NotFoundError


class ResourceNotFound(NotFoundError, FileNotFoundError):  # noqa: N818 - the name that programs know
    """The view has nothing at a path. An `OSError` with `errno` ENOENT."""

    def __init__(
        self,
        what: str,
        *,
        code: str,
        why: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(what, code=code, why=why, hint=hint)
        self.errno = errno.ENOENT


class FileInTheWay(ConflictError, NotADirectoryError):  # noqa: N818 - as above
    """A file is where a directory would have to be. An `OSError` with `errno` ENOTDIR."""

    def __init__(self, what: str, *, code: str, why: str | None = None, hint: str | None = None) -> None:
        super().__init__(what, code=code, why=why, hint=hint)
        self.errno = errno.ENOTDIR


def leaves_layer(path: str, layer: str, link: str) -> ResourceNotFound:
    """Build the error for a symlink that leads out of what its layer is made of."""
    return ResourceNotFound(
        f'cannot find "{path}"',
        code="path-leaves-layer",
        why=f"the symlink '{link}' leads out of the layer '{layer}'",
        hint="put what it leads to into the layer, or into one above",
    )
