"""Resources that are files and directories."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

from cas.errors import InvalidError, NotFoundError
from cas.resources.base import Resource
from cas.resources.scratch import Scratch, materialise, touched
from cas.resources.stage import Stage, Step
from cas.resources.template import Template

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from cas.ids import VersionId
    from cas.resources.environment import Environment
    from cas.versions.values import JSON
    from cas.versions.version import Version


class _PathResource(Resource):
    """A resource that has a path while it is on a host."""

    _kind: str
    """What is to be at the path, in words."""

    def __init__(self, name: str, template: str | None) -> None:
        super().__init__(name)
        last = name.rpartition("/")[2].replace("{", "{{").replace("}", "}}")
        self._template = Template(last if template is None else template, owner=name, is_file_name=True)
        self._scratch = Scratch()

    def path(self) -> Path:
        """Say where it is: where to write it, or after `ensure_available` where to read it.

        The directory around it exists. What is there is the task's to write, and disappears with `clean`.

        Raises:
            InvalidError: It is not configured.
            StorageError: The directory around it cannot be made.
        """
        environment = self._at_host(Step.USE)
        if self.stage is Stage.CONFIGURED:
            self._note_written()
        return self._place(environment)

    def _payload(self, environment: Environment) -> Path:
        place = self._place(environment)
        if self._is_right(place):
            return place
        what = f"cannot commit the resource '{self.name}'"
        if not place.exists():
            raise NotFoundError(what, code="not-written", why=f"there is no {self._kind} at '{place}'")
        raise InvalidError(what, code="wrong-kind", why=f"what is at '{place}' is no {self._kind}")

    def _fetch(self, environment: Environment, version: Version) -> None:
        materialise(environment.repository, version, self._place(environment))

    def _check(self, properties: Mapping[str, JSON], version: VersionId) -> None:
        self._template.expand(properties, name=self.name, version=version)

    def written_to(self) -> Path | None:
        """Find a file of what was fetched that somebody wrote to since; they are the repository's own."""
        return touched(self.path()) if self.stage is Stage.AVAILABLE else None

    def _discard(self) -> None:
        self._scratch.delete()

    @abstractmethod
    def _is_right(self, path: Path) -> bool:
        """Whether what is at `path` is of the kind that this type stores."""

    def _place(self, environment: Environment) -> Path:
        name = self._template.expand(self.properties, name=self.name, version=self.version)
        return self._scratch.place(environment.workspace, name)


class FileResource(_PathResource):
    """A single file."""

    type_name = "file"
    _kind = "file"

    def __init__(self, name: str, filename_template: str | None = None) -> None:
        """Declare a file.

        Args:
            name: The resource's name.
            filename_template: What the file is called on a host, see `Template`; by default the last
                component of `name`.

        Raises:
            InvalidError: The name or the template breaks a rule.
        """
        super().__init__(name, filename_template)

    def _is_right(self, path: Path) -> bool:
        return path.is_file()


class DirResource(_PathResource):
    """A directory of files, which the task makes. An empty one is a value."""

    type_name = "directory"
    _kind = "directory"

    def __init__(self, name: str, dirname_template: str | None = None) -> None:
        """Declare a directory; the template is as that of a `FileResource`."""
        super().__init__(name, dirname_template)

    def _is_right(self, path: Path) -> bool:
        return path.is_dir()
