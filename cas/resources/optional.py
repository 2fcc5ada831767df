"""Resources that may be absent."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from cas.errors import InvalidError
from cas.resources.base import Resource
from cas.resources.stage import Stage

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import BinaryIO

    from cas.ids import VersionId
    from cas.repo.repository import Repository
    from cas.resources.environment import Environment
    from cas.versions.values import JSON
    from cas.versions.version import Version

IS_EMPTY: Final = "is_empty"
"""The property that says that an optional resource is absent. It is true, or not there."""

R = TypeVar("R", bound=Resource)


class OptionalResource(Resource, Generic[R]):
    """A resource whose base may be absent: it is *empty* then, and false.

    Whether it is empty is said by the property `is_empty` alone, never by the disk or by what the base is.
    What the base can do, a present one can do: `optional.path()`. To an empty one every step of the life
    cycle is a success that does nothing, but for its commit, which makes a record like others.
    """

    def __init__(self, base: R) -> None:
        """Wrap `base`, which is used through this object only from now on.

        Raises:
            InvalidError: The base is registered already.
        """
        if base.stage is not Stage.DECLARED:
            raise InvalidError(
                f"cannot make the resource '{base.name}' optional",
                code="frozen-properties",
                why="it is registered, and whether it is empty is one of its properties",
                hint="wrap it first, and register the optional resource",
            )
        super().__init__(base.name)
        self.type_name = base.type_name
        self._base = base
        self._life = base._life  # noqa: SLF001 - two faces of one resource have one life

    @property
    def is_empty(self) -> bool:
        """Whether the base is absent."""
        return IS_EMPTY in self.properties

    def __bool__(self) -> bool:
        """Whether the base is present, whatever the base itself takes for true."""
        return not self.is_empty

    @property
    def base(self) -> R:
        """The base, for what only it can do.

        Raises:
            InvalidError: It is absent.
        """
        if self.is_empty:
            raise self._empty_error("base")
        return self._base

    @property
    def exists(self) -> bool:
        """As of the base; of an empty one, whether its record is known to be there."""
        return super().exists if self.is_empty else self._base.exists

    @property
    def has_payload(self) -> bool:  # type: ignore[override]  # of other types it is a constant
        """As of the base; an empty one has none."""
        return not self.is_empty and self._base.has_payload

    def written_to(self) -> Path | None:
        """As of the base; of an empty one there is nothing to write to."""
        return None if self.is_empty else self._base.written_to()

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the base has
        """Hand everything else on to the base."""
        if name.startswith("_") or not hasattr(type(self._base), name):
            raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")
        if self.is_empty:
            raise self._empty_error(name)
        return getattr(self._base, name)

    def _check(self, properties: Mapping[str, JSON], version: VersionId) -> None:
        if IS_EMPTY not in properties:
            self._base._check(properties, version)  # noqa: SLF001 - it is what subclasses override
        elif properties[IS_EMPTY] is not True:
            raise InvalidError(
                f"cannot register the resource '{self.name}'",
                code="bad-property",
                why=f"its property '{IS_EMPTY}' is {properties[IS_EMPTY]!r}, and must be true or left out",
            )

    def _payload(self, environment: Environment) -> Path | BinaryIO:
        return io.BytesIO() if self.is_empty else self._base._payload(environment)  # noqa: SLF001 - as above

    def _fetch(self, environment: Environment, version: Version) -> None:
        self._base._fetch(environment, version)  # noqa: SLF001 - as above; an empty one has no payload

    def _discard(self) -> None:
        self._base._discard()  # noqa: SLF001 - as above

    def _delete(self, repository: Repository, *, force: bool) -> None:
        if not self.is_empty:
            super()._delete(repository, force=force)

    def _empty_error(self, call: str) -> InvalidError:
        return InvalidError(
            f"cannot use '{call}' of the resource '{self.name}'",
            code="resource-empty",
            why="it is optional, and empty",
            hint="ask `if resource:` first",
        )
