"""Resources that are values of Python, and build parameters, which are nothing but properties.

A payload of `PythonResource` is a pickle, and unpickling runs whatever code its author put into it. So it is
unpickled in one place only, `unpickle`, which `PythonResource.load` and `cas cat --unpickle` call: never by
listing, showing, verifying, checking out or making available.
"""

from __future__ import annotations

import io
import pickle
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from cas.errors import InvalidError
from cas.resources.base import Resource
from cas.resources.scratch import Scratch, materialise
from cas.resources.stage import Stage, Step, out_of_order

if TYPE_CHECKING:
    from pathlib import Path

    from cas.resources.environment import Environment
    from cas.versions.version import Version

PROTOCOL: Final = 5
"""Of every pickle, whatever Python wrote it: 3.8 and later read it."""

_FILE_NAME: Final = "value.pickle"


class PythonResource(Resource):
    """Any value that can be pickled; `None`, `0` and `[]` are values like others.

    What is stored is the value as it is when it is committed. The version does not depend on it. Equal values
    need not have equal pickles (sets have no order), so to build one again may be a conflict.
    """

    type_name = "python"

    def __init__(self, name: str) -> None:
        """Declare a value."""
        super().__init__(name)
        self._held: tuple[Any] | None = None
        self._scratch = Scratch()

    @property
    def value(self) -> Any:  # noqa: ANN401 - any value is the point
        """The value that was set or loaded.

        Raises:
            InvalidError: None was yet.
        """
        self._require(Step.USE, call="value")
        if self._held is None:
            first = "load()" if self.stage is Stage.AVAILABLE else "set()"
            raise out_of_order(self.name, "value", f"it is {self.stage}, and {first} comes first")
        return self._held[0]

    def set(self, value: Any) -> None:  # noqa: ANN401 - any value is the point
        """Set the value that a commit is to store.

        Raises:
            InvalidError: It is not configured, or was made available for reading.
        """
        self._require(Step.WRITE)
        self._held = (value,)
        self._note_written()

    def load(self) -> Any:  # noqa: ANN401 - any value is the point
        """Unpickle what `ensure_available` fetched, keep it as `value`, and return it.

        This runs code of whoever stored the value: load only what you would also execute.

        Raises:
            InvalidError: It is not available, or its pickle needs what is not installed.
        """
        environment = self._at_host(Step.READ)
        with self._place(environment).open("rb") as stream:
            self._held = (unpickle(stream, self.name),)
        return self._held[0]

    def _payload(self, environment: Environment) -> Path:
        assert self._held is not None, "only set() leads to where a commit is allowed"
        place = self._place(environment)
        with place.open("wb") as stream:
            try:
                pickle.dump(self._held[0], stream, protocol=PROTOCOL)
            except Exception as error:  # pickling calls methods of the value, which raise what they like
                raise InvalidError(
                    f"cannot commit the resource '{self.name}'",
                    code="unpicklable",
                    why=f"its value cannot be pickled: {type(error).__name__}: {error}",
                ) from error
        return place

    def _fetch(self, environment: Environment, version: Version) -> None:
        materialise(environment.repository, version, self._place(environment))

    def _discard(self) -> None:
        self._held = None
        self._scratch.delete()

    def _place(self, environment: Environment) -> Path:
        return self._scratch.place(environment.workspace, _FILE_NAME)


def unpickle(stream: BinaryIO, owner: str) -> Any:  # noqa: ANN401 - any value is the point
    """Read a pickle, and run the code that is in it; `owner` is whose it is, for the error.

    Raises:
        InvalidError: It cannot be read: it is no pickle, or needs what is not installed.
    """
    try:
        return pickle.load(stream)  # noqa: S301 - the one place, and only on explicit request
    except (Exception, SystemExit) as error:
        raise _not_unpickled(owner, error) from error


def describe(pickled: bytes, owner: str) -> str:
    """Unpickle, run the code in it, and write the value as `repr` does; raises as `unpickle` does."""
    value = unpickle(io.BytesIO(pickled), owner)
    try:
        return repr(value)
    except Exception as error:
        raise _not_unpickled(owner, error) from error


def _not_unpickled(owner: str, error: BaseException) -> InvalidError:
    return InvalidError(
        f"cannot unpickle the value of '{owner}'",
        code="not-unpickled",
        why=f"{type(error).__name__}: {error}",
    )


class BuildParamsResource(Resource):
    """Properties and nothing else: the region, the vendor and the date that a build is for.

    It exists as soon as it is registered; a commit puts it on record, with an empty file as content.
    """

    type_name = "build-params"
    has_payload = False

    @property
    def exists(self) -> bool:
        """Whether it is registered, and not removed."""
        return self.stage not in {Stage.DECLARED, Stage.REMOVED}

    def _payload(self, environment: Environment) -> BinaryIO:  # noqa: ARG002 - there is none to look for
        return io.BytesIO()

    def _fetch(self, environment: Environment, version: Version) -> None:
        """Do nothing: it is all in the properties."""
